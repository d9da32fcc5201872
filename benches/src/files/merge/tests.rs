//! Logs of loads that were made, and that were not, at the same time.

use super::*;
use crate::files::load_log::LoadFacts;
use crate::measure::load::Message;

/// A load that began so many milliseconds after a fixed time.
fn log(machine: &str, began_ms: u64, micros: std::ops::RangeInclusive<u64>) -> LoadLog {
    let mut recorder = Recorder::new();
    for micros in micros {
        recorder.record(Message { intended: 0, handed: 0 }, micros * 1_000);
    }
    LoadLog {
        load: LoadFacts {
            schema: LoadFacts::schema(),
            tag: "mine".to_owned(),
            phase: "open".to_owned(),
            machine: machine.to_owned(),
            program: "oneloop 0.1.0".to_owned(),
            connect: "10.0.0.1:7000".to_owned(),
            connections: 8,
            size_bytes: 64,
            rate: Some(1_000.0),
            seed: 1,
            unanswered: 0,
            generator_was_late: false,
        },
        began: SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_000 + began_ms),
        length: Duration::from_secs(10),
        recorder,
    }
}

fn named(logs: impl IntoIterator<Item = LoadLog>) -> Vec<Named> {
    logs.into_iter().enumerate().map(|(at, log)| (format!("{at}.hlog"), log)).collect()
}

#[test]
fn counts_are_added_and_percentiles_are_those_of_the_sum() {
    // The p99 of the one is 100 us and of the other 100,000 us; no average is the p99 of both.
    let (quick, slow) = (log("a", 0, 1..=100), log("b", 5, 99_901..=100_000));
    let merged = merge(named([quick, slow])).unwrap();
    let [merged] = &merged[..] else { panic!("{merged:?}") };
    assert_eq!((merged.recorder.response.len(), merged.parts.len()), (200, 2));
    assert_eq!(merged.recorder.response.value_at_quantile(0.5) / 1_000, 100);
    assert!(merged.recorder.response.value_at_quantile(0.75) > 99_000_000);
    assert!(merged.reservations.is_empty(), "{:?}", merged.reservations);
    assert_eq!(merged.length, Duration::from_millis(10_005));
}

#[test]
fn a_log_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.hlog");
    let written = log("a", 123, 1..=1_000);
    std::fs::write(&path, written.compose().unwrap()).unwrap();
    let read = LoadLog::read(&path).unwrap();
    assert_eq!(
        (&read.load, read.began, read.length),
        (&written.load, written.began, written.length)
    );
    for ((name, read), (_, written)) in read.recorder.series().iter().zip(written.recorder.series())
    {
        assert_eq!(*read, written, "{name}");
    }
}

#[test]
fn loads_that_were_not_made_at_the_same_time_are_refused() {
    let error = merge(named([log("a", 0, 1..=9), log("b", 10_250, 1..=9)])).unwrap_err();
    assert!(error.starts_with("0.hlog ended 0.250 s before 1.hlog began"), "{error}");
    // Only loads of one tag have to be made together.
    let mut other = log("b", 60_000, 1..=9);
    other.load.tag = "other".to_owned();
    assert_eq!(merge(named([log("a", 0, 1..=9), other])).unwrap().len(), 2);
}

#[test]
fn loads_that_hardly_meet_are_told() {
    let merged = merge(named([log("a", 0, 1..=9), log("b", 4_000, 1..=9)])).unwrap();
    assert!(merged[0].reservations[0].contains("only 60 %"), "{merged:?}");
}

#[test]
fn a_load_is_not_added_twice() {
    let error = merge(named([log("a", 0, 1..=9), log("a", 0, 1..=9)])).unwrap_err();
    assert_eq!(error, "0.hlog and 1.hlog are the same load");
}

#[test]
fn what_may_not_be_one_measurement_is_told() {
    let mut other = log("b", 0, 1..=9);
    other.load.program = "oneloop 0.2.0".to_owned();
    other.load.size_bytes = 1_000;
    other.load.connect = "10.0.0.2:7000".to_owned();
    other.load.unanswered = 3;
    other.load.generator_was_late = true;
    let merged = merge(named([log("a", 0, 1..=9), other])).unwrap();
    let told = merged[0].reservations.join("\n");
    for part in [
        "oneloop 0.1.0, oneloop 0.2.0",
        "1000, 64 bytes",
        "10.0.0.2:7000",
        "bottleneck (send lag p99 over 500 us) in 1.hlog",
        "answered in time in 1.hlog",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn what_is_no_log_of_a_load_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.hlog");
    let whole = log("a", 0, 1..=9).compose().unwrap();
    let without = |part: &str| -> String {
        whole.lines().filter(|line| !line.contains(part)).map(|line| format!("{line}\n")).collect()
    };
    for (text, reason) in [
        ("nonsense".to_owned(), "was not written by `oneloop load --log`"),
        (without("oneloop load"), "was not written by"),
        (without("StartTime:"), "is not whole"),
        (without("/service,"), "is not whole"),
        (whole.replace("mine/open/service", "mine/open/else"), "which is not its tag"),
        (whole.replace("\"schema\":1", "\"schema\":7"), "schema 7; this one reads schema 1"),
        (whole.replace("\"seed\":1", "\"seed\":\"x\""), "is damaged"),
        (whole.replace("HISTFAAAA", "HISTFAAA"), "damaged interval"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let error = LoadLog::read(&path).unwrap_err();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}
