//! Bad input is refused in one clear line before anything starts.

use std::net::TcpListener;

use examples::PROGRAMS;

use crate::program::{run, text};

/// Runs with bad arguments and returns the complaint.
fn refusal(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    let complaint = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    complaint
}

#[test]
fn an_unknown_style_names_the_nearest_one() {
    let complaint = refusal(&["compare", "--only", "raw,calbacks"], 2);
    assert!(complaint.contains("did you mean `callbacks`?"), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    let serve = ["serve", "echo", "--style", "tokyo", "--listen", "127.0.0.1:0"];
    assert!(refusal(&serve, 2).contains("did you mean `tokio`?"));
    let foo = refusal(&["compare", "--only", "foo"], 2);
    assert!(!foo.contains("did you mean") && foo.contains("the styles are"), "{foo}");
}

#[test]
fn the_version_names_the_commit_that_it_was_built_from() {
    let output = run(&["--version"]);
    let version = text(&output.stdout);
    let git = std::process::Command::new("git").args(["rev-parse", "--short=10", "HEAD"]).output();
    let in_git = git.is_ok_and(|output| output.status.success());
    assert!(version.starts_with(concat!("oneloop ", env!("CARGO_PKG_VERSION"))), "{version}");
    assert_eq!(version.trim_end().ends_with(')'), in_git, "{version}");
}

#[test]
fn an_unknown_flag_names_the_nearest_one() {
    let complaint = refusal(&["compare", "--conections", "8"], 2);
    assert!(complaint.contains("--connections"), "{complaint}");
}

#[test]
fn impossible_numbers_are_refused_in_one_line() {
    let cases: [&[&str]; 9] = [
        &["--connections", "0"],
        &["--connections", "lots"],
        &["--size", "0"],
        &["--size", "16777217"],
        &["--rounds", "0"],
        &["--seconds", "NaN"],
        &["--seconds", "0"],
        &["--rate", "-5"],
        &["--rate", "inf"],
    ];
    for arguments in cases {
        let joined = format!("{}={}", arguments[0], arguments[1]);
        let complaint = refusal(&[&joined], 2);
        assert!(complaint.contains(arguments[0]), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn too_many_connections_say_how_many_are_possible() {
    let complaint = refusal(&["compare", "--connections", "1000000"], 2);
    assert!(complaint.contains("connections are possible"), "{complaint}");
}

#[test]
fn a_schedule_that_does_not_fit_is_refused() {
    let complaint = refusal(&["compare", "--rate", "1000000", "--seconds", "60"], 2);
    assert!(complaint.contains("more than 5000000 messages"), "{complaint}");
}

#[test]
fn a_refused_connection_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    drop(listener);
    let complaint = refusal(&["load", "--connect", &addr, "--seconds", "0.1"], 1);
    assert!(complaint.contains(&addr), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

#[test]
fn an_address_that_is_none_is_explained() {
    let complaint = refusal(&["load", "--connect", "nowhere"], 2);
    assert!(complaint.contains("such as 127.0.0.1:7000"), "{complaint}");
}

#[test]
fn the_list_has_every_style_and_the_help_has_examples() {
    let list = run(&["list"]);
    let styles = examples::Style::ALL.map(examples::Style::name);
    for style in styles.into_iter().chain(["echo"]) {
        assert!(text(&list.stdout).contains(style));
    }
    for program in PROGRAMS {
        let line = format!("  {:<15} {}", program.name, program.sentence);
        assert!(text(&list.stdout).lines().any(|shown| shown == line), "{line}");
    }
    let commands =
        ["compare", "cost", "load", "run", "serve", "show"].map(|command| [command, "--help"]);
    for arguments in commands.iter().map(|arguments| &arguments[..]).chain([&["--help"][..]]) {
        let help = run(arguments);
        assert!(help.status.success());
        assert!(text(&help.stdout).contains("Examples:"), "{arguments:?}");
    }
}
