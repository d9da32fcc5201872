//! The steps from the command line, with a server that is started for them.

use std::io;
use std::time::Duration;

use super::{AT_ONCE_MAX, Fault, Misbehaviour, Options, Peer, run};
use crate::Style;
use crate::programs::bounds::{MILLISECONDS_MAX, number};
use crate::programs::program::say;

/// The most failures that the server can be told.
const FAILURES_MAX: usize = 1_000_000;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The items to fetch
    #[arg(value_name = "ITEM", default_values = ["ali", "baba", "cassim"])]
    items: Vec<String>,
    /// How many items are fetched at once, 1..=1000
    #[arg(long, value_name = "N", default_value_t = 2, allow_negative_numbers = true)]
    #[arg(value_parser = number(1..=AT_ONCE_MAX))]
    at_once: usize,
    /// How many fetches fail before one succeeds, 0..=1000000; each item is tried three times
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=FAILURES_MAX))]
    failures: usize,
    /// The step that the server does not answer: auth, get, or commit
    #[arg(long, value_name = "STEP", value_parser = ["auth", "get", "commit"])]
    stall: Option<String>,
    /// Cancel the program after so long, 0..=86400000
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=MILLISECONDS_MAX))]
    cancel: Option<u32>,
}

/// Takes the steps, and says what came of them and what the server was told; that a step failed is
/// the program's failure.
pub(super) fn demonstrate(style: Style, flags: &Flags) -> io::Result<()> {
    let resets = Fault { request: "GET", what: Misbehaviour::Resets, times: flags.failures };
    let stalls = flags.stall.as_deref().map(|step| Fault {
        request: match step {
            "auth" => "AUTH",
            "get" => "GET",
            _ => "COMMIT",
        },
        what: Misbehaviour::Stalls,
        times: usize::MAX,
    });
    let peer = Peer::start(stalls.into_iter().chain([resets]))?;
    let options = Options {
        items: flags.items.clone(),
        at_once: flags.at_once,
        cancel_after: flags.cancel.map(|millis| Duration::from_millis(millis.into())),
        ..Options::new(peer.address())
    };
    let report = run(style, &options)?;
    for item in report.items.iter().flatten() {
        say(&format!("fetched: {item}"));
    }
    for request in peer.journal() {
        say(&format!("the server was told: {request}"));
    }
    report.items.map(drop)
}
