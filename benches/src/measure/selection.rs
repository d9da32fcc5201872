//! Which arms a run measures: what the command line asks for, in the order of reports.

use clap::Args;
use examples::Style;

use crate::failure::Failure;
use crate::measure::arm::{Arm, Peer, ensure_distinct};
use crate::values;

/// The arguments that choose the arms.
#[derive(Clone, Debug, Args)]
pub(crate) struct Selection {
    /// Styles to measure, separated by commas [default: all but protocol and smol]
    #[arg(long, value_name = "STYLES", value_delimiter = ',', value_parser = values::style)]
    pub(crate) only: Vec<Style>,
    /// Measure all styles, protocol and smol too, which takes longer
    #[arg(long, conflicts_with = "only")]
    pub(crate) all: bool,
    /// Measure a foreign echo server as well; {port} becomes a free port of 127.0.0.1. Repeatable
    #[arg(long, value_name = "NAME='COMMAND {port}'", value_parser = Peer::parse)]
    pub(crate) peer: Vec<Peer>,
}

impl Selection {
    /// Lists what to measure: the styles, those on the project's loop first, then the peers.
    ///
    /// # Errors
    ///
    /// When two peers share a name.
    pub(crate) fn arms(&self) -> Result<Vec<Arm>, Failure> {
        let taken = |style: &Style| match &self.only[..] {
            // Each adds a sixth to the time and nothing to the question.
            [] => self.all || !matches!(style, Style::Protocol | Style::Smol),
            only => only.contains(style),
        };
        let styles = Style::ALL.into_iter().filter(taken).map(Arm::Style);
        let arms: Vec<Arm> = styles.chain(self.peer.iter().cloned().map(Arm::Peer)).collect();
        ensure_distinct(&arms).map_err(Failure::Usage)?;
        Ok(arms)
    }
}
