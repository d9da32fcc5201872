//! The arguments of `duel`, and what is refused of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::measure::peers::Asked;
use crate::values;

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop duel raw callbacks             callbacks over raw, about 20 s
  oneloop duel --all                     every style and baseline over raw
  oneloop duel tokio libuv --seconds 20  a ready-made peer, see `oneloop peers`
  oneloop duel --all --peers all --peer mine='./my-echo --listen :{port}'
  oneloop duel raw async --json > duel.json
  oneloop duel --self-test               is 5 us a message seen on this machine?

Both servers share one processor with a busy loop, so that neither ever waits
for work; the generator, on another one, loads now this one and now that one.
Compared is CPU time per message, B over A, pair of slices by pair; the same
for two processes of A is the null. Run it on a machine that does nothing else.
A command is split into words and run without a shell; the CPU time of
processes that it starts is not seen.";

/// The arguments of `duel`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DuelArguments {
    /// The server to compare with: a style, a baseline, a ready-made peer, or NAME='COMMAND {port}'
    #[arg(value_name = "A", value_parser = Asked::arm)]
    #[arg(required_unless_present_any = ["all", "peer", "self_test"])]
    pub(crate) base: Option<Asked>,
    /// The server to compare
    #[arg(value_name = "B", value_parser = Asked::arm)]
    #[arg(required_unless_present_any = ["all", "peer", "self_test"])]
    pub(crate) other: Option<Asked>,
    /// Compare every built-in style and baseline with raw
    #[arg(long, conflicts_with_all = ["base", "other", "self_test"])]
    pub(crate) all: bool,
    /// Compare a foreign echo server as well, with A or else with raw: ready-made ones by their names
    /// (`oneloop peers` lists them), those that can be used here (`all`), or NAME='COMMAND {port}',
    /// where {port} becomes a free port of 127.0.0.1. Repeatable
    #[arg(long, visible_alias = "peers", value_name = "PEER", value_parser = Asked::peer)]
    #[arg(conflicts_with = "self_test")]
    pub(crate) peer: Vec<Asked>,
    /// Compare raw with itself and with itself made 5 us dearer
    #[arg(long, conflicts_with_all = ["base", "other"])]
    pub(crate) self_test: bool,
    /// Connections to each of the two servers
    #[arg(long, value_name = "N", default_value = "64", value_parser = values::connections)]
    pub(crate) connections: usize,
    /// Bytes of each message, up to 16 MiB
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = values::size)]
    pub(crate) size: usize,
    /// Length of the load in each duel and in the null
    #[arg(long, value_name = "S", default_value = "8", value_parser = values::seconds)]
    pub(crate) seconds: f64,
    /// Shortest and longest slice of load, in milliseconds
    #[arg(long, value_name = "MIN..MAX", default_value = "40..160", value_parser = slices)]
    pub(crate) slices: Slices,
    /// Seed of the slices' lengths and order [default: drawn, and printed]
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<u64>,
    /// Where each run gets a new directory
    #[arg(long, value_name = "DIR", default_value = "target/oneloop")]
    pub(crate) out: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// The bounds between which the length of a slice is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slices {
    /// The shortest.
    pub(crate) least: Duration,
    /// The longest.
    pub(crate) most: Duration,
}

fn slices(text: &str) -> Result<Slices, String> {
    let millis = |text: &str| text.trim().parse().ok().filter(|ms| (5..=10_000).contains(ms));
    let bounds = text.split_once("..").and_then(|(least, most)| millis(least).zip(millis(most)));
    match bounds {
        Some((least, most)) if least <= most => {
            Ok(Slices { least: Duration::from_millis(least), most: Duration::from_millis(most) })
        }
        _ => Err("must be two times from 5 to 10000 ms, such as 40..160".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_have_an_order_and_bounds() {
        let bounds = slices("40..160").unwrap();
        assert_eq!((bounds.least.as_millis(), bounds.most.as_millis()), (40, 160));
        for bad in ["160..40", "40", "0..10", "a..b", "1..99999"] {
            assert!(slices(bad).is_err(), "{bad}");
        }
    }
}
