//! What is measured, and how: servers, load, comparison, duel, costs.

pub(crate) mod arm;
pub(crate) mod compare;
pub(crate) mod cost;
pub(crate) mod counts;
pub(crate) mod duel;
pub(crate) mod hiccups;
pub(crate) mod latencies;
pub(crate) mod load;
pub(crate) mod load_alone;
pub(crate) mod peers;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod redis;
pub(crate) mod selection;
pub(crate) mod suites;
pub(crate) mod visit;
