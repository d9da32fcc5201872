//! A comparison that is left and taken up again, one under several loads, and what can be checked
//! and compared afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{compare, finish, oneloop, only_run, run, signal, text};

/// A comparison of so many rounds, a third of a second each.
fn small<'a>(out: &'a Path, rounds: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let size = ["--rounds", rounds, "--seconds", "0.1", "--connections", "2"];
    let base = ["compare", "--only", "raw", "--seed", "7", "--out", out.to_str().unwrap()];
    base.iter().chain(&size).chain(more).copied().collect()
}

fn run_json(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("run.json")).unwrap()).unwrap()
}

fn rounds_of(run: &Value, phase: &str) -> Vec<u64> {
    let figures = run[phase].as_array().unwrap();
    figures.iter().map(|figures| figures["round"].as_u64().unwrap()).collect()
}

/// Starts a comparison of many rounds, and ends it after its second one.
fn left(out: &Path, with: Signal) -> PathBuf {
    let child = oneloop(&small(out, "8", &[])).spawn().unwrap();
    let begun = Instant::now();
    let directory = loop {
        let run = fs::read_dir(out).ok().and_then(|mut runs| Some(runs.next()?.unwrap().path()));
        let done = run.as_ref().filter(|run| run.join("run.json").exists());
        if done.is_some_and(|run| run_json(run)["rounds_done"].as_u64() >= Some(2)) {
            break run.unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "no round was kept");
        thread::sleep(Duration::from_millis(10));
    };
    signal(&child, with);
    finish(child);
    directory
}

#[test]
fn a_run_that_was_ended_goes_on_where_its_last_whole_round_ended() {
    for with in [Signal::INT, Signal::KILL] {
        let out = tempfile::tempdir().unwrap();
        let directory = left(out.path(), with);
        let before = run_json(&directory);
        assert_eq!(before["partial"], true, "{with:?}");
        let done = before["rounds_done"].as_u64().unwrap();
        let output = run(&["compare", "--resume", directory.to_str().unwrap()]);
        assert!(output.status.success(), "{with:?}: {}", text(&output.stderr));
        let after = run_json(&directory);
        assert_eq!((&after["partial"], &after["rounds_done"]), (&false.into(), &8.into()));
        for phase in ["closed", "open"] {
            let rounds = rounds_of(&after, phase);
            // The server and its null, in each round once.
            let expected: Vec<u64> = (1..=8).flat_map(|round| [round, round]).collect();
            assert_eq!(rounds, expected, "{with:?}, {phase}");
            let kept = |run: &Value| {
                let figures = run[phase].as_array().unwrap().clone();
                let whole = |it: &Value| it["round"].as_u64().unwrap() <= done;
                figures.into_iter().filter(whole).collect::<Vec<_>>()
            };
            assert_eq!(kept(&after), kept(&before), "what was done stays as it was");
        }
        assert_eq!(after["resumed"].as_array().unwrap().len(), 1);
        let verified = run(&["verify", directory.to_str().unwrap()]);
        assert!(verified.status.success(), "{with:?}: {}", text(&verified.stderr));
        assert!(text(&verified.stdout).contains("of 8 rounds"), "{}", text(&verified.stdout));
        let again = run(&["compare", "--resume", directory.to_str().unwrap()]);
        assert_eq!(again.status.code(), Some(2));
        assert!(text(&again.stderr).contains("nothing to resume"), "{}", text(&again.stderr));
    }
}

#[test]
fn a_run_of_another_build_is_not_resumed() {
    let out = tempfile::tempdir().unwrap();
    let directory = left(out.path(), Signal::KILL);
    let mut changed = run_json(&directory);
    changed["environment"]["version"] = "0.0.0".into();
    fs::write(directory.join("run.json"), changed.to_string()).unwrap();
    let output = run(&["compare", "--resume", directory.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("another build"), "{}", text(&output.stderr));
    let output = run(&["compare", "--resume", directory.to_str().unwrap(), "--rounds", "3"]);
    assert_eq!(output.status.code(), Some(2), "a run is resumed as it was asked for");
}

#[test]
fn several_numbers_of_connections_are_one_sweep() {
    let out = tempfile::tempdir().unwrap();
    // Beside the two that every small comparison has.
    let output = compare(out.path(), &small(out.path(), "6", &["--connections", "3"]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    for part in ["a sweep", "2 conn.", "3 conn.", "30 % load", "p99", "Page:"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let directories: Vec<_> =
        fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [sweep] = &directories[..] else { panic!("{directories:?}") };
    for cell in ["2-connections-30-percent", "3-connections-30-percent"] {
        assert_eq!(run_json(&sweep.join(cell))["rounds_done"], 6);
        assert!(sweep.join(cell).join("report.html").exists());
    }
    let page = fs::read_to_string(sweep.join("report.html")).unwrap();
    assert!(page.contains("href=\"3-connections-30-percent/report.html\""), "{page}");
    let path = sweep.to_str().unwrap();
    let again = run(&["report", path]);
    assert_eq!(text(&again.stdout), report);
    let verified = run(&["verify", path]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    assert_eq!(text(&verified.stdout).lines().count(), 2);
}

#[test]
fn a_figure_that_does_not_follow_from_the_record_is_named() {
    let out = tempfile::tempdir().unwrap();
    let output = compare(out.path(), &small(out.path(), "6", &[]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (directory, sound) = only_run(out.path());
    let complaint = || {
        let output = run(&["verify", directory.to_str().unwrap()]);
        (output.status.code(), text(&output.stderr).to_owned())
    };
    assert_eq!(complaint(), (Some(0), String::new()));
    // As many as a busy machine has made void, and one more or one less.
    let mut void: Vec<_> = sound["void_rounds"].as_array().unwrap().clone();
    if void.pop().is_none() {
        void.push(1.into());
    }
    let plants: [(&str, Value, &str); 7] = [
        ("/closed/0/cpu_us_per_message", 0.5.into(), "CPU a message"),
        ("/closed/1/messages_within", 3.into(), "messages/s"),
        ("/closed/2/response_us/p50", 0.5.into(), "closed, response, p50"),
        ("/open/3/service_us/max", 1e9.into(), "service, max"),
        ("/answers/0/standing", "cheaper".into(), "raw-null against raw"),
        ("/verdict", "raw is best".into(), "the verdict"),
        ("/void_rounds", void.into(), "the void rounds"),
    ];
    for (place, value, said) in plants {
        let mut planted = sound.clone();
        *planted.pointer_mut(place).unwrap() = value;
        fs::write(directory.join("run.json"), planted.to_string()).unwrap();
        let (code, complaint) = complaint();
        assert_eq!(code, Some(1), "{place}: {complaint}");
        assert!(complaint.contains(said), "{place}: {complaint}");
    }
    fs::write(directory.join("run.json"), sound.to_string()).unwrap();
    for file in ["run.csv", sound["series"][0].as_str().unwrap()] {
        let path = directory.join(file);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.replacen('1', "2", 1)).unwrap();
        assert!(complaint().1.contains(file), "{file}");
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(complaint().0, Some(0));
}

#[test]
fn two_runs_are_told_apart_only_by_what_has_changed() {
    let out = tempfile::tempdir().unwrap();
    let (before, after) = (out.path().join("before"), out.path().join("after"));
    for path in [&before, &after] {
        let arguments = small(path, "6", &["--only", "raw,threads"]);
        assert!(compare(path, &arguments).status.success());
    }
    let [(before, _), (after, sound)] = [only_run(&before), only_run(&after)];
    let diff = |before: &Path, after: &Path| {
        let output = run(&["diff", before.to_str().unwrap(), after.to_str().unwrap()]);
        (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
    };
    let (code, told, _) = diff(&before, &before);
    assert_eq!(code, Some(0));
    assert!(told.contains("Nothing has changed"), "{told}");
    let mut dearer = sound;
    for figures in dearer["closed"].as_array_mut().unwrap() {
        if figures["arm"] == "threads" {
            for name in ["cpu_us_per_message", "server_busy"] {
                figures[name] = (figures[name].as_f64().unwrap() * 50.0).into();
            }
        }
    }
    fs::write(after.join("run.json"), dearer.to_string()).unwrap();
    let (_, told, _) = diff(&before, &after);
    assert!(told.contains("threads is dearer than it was by "), "{told}");
    dearer["arguments"]["connections"] = 5.into();
    fs::write(after.join("run.json"), dearer.to_string()).unwrap();
    let (code, _, complaint) = diff(&before, &after);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("other connections"), "{complaint}");
}

#[test]
fn a_server_is_compared_with_each_of_the_others_by_one_command() {
    let out = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_oneloop");
    let peer = format!("mine='{program}' serve echo --style raw --listen 127.0.0.1:{{port}}");
    let more = ["--only", "raw,async,callbacks", "--peer", &peer, "--against", "mine"];
    let output = compare(out.path(), &small(out.path(), "6", &more));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (_, run) = only_run(out.path());
    let answers = run["answers"].as_array().unwrap();
    for arm in ["raw", "async", "callbacks"] {
        let of = |it: &&Value| it["arm"] == arm && it["measure"] == "cpu";
        let answer = answers.iter().find(of).unwrap();
        assert_eq!(answer["against"], "mine");
        assert!(answer["ratio"]["low"].as_f64() <= answer["ratio"]["high"].as_f64());
    }
    let report = text(&output.stdout);
    assert!(report.contains("async / mine") && report.contains("callbacks / mine"), "{report}");
}

#[test]
fn duels_and_counts_leave_files_and_are_printed_again() {
    let out = tempfile::tempdir().unwrap();
    let duel = ["duel", "raw", "raw", "--seconds", "0.5", "--connections", "4"];
    let count = ["cost", "echo", "--only", "raw", "--quick"];
    for (asked, name) in [(&duel[..], "duel"), (&count, "cost")] {
        if name == "duel" && thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
            eprintln!("skipped: a duel needs two processors");
            continue;
        }
        let folder = out.path().join(name);
        let output = run(&[asked, &["--out", folder.to_str().unwrap()]].concat());
        let report = text(&output.stdout);
        assert!(output.status.success(), "{report}{}", text(&output.stderr));
        let (report, files) = report.split_once("\nFiles: ").unwrap();
        assert!(files.contains(&format!("{name}.json")), "{files}");
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
        let [directory] = &left[..] else { panic!("{left:?}") };
        let rows = fs::read_to_string(directory.join(format!("{name}.csv"))).unwrap();
        let columns = rows.lines().next().unwrap().split(',').count();
        assert!(rows.lines().count() > 2);
        assert!(rows.lines().all(|row| row.split(',').count() == columns), "{rows}");
        let again = run(&["report", directory.to_str().unwrap()]);
        assert_eq!(text(&again.stdout), report, "{}", text(&again.stderr));
        let file = directory.join(format!("{name}.json"));
        fs::write(&file, "{\"schema\": 99}").unwrap();
        let refused = run(&["report", file.to_str().unwrap()]);
        assert!(text(&refused.stderr).contains("another oneloop (schema 99"), "{name}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_measured() {
    for asked in [&["duel", "raw", "raw"][..], &["cost", "echo", "--quick"]] {
        let begun = Instant::now();
        let output = run(&[asked, &["--out", "/dev/null/there"]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("/dev/null/there"), "{}", text(&output.stderr));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
