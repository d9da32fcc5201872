//! The key-value server beside a real Redis.

use std::process::{Command, Stdio};

use crate::program::{run, text};

/// Tells whether the tools are here; says so in a line when they are not.
fn is_installed() -> bool {
    let starts = |tool: &str| {
        let command = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        command.is_ok_and(|status| status.success())
    };
    let installed = starts("redis-server") && starts("redis-benchmark");
    if !installed {
        eprintln!("skipped: redis-server or redis-benchmark is not installed");
    }
    installed
}

#[test]
fn every_style_is_told_with_its_ratios() {
    if !is_installed() {
        return;
    }
    let output = run(&["redis", "--rounds", "1", "--requests", "500"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    for name in ["redis", "redis-null", "threads", "callbacks", "promises", "async"] {
        let begins = |line: &&str| line.split_whitespace().next() == Some(name);
        let rows: Vec<&str> = told.lines().filter(begins).collect();
        // Two commands at two pipelines, each with a ratio of rates, but for Redis itself; so short a
        // load may take less CPU time than the kernel tells apart.
        assert_eq!(rows.len(), 4, "{told}");
        for row in rows {
            let ratios = row.matches("..").count();
            assert_eq!(ratios > 0, name != "redis", "{told}");
        }
    }
}

#[test]
fn a_style_without_such_a_server_is_refused() {
    let output = run(&["redis", "--only", "raw"]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = "oneloop: the key-value server is not written in raw\n";
    assert_eq!(text(&output.stderr), complaint);
}
