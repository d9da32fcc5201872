//! The loop against CPython's asyncio: recorded programs, and fresh ones where there is a Python.

use std::io::{self, Write};

use loop_core::TurnRule;

use comparison::oracle::{Oracle, OracleError};
use comparison::program::Program;
use comparison::recorded::{self, Recorded};
use comparison::{draw, machine, shrink};

#[path = "../against_asyncio/comparison/mod.rs"]
mod comparison;

/// How many fresh programs a test compares; the example compares as many as you like.
const FRESH: u64 = 200;

fn recording() -> Vec<Recorded> {
    recorded::read(recorded::RECORDED).expect("the recording is understood")
}

fn ours(program: &Program) -> Vec<String> {
    machine::run(program, TurnRule::Snapshot).unwrap()
}

#[test]
fn recorded_programs_run_as_on_asyncio() {
    let recording = recording();
    assert!(recording.len() >= 500, "{} programs", recording.len());
    for Recorded { program, trace } in recording {
        assert_eq!(ours(&program), trace, "{}", program.listing());
    }
}

#[test]
fn fresh_programs_run_as_on_asyncio() {
    let mut oracle = match Oracle::start("python3") {
        Ok(oracle) => oracle,
        Err(error @ (OracleError::Absent(_) | OracleError::TooOld(_))) => {
            // Not by `eprintln`, which tests that pass do not show.
            let line = format!("skipped fresh_programs_run_as_on_asyncio: {error}\n");
            return io::stderr().write_all(line.as_bytes()).unwrap();
        }
        Err(error) => panic!("{error}"),
    };
    for seed in 0..FRESH {
        let program = draw::draw(seed);
        let trace = oracle.run(&program).unwrap();
        assert_eq!(ours(&program), trace, "seed {seed}\n{}", program.listing());
    }
}

/// The recording holds all that a program can do and all that a trace can say.
#[test]
fn the_recording_leaves_nothing_out() {
    let ops = "soon later at own thread cancel reader writer noreader nowriter stop complete work \
               fail abort";
    let events = "run: poll:0@ poll:-@ poll:86400@ failed: closed: cancel: noreader:true \
                  noreader:false nowriter:true nowriter:false end:stopped end:complete \
                  end:incomplete end:idle end:aborted";
    let recording = recording();
    for op in ops.split_whitespace() {
        let has = |program: &Program| {
            let text = program.to_string();
            text.split([' ', ';', '/']).any(|word| word.split(':').next() == Some(op))
        };
        assert!(recording.iter().any(|recorded| has(&recorded.program)), "no program has {op}");
    }
    for event in events.split_whitespace() {
        let says = |trace: &[String]| trace.iter().any(|line| line.starts_with(event));
        assert!(recording.iter().any(|recorded| says(&recorded.trace)), "no trace says {event}");
    }
}

#[test]
fn a_program_is_read_as_it_was_written() {
    for program in (0..FRESH).map(draw::draw) {
        assert_eq!(Program::parse(&program.to_string()).as_ref(), Some(&program), "{program}");
        assert!(recorded::read(&recorded::line(&program, &ours(&program))).is_some());
    }
    assert_eq!(Program::parse("soon:1//forever;//"), None, "a list ends with a semicolon");
}

/// Under the bounded rule a turn goes on with what became ready: the comparison sees it, and
/// shrinks it to the one program that shows why.
#[test]
fn a_difference_shrinks_to_the_program_that_shows_it() {
    let differs = |program: &Program| {
        let bounded = machine::run(program, TurnRule::default())?;
        Ok::<bool, std::io::Error>(bounded != machine::run(program, TurnRule::Snapshot)?)
    };
    let mut programs = recording().into_iter().map(|recorded| recorded.program);
    let program = programs.find(|program| differs(program).unwrap());
    let program = program.expect("some program schedules in a callback");
    let shortest = shrink::shrink(program, differs).unwrap();
    let calls = |text: &str| text.matches(':').count();
    assert_eq!((shortest.runs.len(), calls(&shortest.to_string())), (1, 2), "{shortest}");
}

#[test]
fn what_is_no_python_of_today_is_refused_in_one_line() {
    let refusal = |python: &str| match Oracle::start(python) {
        Ok(_) => panic!("{python} was taken"),
        Err(error) => error.to_string(),
    };
    let needed = "Python 3.11 or later is needed, but";
    let absent = refusal("no-such-python");
    assert!(
        absent.starts_with(&format!("{needed} cannot be started: no-such-python: ")),
        "{absent}"
    );
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/old_python");
    assert_eq!(refusal(old), format!("{needed} this is python 3.9.18"));
    assert_eq!(refusal("/bin/echo"), "/bin/echo does not answer as Python does");
    assert_eq!(refusal("/usr/bin/true"), "python ended before it answered");
}
