//! `run.csv`: every figure of every phase as a row, for what reads tables and no JSON.

use std::fmt::Write;

use crate::files::figures::Quantiles;
use crate::files::run_file::Run;

/// The file's name in the directory of a run.
pub(crate) const CSV_NAME: &str = "run.csv";

/// Lays the figures out: one in a row, with its round, its arm and its unit. Names of arms have
/// neither commas nor quotes.
pub(crate) fn of(run: &Run) -> String {
    let mut text = String::from("round,void,arm,phase,figure,unit,value\n");
    for figures in &run.closed {
        let mut place = Place {
            text: &mut text,
            round: figures.round,
            void: false,
            arm: &figures.arm,
            phase: "closed",
        };
        place.add("messages", "1", figures.messages as f64);
        place.add("rate", "1/s", figures.messages_per_second);
        if let (Some(cpu), Some(busy)) = (figures.cpu_us_per_message, figures.server_busy) {
            place.add("cpu_per_message", "us", cpu);
            place.add("server_busy", "1", busy);
        }
        place.quantiles("response", &figures.response_us);
    }
    for figures in &run.open {
        let void = !run.is_valid(figures.round);
        let mut place =
            Place { text: &mut text, round: figures.round, void, arm: &figures.arm, phase: "open" };
        place.quantiles("response", &figures.response_us);
        place.quantiles("service", &figures.service_us);
        place.quantiles("send_lag", &figures.send_lag_us);
    }
    text
}

/// The phase that rows are about.
struct Place<'a> {
    text: &'a mut String,
    round: usize,
    void: bool,
    arm: &'a str,
    phase: &'static str,
}

impl Place<'_> {
    fn add(&mut self, figure: &str, unit: &str, value: f64) {
        let Place { text, round, void, arm, phase } = self;
        let void = u8::from(*void);
        let _ = writeln!(text, "{round},{void},{arm},{phase},{figure},{unit},{value}");
    }

    fn quantiles(&mut self, series: &str, of: &Quantiles) {
        for (name, value) in of.each() {
            let unit = if name == "count" { "1" } else { "us" };
            self.add(&format!("{series}_{name}"), unit, value);
        }
    }
}
