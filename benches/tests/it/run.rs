//! What `run` does with each program in each style: it ends with code 0, by itself or on a signal.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;

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
fn a_port_that_is_taken_is_named_in_every_style() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    for (program, _) in SERVING {
        for style in STYLES {
            let output = run(&["run", program, "--style", style.name(), "--listen", &taken]);
            let complaint = text(&output.stderr);
            let seen = (output.status.code(), complaint.lines().count());
            assert_eq!(seen, (Some(1), 1), "{program} {style}: {complaint}");
            assert_eq!(complaint.matches(&taken).count(), 1, "{program} {style}: {complaint}");
        }
    }
}

#[test]
fn a_program_that_cannot_tell_its_address_does_not_serve() {
    for (program, _) in SERVING {
        for style in STYLES {
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            let flags = ["run", program, "--style", style.name(), "--listen", "127.0.0.1:0"];
            let output = finish(oneloop(&flags).stdout(full).spawn().unwrap());
            let complaint = text(&output.stderr);
            let seen = (output.status.code(), complaint.lines().count());
            assert_eq!(seen, (Some(1), 1), "{program} {style}: {complaint}");
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
