//! A run as `compare` writes one, made up: what tests read, damage, and draw.

use serde_json::{Value, json};

/// Returns a run of some arms with a closed and an open phase of each in every round. Of the arms,
/// each is 0.5 us dearer than the one before it; rounds differ by a little.
pub(crate) fn sample_run(arms: &[&str], rounds: usize) -> Value {
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        for (at, arm) in arms.iter().enumerate() {
            let wander = (round * 7 % 5) as f64 / 10.0;
            let cpu = 19.0 + at as f64 / 2.0 + wander;
            closed.push(json!({
                "round": round, "arm": arm, "messages": 20_000, "messages_within": 20_000,
                "window_ns": 400_000_000, "messages_per_second": 50_000.0,
                "server_cpu_ns": (cpu * 20_000_000.0) as u64, "cpu_us_per_message": cpu,
                "server_busy": 0.95, "response_us": quantiles(wander),
            }));
            open.push(json!({
                "round": round, "arm": arm, "arrival_seed": 7,
                "response_us": quantiles(at as f64 + wander), "service_us": quantiles(wander),
                "send_lag_us": {
                    "count": 900, "p50": 0.0, "p90": 2.0, "p99": 9.0, "p999": 9.0, "max": 20.0,
                },
                "course": { "slice_seconds": 0.02, "p50_us": vec![40.5; 40], "max_us": slowest() },
            }));
        }
    }
    json!({
        "schema": 3, "partial": false, "started": "2026-11-23T05:06:07Z",
        "environment": environment(), "command": "oneloop compare", "resumed": [],
        "arguments": {
            "mode": "quick", "connections": 64, "size_bytes": 64, "rounds": rounds,
            "limit_seconds": null, "seconds": 0.85, "load_percent": 30.0, "rate": null,
            "arms": arms.iter().map(|arm| told(arm)).collect::<Vec<_>>(), "costs": false, "against": [],
        },
        "seed": 1, "rounds_done": rounds, "log_bytes": 0, "saturation": [], "open_rate": 9_000.5,
        "void_rounds": [], "closed": closed, "open": open, "counts": [], "instructions": [],
        "memory": [], "uncounted": [], "failures": [], "answers": [], "verdict": "", "series": [],
    })
}

/// Tells an arm as files do: a style by its name, a null as a control, and anything else as a peer.
fn told(name: &str) -> Value {
    if let Some(of) = name.strip_suffix("-null") {
        return json!({ "name": name, "of": told(of), "dearer_by_us": 0 });
    }
    match name.parse::<examples::Style>() {
        Ok(_) => json!(name),
        Err(_) => json!({ "name": name, "command": ["serve", "{port}"] }),
    }
}

fn environment() -> Value {
    json!({
        "cpu": "a processor", "cores": 2, "kernel": "Linux", "rustc": "rustc 1.95.0",
        "commit": null, "profile": "release", "version": "0.1.0", "governor": null,
        "load_average": 0.5, "stolen_seconds": 0.1, "generator_waited_seconds": 0.1,
        "elapsed_seconds": 9.5, "server_cpu": 0, "generator_cpu": 1,
    })
}

fn quantiles(more: f64) -> Value {
    json!({
        "count": 900, "p50": 41.0 + more, "p90": 60.5 + more, "p99": 88.0 + more,
        "p999": 120.0 + more, "max": 340.25,
    })
}

fn slowest() -> Vec<f64> {
    (0..40).map(|slice| 90.0 + f64::from(slice * 37 % 11)).collect()
}
