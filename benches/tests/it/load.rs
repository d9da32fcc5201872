//! The generator alone, against right and wrong servers.

use std::net::TcpStream;

use rustix::process::Signal;

use crate::fake;
use crate::program::{finish, run, signal, start_server, text};

#[test]
fn both_phases_report_in_text_and_in_json() {
    let server = ["serve", "echo", "--style", "raw", "--listen", "127.0.0.1:0"];
    let (child, addr) = start_server(&server);
    let base = ["load", "--connect", &addr, "--seconds", "0.2", "--connections", "4"];
    for (rate, phase) in [(None, "closed"), (Some("500"), "open")] {
        let mut arguments = base.to_vec();
        arguments.extend(rate.iter().flat_map(|rate| ["--rate", rate]));
        let plain = run(&arguments);
        assert!(plain.status.success(), "{}", text(&plain.stderr));
        assert!(text(&plain.stdout).contains(phase));
        assert!(plain.stdout.is_ascii());

        arguments.push("--json");
        let json = run(&arguments);
        let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(report["phase"], phase);
        assert!(report["messages"].as_u64().unwrap() > 0);
        assert_eq!(report["unanswered"], 0);
    }
    signal(&child, Signal::TERM);
    assert!(finish(child).status.success());
}

#[test]
fn a_generator_that_is_the_bottleneck_says_so() {
    let server = ["serve", "echo", "--style", "raw", "--listen", "127.0.0.1:0"];
    let (child, addr) = start_server(&server);
    let base = ["load", "--connect", &addr, "--connections", "2", "--seconds"];
    // No generator sends ten million messages a second one by one.
    for (more, late) in [(["0.2", "--rate", "10000000"], true), (["1", "--rate", "200"], false)] {
        let arguments = [&base[..], &more].concat();
        let report = run(&[&arguments[..], &["--json"]].concat());
        let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
        // On a machine that is busy elsewhere a slow one may be late too.
        assert!(report["generator_was_late"] == late || !late, "{report}");
        let text = text(&run(&arguments).stdout).to_owned();
        assert!(text.contains("The generator was the bottleneck") == late || !late, "{text}");
    }
    signal(&child, Signal::TERM);
    finish(child);
}

#[test]
fn faults_of_a_server_are_told_apart() {
    type Fault = fn(TcpStream);
    let faults: [(Fault, &str); 3] = [
        (fake::flip_a_bit, "wrong bytes"),
        (fake::hang_up, "hung up"),
        (fake::never_answer, "never answered"),
    ];
    for (behave, reason) in faults {
        let addr = fake::server(behave).to_string();
        let output = run(&["load", "--connect", &addr, "--seconds", "1", "--connections", "2"]);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains(reason), "{complaint}");
        assert!(output.stdout.is_empty());
    }
}
