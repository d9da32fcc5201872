//! What small samples say: intervals, and verdicts by rules that were fixed before.
//!
//! Rule: nothing here knows servers or files; a ratio and its null come in, a verdict goes out.

mod bootstrap;
mod holm;
mod interval;
mod verdict;

pub(crate) use bootstrap::{Bootstrap, Estimate};
pub(crate) use holm::holm;
pub(crate) use interval::Ratio;
pub(crate) use verdict::{Detection, Evidence, Measure, Standing, sentence};

/// The risk that a difference is found where there is none, over all that is asked at once.
pub(crate) const RISK: f64 = 0.05;
