//! Whether what a `run.json` says can have come from a run.
//!
//! Rule: whatever passes here can be printed: no report divides by a figure that is zero, and none
//! shows a number that is not one.

use std::collections::BTreeSet;

use crate::files::run_file::{Arguments, ClosedFigures, CountFigures, OpenFigures, Quantiles, Run};
use crate::measure::arm::ensure_distinct;
use crate::measure::load::SIZE_MAX;

/// More than any run measures: a figure beyond it comes from no clock and no counter.
const FIGURE_MAX: f64 = 1e15;

impl Run {
    /// Checks every figure that a report uses.
    ///
    /// # Errors
    /// Names the first figure that no run can have written.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.arguments.check()?;
        if let Some(rate) = self.open_rate {
            positive("open_rate", rate)?;
        }
        let machine = &self.environment;
        let times = [Some(machine.elapsed_seconds), machine.stolen_seconds];
        for figure in times.into_iter().chain([machine.generator_waited_seconds]).flatten() {
            within("a time of the environment", figure)?;
        }
        within("load_average", machine.load_average.unwrap_or(0.0))?;
        let mut seen = BTreeSet::new();
        for figures in &self.closed {
            let place = self.place("closed", figures.round, &figures.arm)?;
            figures.check().map_err(|reason| format!("{place}: {reason}"))?;
            distinct(&mut seen, place)?;
        }
        for figures in &self.open {
            let place = self.place("open", figures.round, &figures.arm)?;
            figures.check().map_err(|reason| format!("{place}: {reason}"))?;
            distinct(&mut seen, place)?;
        }
        for figures in &self.counts {
            let place = self.place("counts", 1, &figures.arm)?;
            figures.check().map_err(|reason| format!("{place}: {reason}"))?;
        }
        for failure in &self.failures {
            self.place("failures", 1, &failure.arm)?;
        }
        let mut void = BTreeSet::new();
        for &round in &self.void_rounds {
            if !void.insert(round) || !self.open.iter().any(|figures| figures.round == round) {
                return Err(format!("void_rounds names round {round}, which has no open phase"));
            }
        }
        Ok(())
    }

    /// Names the place of a figure, if it has one in this run.
    fn place(&self, part: &str, round: usize, arm: &str) -> Result<String, String> {
        if !self.arguments.arms.iter().any(|known| known.name() == arm) {
            return Err(format!("{part} has figures of {arm:?}, which was not compared"));
        }
        if !(1..=self.arguments.rounds).contains(&round) {
            return Err(format!("{part} has a round {round}, of {}", self.arguments.rounds));
        }
        Ok(format!("{part}, round {round}, {arm}"))
    }
}

impl Arguments {
    fn check(&self) -> Result<(), String> {
        ensure_distinct(&self.arms)?;
        if self.arms.is_empty() {
            return Err("nothing was compared".to_owned());
        }
        let whole = [
            ("connections", self.connections, 1_000_000),
            ("size_bytes", self.size_bytes, SIZE_MAX),
            ("rounds", self.rounds, 1_000),
        ];
        for (name, number, most) in whole {
            if !(1..=most).contains(&number) {
                return Err(format!("{name} is {number}, and not from 1 to {most}"));
            }
        }
        positive("seconds", self.seconds)?;
        self.rate.map_or(Ok(()), |rate| positive("rate", rate))
    }
}

impl ClosedFigures {
    fn check(&self) -> Result<(), String> {
        positive("messages", self.messages as f64)?;
        positive("messages_per_second", self.messages_per_second)?;
        let cpu = [
            ("server_cpu_ns", self.server_cpu_ns.map(|nanos| nanos as f64)),
            ("cpu_us_per_message", self.cpu_us_per_message),
            ("server_busy", self.server_busy),
        ];
        if cpu.iter().any(|(_, figure)| figure.is_some() != self.server_cpu_ns.is_some()) {
            return Err("only some of the figures of CPU time are there".to_owned());
        }
        for (name, figure) in cpu {
            figure.map_or(Ok(()), |figure| positive(name, figure))?;
        }
        self.response_us.check("response_us")
    }
}

impl OpenFigures {
    fn check(&self) -> Result<(), String> {
        self.response_us.check("response_us")?;
        self.service_us.check("service_us")?;
        // A generator that keeps to its schedule has a lag of nothing.
        self.send_lag_us.check_order("send_lag_us")
    }
}

impl Quantiles {
    fn check(&self, name: &str) -> Result<(), String> {
        positive(&format!("{name}.p50"), self.p50)?;
        self.check_order(name)
    }

    fn check_order(&self, name: &str) -> Result<(), String> {
        let rising = [self.p50, self.p90, self.p99, self.p999, self.max];
        for figure in rising {
            within(name, figure)?;
        }
        positive(&format!("{name}.count"), self.count as f64)?;
        if rising.is_sorted() {
            Ok(())
        } else {
            Err(format!("{name}: a higher quantile is less than a lower one"))
        }
    }
}

impl CountFigures {
    fn check(&self) -> Result<(), String> {
        let [short, long] = self.messages;
        positive("connections", self.connections as f64)?;
        within("messages", long as f64)?;
        if short >= long {
            return Err(format!("messages went from {short} to {long}, which is no longer run"));
        }
        let [short, long] = self.counted.map(|counted| counted.each());
        for ((name, short), (_, long)) in short.into_iter().zip(long) {
            if short.is_some() != long.is_some() {
                return Err(format!("{name} were counted in one of two runs"));
            }
            within(name, long.max(short).unwrap_or(0) as f64)?;
        }
        Ok(())
    }
}

fn distinct(seen: &mut BTreeSet<String>, place: String) -> Result<(), String> {
    if seen.contains(&place) {
        return Err(format!("{place}: is there twice"));
    }
    seen.insert(place);
    Ok(())
}

fn positive(name: &str, figure: f64) -> Result<(), String> {
    within(name, figure)?;
    if figure > 0.0 { Ok(()) } else { Err(format!("{name} is {figure}, and not above 0")) }
}

fn within(name: &str, figure: f64) -> Result<(), String> {
    // A NaN is in no range.
    if (0.0..=FIGURE_MAX).contains(&figure) {
        return Ok(());
    }
    Err(format!("{name} is {figure}, and not from 0 to {FIGURE_MAX:e}"))
}

#[cfg(test)]
mod tests {
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
        let lag =
            json!({ "count": 900, "p50": 0.0, "p90": 2.0, "p99": 9.0, "p999": 9.0, "max": 20.0 });
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
                }));
            }
        }
        let counted =
            |turns| json!({ "turns": turns, "polls": turns, "reads": turns, "writes": 5 });
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
}
