//! What a report says of ready-made peers.

use super::asked::Absent;
use crate::measure::arm::Arm;

/// Says on what the ready-made peers of a run were built and run, and which were absent.
pub(crate) fn notes<'a>(
    arms: impl IntoIterator<Item = &'a Arm>,
    absent: &'a [Absent],
) -> impl Iterator<Item = String> {
    let versions = arms.into_iter().filter_map(|arm| match arm {
        Arm::Peer(peer) => peer.version().map(|version| format!("{arm} ({version})")),
        Arm::Style(_) | Arm::Control(_) => None,
    });
    let versions: Vec<_> = versions.collect();
    let made =
        (!versions.is_empty()).then(|| format!("Ready-made peers: {}.", versions.join("; ")));
    let absent = absent.iter().map(|Absent { name, reason }| format!("ABSENT: {name} {reason}."));
    made.into_iter().chain(absent)
}
