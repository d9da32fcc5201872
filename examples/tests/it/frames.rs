//! What backtraces, a debugger and the loop itself show of one program.

use std::process::Command;

use examples::Style;
use examples::claims::{observed, part, skipped};
use examples::demonstrations::frames::{
    FUNCTIONS, Moment, STYLES, backtrace, backtrace_while_it_waits, introspect,
};

/// Returns what a backtrace shows of the program at a moment, innermost first, in one line.
fn shown(style: Style, moment: Moment) -> String {
    backtrace(style, moment).unwrap().functions().join(" < ")
}

/// Callbacks invert control and rip the stack: the trace of a fault after the wait has the innermost
/// continuation and the loop; async keeps the chain of calls, and so does a thread.
#[test]
fn c14_callbacks_lose_the_chain_of_calls_and_async_keeps_it() {
    for style in STYLES {
        observed("C14", &format!("frames_{style}"), shown(style, Moment::After));
    }
    let keeps = |style, function| shown(style, Moment::After).contains(function);
    assert!(part("C14", "callbacks lose who asked", !keeps(Style::Callbacks, "serve")));
    assert!(part("C14", "promises lose who asked", !keeps(Style::Promises, "serve")));
    assert!(part("C14", "async keeps the chain of calls", keeps(Style::Async, "serve")));
    // ANCHOR: traces
    assert_eq!(shown(Style::Threads, Moment::After), "look_up < price < serve < begin");
    assert_eq!(shown(Style::Callbacks, Moment::After), "look_up");
    assert_eq!(shown(Style::Promises, Moment::After), "look_up");
    assert_eq!(shown(Style::Async, Moment::After), "look_up < price < serve");

    // On the way back the callee calls its caller: the trace is there, upside down.
    assert_eq!(shown(Style::Callbacks, Moment::Back), "serve < price < look_up");
    assert_eq!(shown(Style::Promises, Moment::Back), "serve");
    assert_eq!(shown(Style::Async, Moment::Back), "serve");
    // ANCHOR_END: traces

    for style in STYLES {
        let loops = backtrace(style, Moment::After).unwrap().frames_of_the_loop();
        assert_eq!(loops > 0, style != Style::Threads, "{style}: {loops} frames of the loop");
    }
}

/// Before anything waits, callbacks and promises are plain calls, with what began the program. A
/// task is not: it begins in a turn of its own, and its spawner is not on its stack.
///
/// Where the last thing that a function does is a call, an optimised build makes a jump of it, and the
/// frame is missing; with callbacks that is the usual form, and only there it is allowed for.
#[test]
fn before_the_wait_only_the_task_lacks_who_began_it() {
    // ANCHOR: before
    for style in [Style::Threads, Style::Promises] {
        assert_eq!(shown(style, Moment::Before), "look_up < price < serve < begin", "{style}");
    }
    let callbacks = shown(Style::Callbacks, Moment::Before);
    assert!(callbacks.starts_with("look_up < ") && callbacks.ends_with("begin"), "{callbacks}");
    assert_eq!(shown(Style::Async, Moment::Before), "look_up < price < serve");
    // ANCHOR_END: before
}

/// A program that waits is on no stack, in any style of the loop, and spawning cuts the trace of a
/// task; the loop's own books name the place of each.
#[test]
fn c15_what_waits_is_invisible_to_a_backtrace_and_the_dump_names_it() {
    for (style, file) in [
        (Style::Callbacks, "frames/callbacks.rs"),
        (Style::Promises, "frames/promises.rs"),
        (Style::Async, "frames/async_await.rs"),
    ] {
        let seen = backtrace_while_it_waits(style).unwrap();
        assert!(!seen.frames.is_empty(), "{style}: a backtrace was taken");
        observed("C15", &format!("frames_{style}"), seen.functions().len());
        let hidden = format!("{style}: what waits is on no stack");
        assert!(part("C15", &hidden, seen.functions().is_empty()));
        let waiting = introspect(style).unwrap().waiting;
        let tasks = usize::from(style == Style::Async);
        assert_eq!(waiting.len(), 1 + tasks, "{style}: {waiting:?}");
        // A task's timer is set by a poll, which has no caller in the program: the task is named.
        let named = format!("{style}: the loop names where it waits");
        assert!(part("C15", &named, waiting[tasks].contains(file)), "{style}: {waiting:?}");
    }
    let task = &introspect(Style::Async).unwrap().waiting[1];
    assert!(task.contains("\"the program\"") && task.contains("waits for a deadline"), "{task}");
    let cut = !shown(Style::Async, Moment::After).contains("begin");
    assert!(part("C15", "spawning cuts the trace", cut));
}

/// The planted faults of C14 and C15: a stack of one's own is kept over a wait, and what runs is on it.
#[test]
fn a_chain_is_kept_on_a_stack_of_its_own_and_what_runs_is_on_a_stack() {
    assert!(shown(Style::Threads, Moment::After).contains("serve"));
    assert!(!shown(Style::Async, Moment::Back).contains("price"), "what has returned is on none");
    for style in STYLES {
        assert!(!backtrace(style, Moment::Before).unwrap().functions().is_empty(), "{style}");
    }
}

/// A fault after the wait is reported once; how far the place leads differs.
#[test]
fn the_report_of_a_fault_names_a_place_in_the_program_where_the_style_knows_one() {
    let report = |style| {
        let report = introspect(style).unwrap().report;
        assert_eq!(report.len(), 1, "{style}: {report:?}");
        report.concat()
    };
    let (promises, task) = (report(Style::Promises), report(Style::Async));
    assert!(promises.contains("frames/promises.rs"), "the link that failed: {promises}");
    assert!(task.contains("frames/async_await.rs"), "the spawner of the task: {task}");
    assert!(report(Style::Callbacks).contains("panicked"));
}

/// The part of C14 that a release build decides.
const OPTIMISED: &str = "an optimised build shows the same";

/// What c14 holds of this build, of an optimised one: the program `frames` of a release build, where
/// `FRAMES_RELEASE` names it.
#[test]
fn c14_an_optimised_build_shows_the_same_after_the_wait() {
    let Some(program) = std::env::var_os("FRAMES_RELEASE") else {
        return skipped("C14", OPTIMISED, "`FRAMES_RELEASE` names no program of a release build");
    };
    for style in STYLES {
        for (moment, name) in [(Moment::After, "after"), (Moment::Back, "back")] {
            let output = Command::new(&program).args([style.name(), name]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let functions = format!(" {}  (", shown(style, moment));
            let line = text.lines().next().unwrap_or_default();
            let same = part("C14", OPTIMISED, line.contains(&functions));
            assert!(same, "{style}, {name}: {functions:?} is not in {line:?}");
        }
    }
}

/// A debugger that stops in the handler sees what the backtrace does.
#[test]
fn a_debugger_in_the_handler_sees_no_more_than_the_backtrace() {
    for style in STYLES {
        let Some(frames) = debugged(style) else { return };
        let seen: Vec<_> = frames.lines().filter_map(function_in).collect();
        assert_eq!(seen.join(" < "), shown(style, Moment::After), "{style}:\n{frames}");
    }
}

/// Runs the program under gdb up to the fault; nothing where there is no gdb, or it may not trace.
fn debugged(style: Style) -> Option<String> {
    // By name, and by pattern: without debug information a function's name has a hash behind it.
    let by_name = "break examples::demonstrations::frames::probe::Probe::take_backtrace";
    let by_pattern = "rbreak Probe::take_backtrace";
    let mut gdb = Command::new("gdb");
    gdb.args(["--batch", "-nx", "-ex", "set pagination off", "-ex", by_name, "-ex", by_pattern]);
    gdb.args(["-ex", "run", "-ex", "bt", "-ex", "kill", "--args"]);
    gdb.args([env!("CARGO_BIN_EXE_frames"), style.name(), "after"]);
    let Ok(output) = gdb.output() else {
        eprintln!("skipped: there is no gdb");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    if !said.lines().any(|line| line.starts_with("#0 ")) && why.contains("ptrace") {
        eprintln!("skipped: gdb may not trace here");
        return None;
    }
    assert!(said.contains("\n#0 "), "gdb did not stop in the handler: {said}\n{why}");
    Some(said)
}

/// Finds the function of the program in a line of gdb's: `#2  0x… in NAME (…`, or `#0  NAME (…`.
fn function_in(line: &str) -> Option<&'static str> {
    let (number, rest) = line.strip_prefix('#')?.split_once(' ')?;
    number.parse::<usize>().ok()?;
    let rest = rest.trim_start();
    let name = match rest.split_once(" in ") {
        Some((address, name)) if address.starts_with("0x") => name,
        _ => rest,
    };
    let (_style, function) =
        name.strip_prefix("examples::demonstrations::frames::")?.split_once("::")?;
    FUNCTIONS.into_iter().find(|known| {
        function.strip_prefix(known).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}
