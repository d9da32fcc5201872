//! The open phases' histograms of a run, merged over its rounds.

use std::collections::BTreeMap;

use crate::measure::arm::Arm;
use crate::measure::load::Recorder;

/// What each arm's rounds add up to, valid and void ones apart.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    valid: BTreeMap<String, Recorder>,
    void: BTreeMap<String, Recorder>,
}

impl Latencies {
    /// Adds an arm's phase of a round.
    pub(crate) fn add(&mut self, round_is_valid: bool, arm: &str, recorder: &Recorder) {
        let into = if round_is_valid { &mut self.valid } else { &mut self.void };
        into.entry(arm.to_owned()).or_insert_with(Recorder::new).merge(recorder);
    }

    /// Returns what the report and the files show, in the order of `arms`: the valid rounds or,
    /// when there is none, the void ones, which the report then says.
    pub(crate) fn counted<'a>(&'a self, arms: &'a [Arm]) -> Vec<(&'a str, &'a Recorder)> {
        let shown = if self.valid.is_empty() { &self.void } else { &self.valid };
        arms.iter().filter_map(|arm| Some((arm.name(), shown.get(arm.name())?))).collect()
    }
}
