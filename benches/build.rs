//! Captures what a report must name and a running program cannot know: compiler, commit, profile.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let compiler = first_line(Command::new(rustc).arg("-V"));
    println!("cargo:rustc-env=ONELOOP_RUSTC={}", compiler.unwrap_or_else(|| "unknown".into()));
    let commit = commit().unwrap_or_default();
    println!("cargo:rustc-env=ONELOOP_COMMIT={commit}");
    let version = env!("CARGO_PKG_VERSION");
    let named = if commit.is_empty() { String::new() } else { format!(" ({commit})") };
    println!("cargo:rustc-env=ONELOOP_VERSION={version}{named}");
    let profile = env::var("PROFILE").unwrap_or_else(|_| "unknown".into());
    println!("cargo:rustc-env=ONELOOP_PROFILE={profile}");

    // The commit is true only as long as this script runs again when any measured source changes.
    for watched in [
        "build.rs",
        "src",
        "peers",
        "suites",
        "../loop-core/src",
        "../examples/src",
        "../api-callbacks/src",
        "../api-promises/src",
        "../api-async/src",
        "../Cargo.toml",
    ] {
        println!("cargo:rerun-if-changed={watched}");
    }
    // Git appends to this file at each commit and checkout; a path that is missing would rebuild
    // the program every time.
    if let Some(log) =
        first_line(Command::new("git").args(["rev-parse", "--git-path", "logs/HEAD"]))
        && Path::new(&log).exists()
    {
        println!("cargo:rerun-if-changed={log}");
    }
}

/// Names the commit, and says when tracked files differ from it.
fn commit() -> Option<String> {
    let short = first_line(Command::new("git").args(["rev-parse", "--short=10", "HEAD"]))?;
    let changed = Command::new("git").args(["diff", "--quiet", "HEAD"]).status().ok()?;
    Some(if changed.success() { short } else { format!("{short} + changes") })
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned).filter(|line| !line.is_empty())
}
