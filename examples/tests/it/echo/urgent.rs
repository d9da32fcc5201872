//! Urgent data: what a client sends behind their mark comes back without more to be sent.

use std::io::Write;
use std::net::TcpStream;

use examples::{Server, Style};
use rustix::process::{Pid, Signal, kill_process};
use socket2::SockRef;

use crate::client::{close_gently, connect, expect, ping};
use crate::server::{start, stop};

/// Makes a test for each style whose server knows what is drained; tokio's takes a short read for it.
macro_rules! in_styles {
    ($($test:ident $style:ident,)*) => {
        $(#[test]
        fn $test() {
            what_is_sent_behind_an_urgent_mark_comes_back(Style::$style);
        })*
    };
}

in_styles! {
    callbacks Callbacks,
    promises Promises,
    async_await Async,
    protocol Protocol,
    raw Raw,
    threads Threads,
    smol Smol,
}

fn what_is_sent_behind_an_urgent_mark_comes_back(style: Style) {
    let server = start(style);
    // The server reads what has all come, or what comes.
    for stopped in [true, false] {
        let mut stream = connect(server.addr());
        ping(&mut stream, b"hello");
        for (before, urgent, after) in [(100, 1, 100), (1, 1, 3_000), (50, 100, 50)] {
            signal(&server, stopped, Signal::STOP);
            send(&mut stream, before, urgent, after);
            signal(&server, stopped, Signal::CONT);
            expect(&mut stream, &vec![b'x'; before + urgent - 1 + after]);
        }
        send(&mut stream, 100, 1, 0);
        expect(&mut stream, &[b'x'; 100]);
        close_gently(stream);
    }
    ping(&mut connect(server.addr()), b"and the next one");
    stop(server);
}

fn signal(server: &Server, wanted: bool, signal: Signal) {
    if wanted {
        let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

/// Sends ordinary bytes, some of which the last is urgent, and ordinary bytes.
fn send(stream: &mut TcpStream, before: usize, urgent: usize, after: usize) {
    stream.write_all(&vec![b'x'; before]).unwrap();
    let bytes = [vec![b'x'; urgent - 1], vec![b'!']].concat();
    SockRef::from(&*stream).send_out_of_band(&bytes).unwrap();
    stream.write_all(&vec![b'x'; after]).unwrap();
}
