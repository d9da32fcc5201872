//! Runs that are sound, and runs that no program can have written.

use serde_json::{Value, json};

use super::*;
use crate::files::sample_run::sample_run;
use crate::measure::latencies::Latencies;
use crate::output::Dress;
use crate::report;

/// A run of two styles and two rounds, one of them void, with counts and a failure.
fn run() -> Value {
    let mut run = sample_run(&["raw", "async"], 2);
    let counted = |turns| json!({ "turns": turns, "polls": turns, "reads": turns, "writes": 5 });
    run["void_rounds"] = json!([2]);
    run["counts"] = json!([{
        "arm": "async", "turn_rule": "bounded", "connections": 1, "pace": "idle",
        "messages": [40, 440], "counted": [counted(50), counted(450)],
    }]);
    run["saturation"] =
        json!([{ "arm": "raw", "messages_per_second": 9_000.5, "tried": [[9_000.0, true]] }]);
    run["instructions"] = json!([{ "arm": "raw", "messages": [640, 3_200], "counted": [10, 20] }]);
    run["memory"] =
        json!([{ "arm": "raw", "connections": [300, 2_400], "resident_bytes": [10, 20] }]);
    run["answers"] = json!([{
        "arm": "async", "against": "raw", "measure": "cpu", "rounds": 2, "p": 0.5,
        "ratio": { "median": 1.5, "low": 1.25, "high": 1.75, "half_width": 0.25 },
        "standing": "dearer", "sentence": "async is dearer than raw.",
    }]);
    run["failures"] = json!([{ "arm": "raw", "during": "round 1", "reason": "it left" }]);
    run
}

/// Reads a run, and reports on it if it passes.
fn reported(value: Value) -> Result<String, String> {
    let mut run: Run = serde_json::from_value(value).map_err(|error| error.to_string())?;
    run.check()?;
    run.verdict = report::verdict(&run);
    Ok(report::compose(&run, &Latencies::default().counted(&[]), None, Dress::Plain))
}

/// Returns the place of every number below a value.
fn numbers(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(place.to_owned()),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                numbers(item, &format!("{place}/{at}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                numbers(field, &format!("{place}/{name}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn a_run_passes() {
    let text = reported(run()).unwrap();
    assert!(text.contains("1 of 2 open rounds is void"), "{text}");
}

#[test]
fn whatever_a_figure_is_the_run_is_refused_or_its_report_shows_numbers() {
    let sound = run();
    let mut places = Vec::new();
    numbers(&sound, "", &mut places);
    assert!(places.len() > 100, "{}", places.len());
    let strange = [json!(0), json!(-1), json!(0.5), json!(1), json!(u64::MAX), json!(1e300)];
    let mut refused = 0;
    for place in &places {
        for figure in &strange {
            let mut value = sound.clone();
            *value.pointer_mut(place).unwrap() = figure.clone();
            match reported(value) {
                Ok(text) => {
                    let bad = text.split([' ', '(', ')', '\n']).find(|word| {
                        word.contains("NaN") || *word == "inf" || word.starts_with("inf")
                    });
                    assert_eq!(bad, None, "{place} = {figure}: {text}");
                }
                Err(reason) => {
                    refused += 1;
                    assert!(!reason.is_empty() && !reason.contains('\n'), "{reason}");
                }
            }
        }
    }
    assert!(refused > places.len(), "{refused} of {}", places.len() * strange.len());
}

#[test]
fn what_contradicts_itself_is_named() {
    let cases = [
        ("/counts/0/messages", json!([300, 100]), "messages went from 300 to 100"),
        ("/counts/0/messages", json!([40, 40]), "messages went from 40 to 40"),
        ("/closed/0/server_cpu_ns", json!(0), "closed, round 1, raw: server_cpu_ns is 0"),
        ("/closed/0/server_busy", json!(null), "only some of the figures of CPU time"),
        ("/closed/1/arm", json!("raw"), "closed, round 1, raw: is there twice"),
        ("/open/0/arm", json!("tokio"), "open has figures of \"tokio\""),
        ("/open/0/round", json!(9), "open has a round 9, of 4 at most"),
        ("/void_rounds", json!([2, 2]), "void_rounds names round 2"),
        ("/void_rounds", json!([9]), "void_rounds names round 9"),
        ("/open/0/response_us/p90", json!(1.0), "a higher quantile is less"),
        ("/arguments/arms", json!(["raw", "raw"]), "raw"),
        ("/arguments/rounds", json!(0), "rounds is 0"),
        ("/instructions/0/messages", json!([40, 40]), "went from 40 to 40"),
        ("/memory/0/connections", json!([40, 4]), "went from 40 to 4"),
        ("/answers/0/arm", json!("tokio"), "answers has figures of \"tokio\""),
        ("/answers/0/ratio/low", json!(1.6), "has an interval without its median"),
        ("/counts/0/counted/1/turns", json!(null), "turns were counted in one of two runs"),
    ];
    for (place, value, complaint) in cases {
        let mut damaged = run();
        *damaged.pointer_mut(place).unwrap() = value;
        let reason = reported(damaged).unwrap_err();
        assert!(reason.contains(complaint), "{place}: {reason}");
    }
}
