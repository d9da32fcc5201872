//! `oneloop operate`, hidden: a program in a process of its own, so that only it is counted.
//!
//! Rule: its peers are elsewhere. A server is stopped by a signal, all else ends by itself.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use examples::{
    ServerCounts, Style, chat, crawler, happy_eyeballs, key_value, proxy, signals, steps,
};
use loop_core::{Counts, EventLoop};

use super::EMPTY_LOOP;
use crate::failure::Failure;
use crate::process::cpu::{self, ProcessArguments};
use crate::{output, run};

/// Where servers listen.
const HERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// What nothing here takes nearly as long as.
const PATIENCE: Duration = Duration::from_secs(10);

/// The arguments of `operate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct OperateArguments {
    program: String,
    #[arg(long, value_parser = run::style)]
    style: Style,
    /// How often it is run, if it ends by itself
    #[arg(long, default_value_t = 1)]
    times: u64,
    /// The peers that it talks to
    #[arg(long)]
    peer: Vec<SocketAddr>,
    #[command(flatten)]
    process: ProcessArguments,
}

/// Runs the program, and prints what was counted as one line of JSON.
pub(crate) fn run(asked: &OperateArguments) -> Result<(), Failure> {
    cpu::follow(&asked.process)?;
    let mut outcome = Ok(Counts::default());
    let seen = allocation_counter::measure(|| outcome = operate(asked));
    let refused = |error| Failure::Refused(format!("{} ended: {error}", asked.program));
    let Counts { turns, hops, .. } = outcome.map_err(refused)?;
    // The allocations of one thread say nothing about a program of many.
    let counts = match asked.style {
        Style::Threads => ServerCounts::default(),
        _ => ServerCounts {
            turns: Some(turns),
            hops: Some(hops),
            allocations: Some(seen.count_total),
            ..ServerCounts::default()
        },
    };
    let line = serde_json::to_string(&counts).expect("counts are plain data");
    output::print(&format!("{line}\n"))
}

fn operate(asked: &OperateArguments) -> io::Result<Counts> {
    let style = asked.style;
    match asked.program.as_str() {
        "chat" => {
            let options = chat::Options { listen: HERE.into(), grace: PATIENCE };
            let (_report, left) =
                chat::run(chat::Version::Good(style), &options, signals()?, announce)?;
            Ok(left.counts)
        }
        "crawler" => crawl(style, asked.peer(0)?),
        "happy-eyeballs" => again(asked.times, || connect(style, &asked.peer)),
        "key-value" => {
            let options =
                key_value::Options { listen: HERE.into(), clients_max: 8, grace: PATIENCE };
            let version = key_value::Version::Good(style);
            let (_report, left) = key_value::run(version, &options, signals()?, announce)?;
            Ok(left.counts)
        }
        "proxy" => {
            let options =
                proxy::Options { listen: HERE.into(), target: asked.peer(0)?, patience: PATIENCE };
            let (_report, left) =
                proxy::run(proxy::Version::Good(style), &options, signals()?, announce)?;
            Ok(left.counts)
        }
        "steps" => again(asked.times, || take_steps(style, asked.peer(0)?)),
        EMPTY_LOOP => again(asked.times, run_nothing),
        other => Err(io::Error::new(io::ErrorKind::NotFound, format!("no program {other}"))),
    }
}

impl OperateArguments {
    fn peer(&self, at: usize) -> io::Result<SocketAddr> {
        self.peer.get(at).copied().ok_or_else(|| io::Error::other("it needs a --peer"))
    }
}

fn announce(address: SocketAddr) {
    // A reader that has left is no failure.
    let _ = output::print(&format!("listening on {address}\n"));
}

/// Runs something again and again, each time on a loop of its own, and adds up what these counted.
fn again(times: u64, mut run: impl FnMut() -> io::Result<Counts>) -> io::Result<Counts> {
    let mut sum = Counts::default();
    for _ in 0..times {
        let Counts { turns, hops, .. } = run()?;
        sum.turns += turns;
        sum.hops += hops;
    }
    Ok(sum)
}

fn crawl(style: Style, server: SocketAddr) -> io::Result<Counts> {
    let root = format!("http://{server}/").parse().expect("it is an address of the web");
    let options = crawler::Options {
        server,
        root,
        // One after the other, so that what is counted does not depend on which is faster.
        workers: 1,
        fetches_max: 10_000,
        redirects_max: 0,
        answer_bytes_max: 256 * 1024,
        fetch_timeout: PATIENCE,
        timeout: PATIENCE,
    };
    let (totals, left) = crawler::run(crawler::Version::Good(style), &options)?;
    if totals.pages == totals.fetches {
        Ok(left.counts)
    } else {
        Err(io::Error::other(totals.to_string()))
    }
}

fn connect(style: Style, addresses: &[SocketAddr]) -> io::Result<Counts> {
    let (addresses, delay, limit) = (addresses.to_vec(), PATIENCE, Some(PATIENCE));
    let race = happy_eyeballs::run(style, &happy_eyeballs::Options { addresses, delay, limit })?;
    race.connected.map_err(io::Error::other)?;
    Ok(race.left.counts)
}

fn take_steps(style: Style, server: SocketAddr) -> io::Result<Counts> {
    // Items that are fetched at once may come in one turn or in two.
    let options = steps::Options {
        at_once: 1,
        step_limit: PATIENCE,
        total_limit: PATIENCE,
        clean_up_limit: PATIENCE,
        ..steps::Options::new(server)
    };
    let report = steps::run(style, &options)?;
    report.items?;
    Ok(report.left.counts)
}

/// Makes a loop and ends it: what each run of a program has of its own.
fn run_nothing() -> io::Result<Counts> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    handle.stop();
    event_loop.run_forever()?;
    Ok(handle.counts())
}
