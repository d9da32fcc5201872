//! What a comparison has found so far.

use crate::files::interval_log::IntervalLog;
use crate::files::run_file::Run;
use crate::measure::latencies::Latencies;
use crate::measure::load::Recorder;

/// Figures, histograms over all rounds, and the log with each for itself.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) run: Run,
    pub(super) latencies: Latencies,
    pub(super) log: IntervalLog,
}

impl Findings {
    /// Adds a round, valid or void: the whole of it or nothing, because to drop single phases would
    /// be to choose the lucky ones.
    pub(super) fn add_round(&mut self, round: usize, recorders: &[(&str, Recorder)]) {
        let valid = !recorders.iter().any(|(_, recorder)| recorder.is_late());
        for (arm, recorder) in recorders {
            self.latencies.add(valid, arm, recorder);
        }
        if !valid {
            self.run.void_rounds.push(round);
        }
    }
}
