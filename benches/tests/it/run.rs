//! What `run` does with each program in each style: it ends with code 0, by itself or on a signal.

use std::io::{BufRead, BufReader};

use examples::STYLES;
use rustix::process::Signal;

use crate::program::{finish, oneloop, run, signal, text};

/// Programs that end by themselves, and what each says at its end.
const ENDING: [(&str, &str); 3] = [
    ("crawler", "links led to what was known"),
    ("happy-eyeballs", "connected to 127.0.0.1:"),
    ("steps", "the server was told: QUIT"),
];

/// Programs that serve until they are told to end, and what each says then.
const SERVING: [(&str, &str); 3] = [
    ("chat", "0 joined"),
    ("key-value", "0 clients were served"),
    ("proxy", "0 connections ended, 0 failed"),
];

#[test]
fn a_program_with_an_end_comes_to_it_in_every_style() {
    for (program, says) in ENDING {
        for style in STYLES {
            let output = run(&["run", program, "--style", style.name()]);
            assert!(output.status.success(), "{program} {style}: {}", text(&output.stderr));
            assert!(text(&output.stdout).contains(says), "{program} {style}");
        }
    }
}

#[test]
fn a_program_that_serves_ends_with_code_0_on_an_interrupt_in_every_style() {
    for (program, says) in SERVING {
        for style in STYLES {
            let flags = ["--style", style.name(), "--listen", "127.0.0.1:0"];
            let mut child = oneloop(&[&["run", program], &flags[..]].concat()).spawn().unwrap();
            // One byte at a time, so that the rest stays in the pipe.
            let said = BufReader::with_capacity(1, child.stdout.as_mut().unwrap());
            let listens = |line: &str| line.starts_with("listening on ");
            assert!(said.lines().map_while(Result::ok).any(|line| listens(&line)), "{program}");
            signal(&child, Signal::INT);
            let output = finish(child);
            assert!(output.status.success(), "{program} {style}: {}", text(&output.stderr));
            assert!(text(&output.stdout).contains(says), "{program} {style}");
        }
    }
}

#[test]
fn a_style_that_programs_are_not_written_in_is_told_in_one_line() {
    for (program, _) in ENDING.into_iter().chain(SERVING) {
        let output = run(&["run", program, "--style", "raw"]);
        let complaint = text(&output.stderr);
        let seen = (output.status.code(), complaint.lines().count());
        assert_eq!(seen, (Some(2), 1), "{program}: {complaint}");
    }
}
