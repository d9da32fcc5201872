//! What a run says of the suite that it belongs to.

use serde::{Deserialize, Serialize};

use crate::measure::load::Shape;

/// A suite, and one of its loads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Citation {
    /// The suite's name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: u64,
    /// Which of its loads this run has measured, from 1.
    pub(crate) load: usize,
    /// How many it has.
    pub(crate) loads: usize,
    /// The load itself, so that the file is not needed to read the run.
    pub(crate) shape: Shape,
}
