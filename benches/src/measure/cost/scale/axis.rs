//! What a message's cost may grow with, and how far it is followed.

use examples::Style;
use serde::Serialize;

use crate::measure::arm::Arm;
use crate::measure::load::Shape;

/// Connections, bytes and pipeline where they are not what is varied.
const CONNECTIONS: usize = 64;
const SIZE_BYTES: usize = 64;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Axis {
    /// Connections, each with a message under way.
    Connections,
    /// Connections, one in a hundred with a message under way.
    OneInAHundred,
    /// Connections, each with a message under way, which sets an idle timeout and takes it back.
    IdleTimeout,
    /// Bytes of a message.
    SizeBytes,
    /// Messages under way on each connection.
    Pipeline,
}

impl Axis {
    pub(super) const ALL: [Axis; 5] = [
        Axis::Connections,
        Axis::OneInAHundred,
        Axis::IdleTimeout,
        Axis::SizeBytes,
        Axis::Pipeline,
    ];

    /// Says what is varied, as the head of a table.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Axis::Connections => "Connections, all active",
            Axis::OneInAHundred => "Connections, one in a hundred active",
            Axis::IdleTimeout => "Connections, all active, an idle timeout for each message",
            Axis::SizeBytes => "Bytes of a message, 64 connections",
            Axis::Pipeline => "Messages under way on each of 64 connections",
        }
    }

    /// Returns the values that are measured, of which a quick run has few.
    pub(super) fn values(self, quick: bool) -> &'static [usize] {
        match (self, quick) {
            (Axis::Connections, false) => &[1, 64, 1_000, 4_000, 16_000],
            (Axis::Connections, true) => &[1, 64, 1_000],
            (Axis::OneInAHundred, false) => &[100, 1_000, 4_000, 16_000],
            (Axis::OneInAHundred, true) => &[1_000],
            (Axis::IdleTimeout, false) => &[1, 64, 1_000, 4_000, 16_000],
            (Axis::IdleTimeout, true) => &[1, 1_000],
            (Axis::SizeBytes, false) => &[64, 1_024, 16_384, 65_536, 1_048_576],
            (Axis::SizeBytes, true) => &[64, 65_536],
            (Axis::Pipeline, false) => &[1, 4, 16, 64],
            (Axis::Pipeline, true) => &[1, 16],
        }
    }

    /// Tells whether memory is counted: it is a connection's, and says nothing where these do not vary.
    pub(super) fn counts_memory(self) -> bool {
        matches!(self, Axis::Connections | Axis::IdleTimeout)
    }

    /// Tells whether an arm can be measured. A thread's timeout would be set once, as a property of its socket,
    /// and what another server has is unknown.
    pub(super) fn has(self, arm: &Arm) -> bool {
        self != Axis::IdleTimeout || arm.style().is_some_and(|style| style != Style::Threads)
    }

    /// Returns the load of a value.
    pub(super) fn shape(self, value: usize) -> Shape {
        let plain = Shape::plain(CONNECTIONS, SIZE_BYTES);
        match self {
            Axis::Connections | Axis::IdleTimeout => Shape { connections: value, ..plain },
            Axis::OneInAHundred => {
                let connections = (value / 100).max(1);
                Shape { connections, idle: value - connections, ..plain }
            }
            Axis::SizeBytes => Shape { size: value, ..plain },
            Axis::Pipeline => Shape { pipeline: value, ..plain },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_is_one_of_each_hundred() {
        for value in Axis::OneInAHundred.values(false) {
            let shape = Axis::OneInAHundred.shape(*value);
            assert_eq!(shape.connections * 100, *value);
            assert_eq!(shape.connections + shape.idle, *value);
        }
    }

    #[test]
    fn the_axes_meet_at_one_load() {
        let usual = Shape::plain(CONNECTIONS, SIZE_BYTES);
        let meets =
            |axis: Axis, value| axis.values(true).contains(&value) && axis.shape(value) == usual;
        assert!(
            meets(Axis::Connections, 64) && meets(Axis::SizeBytes, 64) && meets(Axis::Pipeline, 1)
        );
    }
}
