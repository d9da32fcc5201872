//! What a run of duels found, raw, so that each printed figure can be traced to its slices.

use jiff::Timestamp;
use serde::Serialize;

use super::bout::{Misfortune, Pair, Slice};
use super::interval::Ratio;
use super::verdict::{self, Standing};
use crate::process::environment::Environment;

/// The version of the form; it grows when a reader of the old form would be misled.
const SCHEMA: u32 = 1;

/// How the intervals come about.
const METHOD: &str =
    "median of the pairs' log-ratios of CPU time per message; exact binomial interval, 95 %";

/// A run, complete or not.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    /// The version of this form.
    pub(crate) schema: u32,
    /// Whether the user ended the run before its time.
    pub(crate) partial: bool,
    /// When it began.
    pub(crate) started: Timestamp,
    /// The machine and the build.
    pub(crate) environment: Environment,
    /// Connections to each server.
    pub(crate) connections: usize,
    /// Bytes of each message.
    pub(crate) size_bytes: usize,
    /// Length of the load in each bout.
    pub(crate) seconds: f64,
    /// The shortest and the longest slice.
    pub(crate) slice_ms: [u64; 2],
    /// What lengths and orders were drawn from.
    pub(crate) seed: u64,
    /// How the intervals come about.
    pub(crate) method: &'static str,
    /// The null first.
    pub(crate) bouts: Vec<Bout>,
    /// What the ready-made peers run on, and which were absent; a sentence each.
    pub(crate) peers: Vec<String>,
}

/// Two servers, compared.
#[derive(Debug, Serialize)]
pub(crate) struct Bout {
    /// The server compared with.
    pub(crate) base: String,
    /// The server compared.
    pub(crate) other: String,
    /// Whether both are the same.
    pub(crate) null: bool,
    /// The other's CPU time per message over the base's; none for fewer than six pairs.
    pub(crate) ratio: Option<Ratio>,
    /// The median over the slices, of the base and of the other.
    pub(crate) cpu_ns_per_message: Option<[f64; 2]>,
    /// Of the base and of the other; a server that is always behind hardly ever sleeps.
    pub(crate) sleeps_per_1000_messages: Option<[f64; 2]>,
    /// What the rules make of it; the null has no standing, nor has a server that failed.
    pub(crate) standing: Option<Standing>,
    /// The same in a sentence.
    pub(crate) verdict: Option<String>,
    /// Whether a pair is missing because something failed or the user ended the run.
    pub(crate) partial: bool,
    /// The server that failed.
    pub(crate) failed: Option<String>,
    /// Why it did.
    pub(crate) reason: Option<String>,
    /// The pairs of slices, in order.
    pub(crate) pairs: Vec<Pair>,
}

impl Outcome {
    /// Begins an empty run.
    pub(super) fn begin(rules: &super::bout::Rules) -> Outcome {
        let slices = rules.slices;
        Outcome {
            schema: SCHEMA,
            partial: false,
            started: Timestamp::now(),
            environment: Environment::observe(Some(rules.placement)),
            connections: rules.shape.connections,
            size_bytes: rules.shape.size,
            seconds: rules.length.as_secs_f64(),
            slice_ms: [slices.least, slices.most].map(|length| length.as_millis() as u64),
            seed: rules.seed,
            method: METHOD,
            bouts: Vec::new(),
            peers: Vec::new(),
        }
    }

    /// Returns how the base differs from itself, once that is known.
    pub(crate) fn null(&self) -> Option<Ratio> {
        self.bouts.iter().find(|bout| bout.null)?.ratio
    }

    /// Tells whether a server has failed.
    pub(crate) fn any_failed(&self) -> bool {
        self.bouts.iter().any(|bout| bout.failed.is_some())
    }
}

impl Bout {
    /// Draws the figures from the pairs. `null` is the base against itself, and none in that bout.
    pub(super) fn of(
        names: (&str, &str),
        is_null: bool,
        pairs: Vec<Pair>,
        misfortune: Option<&Misfortune>,
        null: Option<Ratio>,
    ) -> Bout {
        let ratio =
            Ratio::of(pairs.iter().map(|pair| pair.other.per_message() / pair.base.per_message()));
        let (failed, reason) = match misfortune {
            Some(Misfortune::Failed { arm, reason }) => (Some(arm.clone()), Some(reason.clone())),
            _ => (None, None),
        };
        // Half a duel with a server that fails is no verdict on it.
        let judged = !is_null && failed.is_none();
        Bout {
            base: names.0.to_owned(),
            other: names.1.to_owned(),
            null: is_null,
            ratio,
            cpu_ns_per_message: of_both(&pairs, |slices| median(slices.map(Slice::per_message))),
            sleeps_per_1000_messages: of_both(&pairs, sleeps_per_1000),
            standing: judged.then(|| Standing::of(ratio, null)),
            verdict: judged.then(|| verdict::sentence(names, ratio, null)),
            partial: misfortune.is_some(),
            failed,
            reason,
            pairs,
        }
    }
}

/// Draws a figure from the slices of the base and from those of the other.
fn of_both(
    pairs: &[Pair],
    figure: impl Fn(&mut dyn Iterator<Item = &Slice>) -> f64,
) -> Option<[f64; 2]> {
    let base = figure(&mut pairs.iter().map(|pair| &pair.base));
    let other = figure(&mut pairs.iter().map(|pair| &pair.other));
    (!pairs.is_empty()).then_some([base, other])
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn sleeps_per_1000(slices: &mut dyn Iterator<Item = &Slice>) -> f64 {
    let sum = |sums: (u64, u64), slice: &Slice| (sums.0 + slice.sleeps, sums.1 + slice.messages);
    let (sleeps, messages) = slices.fold((0, 0), sum);
    sleeps as f64 * 1_000.0 / messages.max(1) as f64
}
