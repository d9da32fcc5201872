//! What handlers cost in the two forms of their trait: exact, on any machine.

use std::io::{Read, Write};
use std::process::Command;
use std::rc::Rc;

use allocation_counter::measure;
use api_async::{Task, TcpListener, spawn};
use examples::patterns::handler::{self, DynHandler, Echo};
use loop_core::{EventLoop, LoopHandle};

type Served = std::io::Result<std::convert::Infallible>;

/// How an echo server is written.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// An `async fn`.
    Function,
    /// The native trait.
    Native,
    /// The trait as an object, by async-trait.
    Object,
}

impl Form {
    const ALL: [Form; 3] = [Form::Function, Form::Native, Form::Object];

    fn serve(self, handle: &LoopHandle, listener: TcpListener) -> Task<Served> {
        match self {
            Form::Function => spawn(handle, api_async::echo::serve(listener)),
            Form::Native => spawn(handle, handler::serve(listener, Rc::new(Echo))),
            Form::Object => {
                let handler: Rc<dyn DynHandler> = Rc::new(Echo);
                spawn(handle, handler::serve_dyn(listener, handler))
            }
        }
    }
}

/// An echo server and its client, after some messages.
struct Echoing {
    event_loop: EventLoop,
    client: std::net::TcpStream,
}

impl Echoing {
    fn in_form(form: Form) -> Echoing {
        let event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        form.serve(&handle, listener).detach();
        let client = std::net::TcpStream::connect(address).unwrap();
        let mut echoing = Echoing { event_loop, client };
        messages(&mut echoing, 10);
        echoing
    }
}

/// What is counted: messages, each echoed before the next.
#[inline(never)]
fn messages(echoing: &mut Echoing, count: u64) {
    let handle = echoing.event_loop.handle();
    for _ in 0..count {
        let writes = handle.counts().writes;
        echoing.client.write_all(&[b'x'; 64]).unwrap();
        while handle.counts().writes == writes {
            echoing.event_loop.run_once().unwrap();
        }
        echoing.client.read_exact(&mut [0; 64]).unwrap();
    }
}

const MESSAGES: u64 = 100;

#[test]
fn a_handler_that_is_an_object_costs_one_allocation_a_message_and_a_native_one_none() {
    let each = Form::ALL.map(|form| {
        let mut echoing = Echoing::in_form(form);
        measure(|| messages(&mut echoing, MESSAGES)).count_total
    });
    assert_eq!(each, [0, 0, MESSAGES]);
}

#[test]
fn a_native_handler_takes_the_instructions_of_a_function_and_an_object_those_of_a_box_more() {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        println!("skipped: instructions are counted by valgrind, which is not installed");
        return;
    }
    let [function, native, object] = Form::ALL.map(|form| instructions(form) / MESSAGES);
    println!("instructions a message: {function}, native {native}, as an object {object}");
    assert!(native.abs_diff(function) * 50 < function, "{native} and {function}");
    // The object's future is boxed: the call, the box and its release.
    let boxed = object.saturating_sub(native);
    assert!(boxed > 50 && boxed * 3 < native, "{object} and {native}");
}

/// Runs [`under_valgrind`] with a server in that form, and returns what the messages took.
fn instructions(form: Form) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*handlers::messages*")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "handlers::under_valgrind", "--ignored", "--nocapture"])
        .env("ECHO_FORM", (form as u8).to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    collected.expect("callgrind says what it collected").1.trim().parse().unwrap()
}

#[test]
#[ignore = "a process of its own for another test"]
fn under_valgrind() {
    let form: usize = std::env::var("ECHO_FORM").unwrap().parse().unwrap();
    messages(&mut Echoing::in_form(Form::ALL[form]), MESSAGES);
}
