//! Nothing calls back before its operation returned: each operation that takes a callback is begun where it
//! could end at once, and the callback looks whether the call is over.

use std::cell::Cell;
use std::io;
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{
    Completion, Sequence, all, all_settled, any, each, map_limit, race, retry, timeout,
};
use api_callbacks::protocol::Echo;
use api_callbacks::{
    CancellationToken, ClientBuilder, FlowControl, Interval, Operation, RateLimit, Semaphore,
    ServerBuilder, TcpListener, TcpStream, bytes, resolve, sleep, sleep_until,
};
use loop_core::{Backoff, Chunk, ConnectOptions, EventLoop, LoopHandle, LoopTime};

use crate::tcp::silent;

/// Whether the call is over, and whether its callback has come.
#[derive(Clone, Default)]
struct Call {
    returned: Rc<Cell<bool>>,
    called: Rc<Cell<bool>>,
}

impl Call {
    /// To be called by the callback.
    fn back(&self) {
        assert!(self.returned.get(), "it calls back before it returned");
        self.called.set(true);
    }
}

/// What an operation is begun with.
struct Given {
    handle: LoopHandle,
    stream: TcpStream,
    listener: TcpListener,
    call: Call,
}

/// Begins an operation whose callback is the call's.
type Begin = fn(&Given, Call);

/// An operation that completes before it returns, as one that a program writes may.
fn at_once(done: Completion<u64, io::Error>) -> Operation {
    done(Ok(1));
    Operation::composed(&Rc::new(crate::lab::Nothing))
}

/// Each operation of the wing that takes a callback, by the name of its function.
const OPERATIONS: [(&str, Begin); 33] = [
    ("accept", |it, call| drop(it.listener.accept(move |_, _| call.back()))),
    ("connect", |it, call| {
        let address = it.listener.local_addr().unwrap();
        TcpStream::connect(&it.handle, address, move |_| call.back());
    }),
    ("connect_with", |it, call| {
        let (address, options) = (it.listener.local_addr().unwrap(), ConnectOptions::default());
        TcpStream::connect_with(&it.handle, address, &options, move |_| call.back());
    }),
    ("read_chunk", |it, call| drop(it.stream.read_chunk(move |_, _| call.back()))),
    ("write_chunk", |it, call| {
        it.stream.write_chunk(Chunk::from(vec![1]), move |_, _| call.back());
    }),
    ("shutdown", |it, call| drop(it.stream.shutdown(Shutdown::Write, move |_, _| call.back()))),
    ("read", |it, call| drop(bytes::read(&it.stream, [0; 1], move |_, _, _| call.back()))),
    ("read_exact", |it, call| {
        bytes::read_exact(&it.stream, [0; 1], move |_, _, _| call.back());
    }),
    ("read_until", |it, call| {
        bytes::read_until(&it.stream, b'x', Vec::new(), move |_, _, _| call.back());
    }),
    ("write_all", |it, call| {
        bytes::write_all(&it.stream, vec![1], move |_, _, _| call.back());
    }),
    ("write_all_vectored", |it, call| {
        bytes::write_all_vectored(&it.stream, vec![vec![1], vec![2]], move |_, _, _| call.back());
    }),
    ("sleep", |it, call| drop(sleep(&it.handle, Duration::ZERO, move |_| call.back()))),
    ("sleep_until", |it, call| {
        sleep_until(&it.handle, LoopTime::ORIGIN, move |_| call.back());
    }),
    ("acquire", |it, call| drop(Semaphore::new(1).acquire(&it.handle, move |_| call.back()))),
    ("tick", |it, call| {
        let interval = Interval::new(&it.handle, Duration::from_nanos(1)).unwrap();
        interval.tick(move |_| call.back());
    }),
    ("wait", |it, call| {
        let limit = RateLimit::new(&it.handle, 1, Duration::from_nanos(1)).unwrap();
        limit.wait(move |_| call.back());
    }),
    ("connect_to_host", |it, call| {
        let host = ("127.0.0.1", it.listener.local_addr().unwrap().port());
        TcpStream::connect_to_host(&it.handle, host, move |_| call.back());
    }),
    ("resolve", |it, call| drop(resolve(&it.handle, "127.0.0.1", 1, move |_| call.back()))),
    ("all", |it, call| drop(all(&it.handle, [at_once], move |_| call.back()))),
    ("all_settled", |it, call| drop(all_settled(&it.handle, [at_once], move |_| call.back()))),
    ("any", |it, call| drop(any(&it.handle, [at_once], move |_| call.back()))),
    ("race", |it, call| drop(race(&it.handle, [at_once], move |_| call.back()))),
    ("each", |it, call| drop(each(&it.handle, [1], |_, done| at_once(done), move |_| call.back()))),
    ("map_limit", |it, call| {
        map_limit(&it.handle, [1], 1, |_, done| at_once(done), move |_| call.back());
    }),
    ("timeout", |it, call| {
        timeout(&it.handle, Duration::ZERO, at_once, move |_| call.back());
    }),
    ("retry", |it, call| {
        drop(retry(&it.handle, Backoff::default(), at_once, move |_| call.back()))
    }),
    ("start", |it, call| {
        let whole = Sequence::new(&it.handle, at_once).repeat(|value, done| {
            done(Ok(ControlFlow::Break(value)));
            Operation::composed(&Rc::new(crate::lab::Nothing))
        });
        whole.start(move |_| call.back());
    }),
    ("cancelled", |it, call| {
        let token = CancellationToken::new();
        token.cancel();
        token.cancelled(&it.handle, move |_| call.back());
    }),
    ("guard", |it, call| {
        CancellationToken::new().guard(&it.handle, at_once, move |_| call.back());
    }),
    ("drain", |it, call| drop(FlowControl::new(&it.handle).drain(move |_| call.back()))),
    ("connect", |it, call| {
        let address = it.listener.local_addr().unwrap();
        ClientBuilder::new().connect(&it.handle, address, Echo, move |_| call.back());
    }),
    ("connect_to_host", |it, call| {
        let host = ("127.0.0.1", it.listener.local_addr().unwrap().port());
        ClientBuilder::new().connect_to_host(&it.handle, host, Echo, move |_| call.back());
    }),
    ("stop", |it, call| {
        let any = "127.0.0.1:0".parse().unwrap();
        let server = ServerBuilder::new().serve(&it.handle, any, |_| Echo).unwrap();
        server.stop(Duration::ZERO, move |_| call.back());
    }),
];

/// Each is begun twice on a stream of its own: the second finds the first pending, and is refused.
#[test]
fn whatever_its_operation_comes_to() {
    for (name, begin) in OPERATIONS {
        let mut event_loop = EventLoop::new().unwrap();
        let (stream, peer) = silent(&mut event_loop);
        std::io::Write::write_all(&mut &peer, b"xxxx").unwrap();
        let handle = event_loop.handle();
        handle.set_exception_handler(|_, context| panic!("{context}"));
        let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
        let given = Given { handle, stream, listener, call: Call::default() };
        let _waiting = std::net::TcpStream::connect(given.listener.local_addr().unwrap()).unwrap();
        let second = Call::default();
        for call in [&given.call, &second] {
            begin(&given, call.clone());
            assert!(!call.called.get(), "{name}");
            call.returned.set(true);
        }
        while !given.call.called.get() {
            event_loop.run_once().unwrap();
        }
        given.handle.reset_exception_handler();
    }
}

/// A public function that takes a `callback` is one of those above.
#[test]
fn none_is_left_out() {
    /// What sets a callback that no call of its own can have called.
    const SETTERS: [&str; 1] = ["on_failure"];
    for (path, text) in sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for function in text.split("pub fn ").skip(1) {
            let name: String =
                function.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let (signature, _) = function.split_once(['{', ';']).unwrap_or((function, ""));
            let takes = signature.contains("callback: impl FnOnce(");
            let known = OPERATIONS.iter().any(|(known, _)| *known == name);
            assert!(!takes || known || SETTERS.contains(&&*name), "{path}: {name}");
        }
    }
}

fn sources(folder: &std::path::Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}
