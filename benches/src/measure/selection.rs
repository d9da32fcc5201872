//! Which arms a run measures: what the command line asks for, in the order of reports.

use clap::Args;
use examples::Style;

use crate::failure::Failure;
use crate::measure::arm::{Arm, ensure_distinct};
use crate::measure::peers::{self, Asked, Resolved};
use crate::values;

/// The arguments that choose the arms.
#[derive(Clone, Debug, Args)]
pub(crate) struct Selection {
    /// Styles to measure, separated by commas [default: all but fibers and smol]
    #[arg(long, value_name = "STYLES", value_delimiter = ',', value_parser = values::style)]
    pub(crate) only: Vec<Style>,
    /// Measure all styles, fibers and smol too, which takes longer
    #[arg(long, conflicts_with = "only")]
    pub(crate) all: bool,
    /// Measure a foreign echo server as well: ready-made ones by their names (`oneloop peers` lists
    /// them), those that can be used here (`all`), or NAME='COMMAND {port}', where {port} becomes a
    /// free port of 127.0.0.1. Repeatable
    #[arg(long, visible_alias = "peers", value_name = "PEER", value_parser = Asked::peer)]
    pub(crate) peer: Vec<Asked>,
}

impl Selection {
    /// Lists what to measure: the styles, those on the project's loop first, then the peers, which
    /// are built if need be.
    ///
    /// # Errors
    ///
    /// When two peers share a name, and when one that was asked for by its name is absent.
    pub(crate) fn arms(&self) -> Result<Resolved, Failure> {
        let taken = |style: &Style| match &self.only[..] {
            // Each adds a seventh to the time; smol is a baseline beside tokio.
            [] => self.all || !matches!(style, Style::Fibers | Style::Smol),
            only => only.contains(style),
        };
        let styles = Style::ALL.into_iter().filter(taken).map(Arm::Style);
        let asked: Vec<Asked> = styles.map(Asked::Arm).chain(self.peer.iter().cloned()).collect();
        let resolved = peers::resolve(&asked)?;
        ensure_distinct(&resolved.arms).map_err(Failure::Usage)?;
        Ok(resolved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_styles_but_fibers_and_smol_are_measured_unless_others_are_asked_for() {
        let arms = |only: &[Style], all| {
            let asked = Selection { only: only.to_vec(), all, peer: Vec::new() };
            asked.arms().unwrap().arms.into_iter().map(|arm| arm.to_string()).collect::<Vec<_>>()
        };
        let all = arms(&[], true);
        assert_eq!(all, Style::ALL.map(|style| style.to_string()));
        let by_default = arms(&[], false);
        let left_out: Vec<_> = all.iter().filter(|style| !by_default.contains(style)).collect();
        assert_eq!(left_out, ["fibers", "smol"]);
        assert_eq!(arms(&[Style::Protocol], false), ["protocol"]);
    }
}
