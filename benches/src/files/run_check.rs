//! Whether what a `run.json` says can have come from a run.
//!
//! Rule: whatever passes here can be printed: no report divides by a figure that is zero, and none
//! shows a number that is not one.

use std::collections::BTreeSet;

use crate::files::figures::{
    Answer, ClosedFigures, CountFigures, CourseFigures, OpenFigures, Quantiles,
};
use crate::files::run_file::{Arguments, Run};
use crate::measure::arm::ensure_distinct;
use crate::measure::load::SIZE_MAX;
use crate::statistics::Ratio;

/// More than any run measures: a figure beyond it comes from no clock and no counter.
const FIGURE_MAX: f64 = 1e15;

/// More slices than any phase is divided into.
const SLICES_MAX: usize = 1_000;

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
        self.check_costs()?;
        for answer in &self.answers {
            self.place("answers", 1, &answer.arm)?;
            self.place("answers", 1, &answer.against)?;
            answer.check()?;
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

    fn check_costs(&self) -> Result<(), String> {
        for figures in &self.saturation {
            let place = self.place("saturation", 1, &figures.arm)?;
            positive(&place, figures.messages_per_second)?;
        }
        for figures in &self.instructions {
            let place = self.place("instructions", 1, &figures.arm)?;
            rising(&place, figures.messages)?;
            within(&place, figures.counted[0].max(figures.counted[1]) as f64)?;
        }
        for figures in &self.memory {
            let place = self.place("memory", 1, &figures.arm)?;
            rising(&place, figures.connections.map(|crowd| crowd as u64))?;
            let bytes = figures.resident_bytes;
            within(&place, bytes[0].max(bytes[1]) as f64)?;
        }
        Ok(())
    }

    /// Names the place of a figure, if it has one in this run.
    fn place(&self, part: &str, round: usize, arm: &str) -> Result<String, String> {
        if !self.arguments.arms.iter().any(|known| known.name() == arm) {
            return Err(format!("{part} has figures of {arm:?}, which was not compared"));
        }
        let most = 2 * self.arguments.rounds;
        if !(1..=most).contains(&round) {
            return Err(format!("{part} has a round {round}, of {most} at most"));
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
        positive("load_percent", self.load_percent)?;
        self.limit_seconds.map_or(Ok(()), |limit| positive("limit_seconds", limit))?;
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
        self.send_lag_us.check_order("send_lag_us")?;
        self.course.as_ref().map_or(Ok(()), CourseFigures::check)
    }
}

impl CourseFigures {
    fn check(&self) -> Result<(), String> {
        positive("course.slice_seconds", self.slice_seconds)?;
        if self.p50_us.len() != self.max_us.len() || self.max_us.len() > SLICES_MAX {
            return Err("course has slices that do not fit together".to_owned());
        }
        let mut figures = self.p50_us.iter().chain(&self.max_us);
        figures.try_for_each(|&figure| within("course", figure))
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

impl Answer {
    fn check(&self) -> Result<(), String> {
        let name = format!("the answer on {} and {}", self.arm, self.against);
        if let Some(Ratio { median, low, high, half_width }) = self.ratio {
            for figure in [median, low, high] {
                positive(&name, figure)?;
            }
            within(&name, half_width)?;
            if !(low <= median && median <= high) {
                return Err(format!("{name} has an interval without its median"));
            }
        }
        self.p.map_or(Ok(()), |p| within(&name, p))
    }
}

fn rising(name: &str, [short, long]: [u64; 2]) -> Result<(), String> {
    if short >= long {
        return Err(format!("{name}: went from {short} to {long}, which is no longer run"));
    }
    within(name, long as f64)
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
mod tests;
