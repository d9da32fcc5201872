//! Runs that are sound, and runs that no program can have written.

use serde_json::{Value, json};

use super::*;
use crate::measure::latencies::Latencies;
use crate::output::Dress;
use crate::report;

/// A run of two styles and two rounds, as `compare` writes one.
fn run() -> Value {
    let quantiles = json!({
        "count": 900, "p50": 41.0, "p90": 60.5, "p99": 88.0, "p999": 120.0, "max": 340.25,
    });
    let lag = json!({ "count": 900, "p50": 0.0, "p90": 2.0, "p99": 9.0, "p999": 9.0, "max": 20.0 });
    let mut closed = Vec::new();
    let mut open = Vec::new();
    for round in [1, 2] {
        for arm in ["raw", "async"] {
            closed.push(json!({
                "round": round, "arm": arm, "messages": 20_000,
                "messages_per_second": 50_000.5, "server_cpu_ns": 380_000_000_u64,
                "cpu_us_per_message": 19.0, "server_busy": 0.95, "response_us": quantiles,
            }));
            open.push(json!({
                "round": round, "arm": arm, "arrival_seed": 7, "response_us": quantiles,
                "service_us": quantiles, "send_lag_us": lag,
                "course": { "slice_seconds": 0.4, "p50_us": [40.5, 0.0], "max_us": [90.0, 0.0] },
            }));
        }
    }
    let counted = |turns| json!({ "turns": turns, "polls": turns, "reads": turns, "writes": 5 });
    json!({
        "schema": 2, "partial": false, "started": "2026-11-23T05:06:07Z",
        "environment": {
            "cpu": "a processor", "cores": 2, "kernel": "Linux", "rustc": "rustc 1.95.0",
            "commit": null, "profile": "release", "version": "0.1.0", "governor": null,
            "load_average": 0.5, "stolen_seconds": 0.1, "generator_waited_seconds": 0.1,
            "elapsed_seconds": 9.5, "server_cpu": 0, "generator_cpu": 1,
        },
        "arguments": {
            "connections": 64, "size_bytes": 64, "rounds": 2, "seconds": 0.85, "rate": null,
            "arms": ["raw", "async"],
        },
        "seed": 1, "open_rate": 9_000.5, "void_rounds": [2], "closed": closed, "open": open,
        "counts": [{
            "arm": "async", "turn_rule": "bounded", "connections": 1, "pace": "idle",
            "messages": [40, 440], "counted": [counted(50), counted(450)],
        }],
        "failures": [{ "arm": "raw", "during": "round 1", "reason": "it left" }],
        "verdict": "", "series": [],
    })
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
        ("/open/0/round", json!(3), "open has a round 3, of 2"),
        ("/void_rounds", json!([2, 2]), "void_rounds names round 2"),
        ("/void_rounds", json!([9]), "void_rounds names round 9"),
        ("/open/0/response_us/p90", json!(1.0), "a higher quantile is less"),
        ("/arguments/arms", json!(["raw", "raw"]), "raw"),
        ("/arguments/rounds", json!(0), "rounds is 0"),
        ("/counts/0/counted/1/turns", json!(null), "turns were counted in one of two runs"),
    ];
    for (place, value, complaint) in cases {
        let mut damaged = run();
        *damaged.pointer_mut(place).unwrap() = value;
        let reason = reported(damaged).unwrap_err();
        assert!(reason.contains(complaint), "{place}: {reason}");
    }
}
