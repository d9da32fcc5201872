//! Signals through the self-pipe.

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Stdio};

use loop_core::{EventLoop, TurnRule};
use signal_hook::consts::{SIGINT, SIGKILL, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::low_level::raise;

use crate::lab::{Lab, alone};

#[test]
fn a_signal_runs_its_handler_in_the_loop() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.add_signal_handler(SIGUSR1, lab.trace.adder("usr1")).unwrap();
    raise(SIGUSR1).unwrap();
    lab.turn();
    raise(SIGUSR1).unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["usr1", "|", "usr1", "|"]);
}

#[test]
fn a_removed_signal_handler_is_silent() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.add_signal_handler(SIGUSR2, lab.trace.adder("first")).unwrap();
    lab.handle.add_signal_handler(SIGUSR2, lab.trace.adder("second")).unwrap();
    raise(SIGUSR2).unwrap();
    lab.turn();
    assert!(lab.handle.remove_signal_handler(SIGUSR2));
    assert!(!lab.handle.remove_signal_handler(SIGUSR2));
    raise(SIGUSR2).unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["second", "|", "|"]);
}

#[test]
fn many_signals_of_one_kind_run_their_handler_once_a_turn() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.add_signal_handler(SIGWINCH, lab.trace.adder("winch")).unwrap();
    // More than a pipe holds.
    (0..100_000).for_each(|_| raise(SIGWINCH).unwrap());
    let remote = lab.handle.remote();
    let submit = move || {
        (0..5_000).for_each(|_| remote.call_soon_threadsafe(|_| ()).map_err(drop).unwrap());
    };
    std::thread::spawn(submit).join().unwrap();
    lab.turn();
    lab.turn();
    assert_eq!(lab.trace.take(), ["winch", "|", "|"]);
    assert_eq!(lab.handle.counts().calls, 5_001);
}

#[test]
fn a_signal_ends_a_poll_that_blocks() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let stopped = handle.clone();
    handle.add_signal_handler(SIGTERM, move || stopped.stop()).unwrap();
    let raiser = std::thread::spawn(|| raise(SIGTERM).unwrap());
    event_loop.run_forever().unwrap();
    raiser.join().unwrap();
}

#[test]
#[should_panic(expected = "forbidden signal")]
fn a_signal_that_nobody_can_handle_is_refused() {
    let lab = Lab::new(TurnRule::Snapshot);
    let _ = lab.handle.add_signal_handler(SIGKILL, || ());
}

#[test]
fn a_signal_that_other_code_has_taken_is_refused() {
    alone("signals::taken_by_other_code");
}

#[test]
#[ignore = "a process of its own for another test"]
fn taken_by_other_code() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.handle.add_signal_handler(SIGPIPE, lab.trace.adder("pipe")).unwrap();
    assert!(lab.handle.remove_signal_handler(SIGPIPE));
    // The standard library calls `signal(SIGPIPE, SIG_DFL)` before it becomes another program, and
    // leaves it so when there is no such program.
    let _there_is_none = Command::new("/there/is/no/such/program").exec();
    let refused = lab.handle.add_signal_handler(SIGPIPE, || ()).unwrap_err();
    assert!(refused.to_string().contains("other code"), "{refused}");
    assert!(!lab.handle.remove_signal_handler(SIGPIPE));
    lab.handle.add_signal_handler(SIGUSR1, lab.trace.adder("usr1")).unwrap();
    raise(SIGUSR1).unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["usr1", "|"], "another signal is handled");
}

#[test]
fn a_panicking_signal_handler_is_reported_with_its_place() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let trace = lab.trace.clone();
    lab.handle.set_exception_handler(move |_, context| {
        trace.add(format!("{} {}", context.by.unwrap(), context.scheduled_at.unwrap().line()));
    });
    let line = line!() + 1;
    lab.handle.add_signal_handler(signal_hook::consts::SIGURG, || panic!("on purpose")).unwrap();
    raise(signal_hook::consts::SIGURG).unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), [&format!("a signal handler {line}"), "|"]);
}

#[test]
fn the_first_interrupt_stops_gracefully() {
    let (mut child, mut said) = interruptible();
    interrupt(&child);
    assert_eq!(said.next().unwrap().unwrap(), "interrupted");
    drop(child.stdin.take());
    assert_eq!(said.find_map(|line| line.unwrap().strip_suffix("ended").map(str::len)), Some(0));
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_second_interrupt_ends_the_process_at_once() {
    let (mut child, mut said) = interruptible();
    interrupt(&child);
    assert_eq!(said.next().unwrap().unwrap(), "interrupted");
    // Kept open: to wait for a child closes its input, and the callback would return.
    let _input = child.stdin.take();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().signal(), Some(SIGINT));
}

/// Starts [`child`] in a process of its own, and returns what it says once it is ready.
fn interruptible() -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let arguments = ["--exact", "signals::child", "--ignored", "--nocapture"];
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().ends_with("ready")));
    (child, said)
}

fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// A program whose callback does not return before its input ends.
#[test]
#[ignore = "a process of its own for other tests"]
fn child() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let stopped = handle.clone();
    let callback = move || {
        stopped.stop();
        println!("interrupted");
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    };
    handle.on_interrupt(callback).unwrap();
    println!("ready");
    event_loop.run_forever().unwrap();
    println!("ended");
}
