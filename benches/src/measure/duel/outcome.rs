//! What a run of duels found, raw, so that each printed figure can be traced to its slices.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bout::{Misfortune, Pair, Slice};
use crate::process::environment::Environment;
use crate::statistics::{Detection, Evidence, Measure, Ratio, Standing, sentence};

/// The version of the form; it grows when a reader of the old form would be misled.
pub(super) const SCHEMA: u32 = 1;

/// How the intervals come about.
const METHOD: &str =
    "median of the pairs' log-ratios of CPU time per message; exact binomial interval, 95 %";

/// A run, complete or not.
#[derive(Debug, Serialize, Deserialize)]
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
    pub(crate) method: String,
    /// The null first.
    pub(crate) bouts: Vec<Bout>,
    /// What the ready-made peers run on, and which were absent; a sentence each.
    pub(crate) peers: Vec<String>,
}

/// Two servers, compared.
#[derive(Debug, Serialize, Deserialize)]
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
            method: METHOD.to_owned(),
            bouts: Vec::new(),
            peers: Vec::new(),
        }
    }

    /// Returns how the base differs from itself, once that is known.
    pub(crate) fn null(&self) -> Option<Ratio> {
        self.bouts.iter().find(|bout| bout.null)?.ratio
    }

    /// Lays out every pair of slices as a row.
    pub(super) fn table(&self) -> String {
        let mut text = String::from(
            "base,other,slice_ms,base_first,base_messages,base_cpu_ns,other_messages,other_cpu_ns\n",
        );
        for Bout { base, other, pairs, .. } in &self.bouts {
            for pair in pairs {
                let Pair { slice_ms, base_first, base: one, other: two } = pair;
                let first = u8::from(*base_first);
                let slices =
                    [one.messages, one.cpu_ns, two.messages, two.cpu_ns].map(|it| it.to_string());
                text += &format!("{base},{other},{slice_ms},{first},{}\n", slices.join(","));
            }
        }
        text
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
        let ratio = Ratio::of_pairs(
            pairs.iter().map(|pair| pair.other.per_message() / pair.base.per_message()),
        );
        let (measure, control) = (Measure::Cpu, Detection::Absent);
        let evidence = Evidence { measure, ratio, by_chance: false, null, control, idle: false };
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
            standing: judged.then(|| Standing::of(&evidence)),
            verdict: judged.then(|| sentence(names, &evidence)),
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
