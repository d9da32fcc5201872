//! One example's server as a process, for the tests to start: `serve STYLE [ADDR] [FLAG]...`.

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use examples::ServerCounts;
use examples::echo::{self, Options};
use loop_core::TurnRule;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const USAGE: &str = "usage: serve STYLE [ADDR] [--counts] [--snapshot] [--descriptors N] \
                     [--idle-timeout-ms N]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln`, which would panic when stderr is broken.
            let _ = writeln!(io::stderr(), "serve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let options = parse(args)?;
    let counts = echo::serve(&options, announce)?;
    if options.counts {
        print_counts(&counts)?;
    }
    Ok(())
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        style: args.next().ok_or(USAGE)?.parse()?,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        turn_rule: TurnRule::default(),
        counts: false,
        dearer_by: Duration::ZERO,
        idle_timeout: None,
    };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--counts" => options.counts = true,
            "--snapshot" => options.turn_rule = TurnRule::Snapshot,
            "--descriptors" => limit_descriptors(args.next().ok_or(USAGE)?.parse()?)?,
            "--idle-timeout-ms" => {
                let millis = args.next().ok_or(USAGE)?.parse()?;
                options.idle_timeout = Some(Duration::from_millis(millis));
            }
            addr => options.listen = addr.parse().map_err(|_| USAGE)?,
        }
    }
    Ok(options)
}

/// Makes descriptors scarce, so that a test can watch a server run out of them.
fn limit_descriptors(count: u64) -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum })?)
}

fn announce(addr: SocketAddr) {
    let mut stdout = io::stdout().lock();
    // The starter of the server may not care for its address, and go without it.
    let _ = writeln!(stdout, "listening on {addr}").and_then(|()| stdout.flush());
}

fn print_counts(counts: &ServerCounts) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, counts)?;
    writeln!(stdout)
}
