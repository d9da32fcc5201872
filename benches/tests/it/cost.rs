//! A small cost run: what it counts, and what it says about what it cannot count.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::program::{finish, oneloop, run, text};

/// Runs with nothing on the path but what is in `tools`.
fn run_with_tools(tools: &Path, arguments: &[&str]) -> Output {
    finish(oneloop(arguments).env("PATH", tools).spawn().unwrap())
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_echo_of_the_baseline_is_counted_with_what_is_here() {
    let output = run(&["cost", "echo", "--only", "raw", "--quick", "--json"]);
    let report = json(&output);
    assert!(output.status.success(), "{}", report["failures"]);
    let arm = &report["arms"][0];
    assert_eq!(arm["arm"], "raw");
    // A machine that is busy elsewhere lets two events share a turn now and then.
    let turns = arm["counts"][0]["per_message"]["turns"].as_f64().unwrap();
    assert!((0.9..1.1).contains(&turns), "{turns}");
    assert_eq!(arm["counts"][0]["per_message"]["allocations"], 0.0);
    let missing = report["unmeasured"].to_string();
    if missing.contains("system calls") {
        eprintln!("skipped: system calls, {missing}");
    } else {
        let idle = &arm["calls"][0];
        assert!((idle["total"].as_f64().unwrap() - 3.0).abs() < 0.2, "{idle}");
        assert_eq!(arm["calls"].as_array().unwrap().len(), 3);
    }
    if missing.contains("instructions") {
        eprintln!("skipped: instructions, {missing}");
    } else {
        let busy = arm["instructions"][1]["per_message"].as_f64().unwrap();
        assert!((20.0..20_000.0).contains(&busy), "{busy}");
    }
    if missing.contains("memory") {
        eprintln!("skipped: memory, {missing}");
    } else {
        assert!(arm["idle"]["bytes_per_connection"].is_f64());
    }
}

#[test]
fn a_peer_is_counted_from_outside_like_our_own_servers() {
    let program = env!("CARGO_BIN_EXE_oneloop");
    let peer = format!("mine='{program}' serve echo --style raw --listen 127.0.0.1:{{port}}");
    let output = run(&["cost", "echo", "--only=raw", "--peer", &peer, "--quick", "--json"]);
    let report = json(&output);
    assert!(output.status.success(), "{}", report["failures"]);
    let [raw, mine] = [&report["arms"][0], &report["arms"][1]];
    assert_eq!(mine["arm"], "mine");
    assert!(mine["counts"].as_array().unwrap().is_empty(), "a peer counts nothing");
    for (list, figure) in [("calls", "total"), ("instructions", "per_message")] {
        let [ours, theirs] = [raw, mine].map(|arm| arm[list].as_array().unwrap());
        assert_eq!(ours.len(), theirs.len());
        // One idle connection; the same program, started in another way.
        if let (Some(ours), Some(theirs)) = (ours.first(), theirs.first()) {
            let ratio = theirs[figure].as_f64().unwrap() / ours[figure].as_f64().unwrap();
            assert!((0.9..1.1).contains(&ratio), "{list}: {ratio}");
        }
    }
    assert_eq!(mine["idle"].is_object(), raw["idle"].is_object());
}

#[test]
fn missing_tools_are_named_and_the_rest_goes_on() {
    let none = tempfile::tempdir().unwrap();
    let output = run_with_tools(none.path(), &["cost", "echo", "--only", "raw", "--quick"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(report.contains("- not counted: system calls: strace is not installed"), "{report}");
    assert!(report.contains("- not counted: instructions: valgrind is not installed"), "{report}");
    assert!(report.is_ascii() && report.lines().all(|line| line.len() <= 100), "{report}");
    let row = report.lines().find(|line| line.contains("raw   64 busy")).unwrap();
    assert_eq!(row.split_whitespace().filter(|cell| *cell == "-").count(), 5, "{row}");
}

#[test]
fn a_failure_in_one_figure_does_not_end_the_others() {
    let tools = tempfile::tempdir().unwrap();
    // Starts what it is given, and then has nothing to tell.
    let mute = tools.path().join("strace");
    let script = "#!/bin/sh\nwhile [ \"${1#-}\" != \"$1\" ]; do shift; done\n\
                  [ \"$1\" = true ] || exec \"$@\"\n";
    fs::write(&mute, script).unwrap();
    fs::set_permissions(&mute, fs::Permissions::from_mode(0o755)).unwrap();
    let output = run_with_tools(tools.path(), &["cost", "echo", "--only=raw", "--quick", "--json"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let report = json(&output);
    let failures = report["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 3);
    assert_eq!(failures[0]["reason"], "strace wrote no table");
    assert_eq!(report["arms"][0]["counts"].as_array().unwrap().len(), 2);
}

#[test]
fn a_tool_that_fails_is_quoted_where_it_says_why() {
    let tools = tempfile::tempdir().unwrap();
    let failing = tools.path().join("valgrind");
    let script = "#!/bin/sh\nfor last; do :; done\n[ \"$last\" = true ] && exit 0\n\
                  echo '==7== Callgrind, a call-graph generating cache profiler' >&2\n\
                  echo \"valgrind: the 'impossible' happened:\" >&2\n\
                  echo '   Max number of threads is too low' >&2\n\
                  echo 'version, and what OS and version you are using.  Thanks.' >&2\nexit 1\n";
    fs::write(&failing, script).unwrap();
    fs::set_permissions(&failing, fs::Permissions::from_mode(0o755)).unwrap();
    let output = run_with_tools(tools.path(), &["cost", "echo", "--only=raw", "--quick", "--json"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let failures = json(&output)["failures"].clone();
    let reasons: Vec<_> = failures
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    for reason in reasons {
        assert!(reason.contains("Max number of threads is too low"), "{reason}");
    }
}

#[test]
fn what_a_message_of_the_baseline_costs_is_counted_on_every_axis_of_scale() {
    let directory = tempfile::tempdir().unwrap();
    let svg = directory.path().join("scale.svg");
    let asked =
        ["cost", "scale", "--quick", "--only=raw", "--json", "--svg", svg.to_str().unwrap()];
    let output = run(&asked);
    let report = json(&output);
    assert!(output.status.success(), "{}", report["failures"]);
    let points = report["points"].as_array().unwrap();
    let on = |axis: &str, value: u64| {
        let mut found = points.iter().filter(|it| it["axis"] == axis && it["value"] == value);
        found.next().unwrap_or_else(|| panic!("{axis}, {value}"))
    };
    for (axis, value) in [("connections", 64), ("size_bytes", 64), ("pipeline", 1)] {
        assert_eq!(
            on(axis, value)["instructions"],
            on("connections", 64)["instructions"],
            "{axis}"
        );
    }
    for (axis, value) in
        [("connections", 1_000), ("one_in_a_hundred", 1_000), ("idle_timeout", 1_000)]
    {
        assert_eq!(on(axis, value)["idle_timeout"], axis == "idle_timeout");
    }
    let heap = on("connections", 1_000)["heap_bytes"].as_f64().unwrap();
    assert!((50.0..1_000.0).contains(&heap), "{heap} bytes of a connection");
    let drawing = fs::read_to_string(svg).unwrap();
    assert!(drawing.contains("idle timeout"));
}

#[test]
fn the_matrix_of_the_crossings_is_whole_and_its_counts_are_those_of_the_tests() {
    let output = run(&["cost", "crossings", "--quick", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = json(&output);
    let crossings = report["crossings"].as_array().unwrap();
    assert_eq!(crossings.len(), 16);
    assert!(crossings.iter().all(|cost| cost["nanoseconds"].as_f64().unwrap() > 0.0));
    let find = |from: &str, to: &str| {
        crossings.iter().find(|cost| cost["from"] == from && cost["to"] == to).unwrap()
    };
    let costs = |cost: &Value| [&cost["allocations"], &cost["hops"]].map(|n| n.as_f64().unwrap());
    assert_eq!(costs(find("callback", "async")), [2.0, 2.0]);
    assert_eq!(costs(find("async", "promise")), [0.0, 0.0]);
    assert!(find("sync", "async")["polls"].as_f64().unwrap() >= 1.0);
    assert_eq!(report["yardsticks"].as_array().unwrap().len(), 5);
    let output = run(&["cost", "crossings", "--quick"]);
    let page = text(&output.stdout);
    assert!(page.is_ascii() && page.lines().all(|line| line.len() <= 100), "{page}");
}

#[test]
fn a_plot_that_cannot_be_written_is_refused_before_anything_runs() {
    let directory = tempfile::tempdir().unwrap();
    for place in [directory.path().join("none/depth.svg"), directory.path().to_owned()] {
        let place = place.to_str().unwrap();
        // With four descriptors no loop can begin: what runs first complains of that.
        let script = "ulimit -n 4; exec \"$0\" \"$@\"";
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_oneloop"), "cost", "depth", "--quick"]);
        let output = command.args(["--svg", place]).output().unwrap();
        let complaint = text(&output.stderr);
        assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{complaint}");
        assert!(complaint.contains(place) && output.stdout.is_empty(), "{complaint}");
    }
}

#[test]
fn depth_is_measured_for_every_style_and_drawn_twice() {
    let directory = tempfile::tempdir().unwrap();
    let svg = directory.path().join("depth.svg");
    let asked = ["cost", "depth", "--quick", "--json", "--svg", svg.to_str().unwrap()];
    let output = run(&asked);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = json(&output);
    let series = report["series"].as_array().unwrap();
    assert_eq!(series.len(), 5 + 5 + 3 + 3);
    let slope = |experiment: &str, arm: &str| {
        let found = series.iter().find(|one| one["experiment"] == experiment && one["arm"] == arm);
        found.unwrap()["slope_allocations"].as_f64().unwrap()
    };
    assert_eq!(slope("depth_once", "callbacks"), 1.0);
    assert_eq!(slope("depth_often", "async"), 1.0);
    assert_eq!(slope("chain", "async"), 0.0);
    let drawing = fs::read_to_string(svg).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.matches("<polyline").count() >= 16);
    let page = run(&["cost", "depth", "--quick"]);
    let page = text(&page.stdout);
    assert!(page.is_ascii() && page.lines().all(|line| line.len() <= 100), "{page}");
    let slopes = page.lines().filter(|line| line.trim_start().starts_with("slope"));
    assert_eq!(slopes.count(), 4, "{page}");
}
