//! What things cost, by counting allocations: exact, on any machine.

use std::io::{Read, Write};
use std::process::Command;
use std::rc::Rc;

use allocation_counter::measure;
use api_async::handler::{self, DynHandler, Echo};
use api_async::{Task, TcpListener, run_until_complete, sleep, spawn, spawn_infallible};
use loop_core::{EventLoop, LoopHandle};

use crate::lab::yield_now;

/// Returns the allocations of what `work` does, after it was done once for the room.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    measure(work).count_total
}

#[test]
fn a_task_is_one_allocation_and_switching_is_none() {
    const TASKS: u64 = 1_000;
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    for switches in [0, 1, 10] {
        let count = allocations(|| {
            for number in 0..TASKS {
                let task = spawn_infallible(&handle, async move {
                    for _ in 0..switches {
                        yield_now().await;
                    }
                    number
                });
                task.detach();
            }
            while event_loop.run_ready() > 0 {}
        });
        assert_eq!(count, TASKS, "{switches} switches");
    }
}

#[test]
fn spawning_and_joining_is_one_allocation() {
    const TASKS: u64 = 1_000;
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let mut joins = |tasks: u64| {
        let handle = handle.clone();
        let main = async move {
            for _ in 0..tasks {
                spawn(&handle, async { yield_now().await }).await.unwrap();
            }
        };
        allocations_once(|| run_until_complete(&mut event_loop, main).unwrap())
    };
    joins(TASKS);
    assert_eq!(joins(2 * TASKS) - joins(TASKS), TASKS);
}

fn allocations_once(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

#[test]
fn sleeping_again_and_again_allocates_nothing() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let mut sleeps = |times: u64| {
        let handle = handle.clone();
        let main = async move {
            for _ in 0..times {
                sleep(&handle, std::time::Duration::ZERO).await;
            }
        };
        allocations_once(|| run_until_complete(&mut event_loop, main).unwrap())
    };
    sleeps(100);
    assert_eq!(sleeps(1_100), sleeps(100));
}

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
        allocations_once(|| messages(&mut echoing, MESSAGES))
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
        .arg("--toggle-collect=*costs::messages*")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "costs::under_valgrind", "--ignored", "--nocapture"])
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
