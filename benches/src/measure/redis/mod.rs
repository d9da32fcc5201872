//! `oneloop redis`: the key-value server in each style, and a real Redis, under `redis-benchmark`.
//!
//! Rule: all servers are up from the beginning, on one processor; the load is on another. In a round
//! each has its turn at each load, in an order that is turned by one from round to round. A ratio is
//! formed within a round, so that what disturbs a whole round disturbs both of its sides. A second
//! Redis shows what differs by chance.

mod table;

use std::io;
use std::os::unix::net::UnixStream;
use std::process::Command;

use clap::Args;
use examples::key_value::{self, Version};
use examples::{STYLES, Server, Style};

use crate::failure::Failure;
use crate::measure::arm::{Arm, Setting, follower};
use crate::output::{self, Dress};
use crate::process::cpu::{self, Placement, ProcessArguments};
use crate::process::interrupt::Interrupt;
use crate::process::limits;
use crate::values::{self, Rule};

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop redis  about three minutes
  oneloop redis --rounds 9 --connections 50,1000
  oneloop redis --only callbacks,async --requests 20000

Needs redis-server and redis-benchmark (Debian: redis-server and redis-tools).
Each load is SET or GET of 64 bytes under 100,000 random keys, with one request
under way on each connection, or 16. A ratio is the style's by that of Redis in
the same round: the median of the rounds, with the least and the greatest. As
much as redis-null, a second Redis, is away from 1, any ratio may be by chance.
CPU time is read in hundredths of a second.";

/// How a Redis is started that keeps nothing on a disk.
const REDIS: &str = "redis=redis-server --bind 127.0.0.1 --port {port} --save '' --appendonly no --loglevel warning";

/// How many requests are under way on a connection, and how many times more of them are sent.
const PIPELINES: [(usize, usize); 2] = [(1, 1), (16, 8)];

const COMMANDS: [&str; 2] = ["SET", "GET"];

/// The names of both Redis servers.
const REDIS_NAMES: [&str; 2] = ["redis", "redis-null"];

/// The arguments of `redis`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RedisArguments {
    /// Styles to measure, separated by commas [default: all four]
    #[arg(long, value_name = "STYLES", value_delimiter = ',', value_parser = values::style)]
    only: Vec<Style>,
    /// Rounds
    #[arg(long, value_name = "N", default_value = "5", value_parser = values::rounds)]
    rounds: usize,
    /// Connections, each number a load of its own, separated by commas
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "50", value_parser = values::connections)]
    connections: Vec<usize>,
    /// Requests of a load; eight times as many when they are pipelined
    #[arg(long, value_name = "N", default_value = "40000", value_parser = values::connections)]
    requests: usize,
}

/// The arguments of the hidden `serve-key-value`.
#[derive(Debug, Args)]
pub(crate) struct ServeKeyValueArguments {
    #[command(flatten)]
    process: ProcessArguments,
    #[arg(long, value_name = "STYLE", value_parser = values::style)]
    style: Style,
}

/// What `redis-benchmark` does to a server at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Load {
    command: &'static str,
    connections: usize,
    pipeline: usize,
    requests: usize,
}

/// What one server did under one load.
#[derive(Clone, Copy, Debug)]
struct Rate {
    /// Which round, which server, and which load, counted from 0.
    round: usize,
    server: usize,
    load: usize,
    requests_per_second: f64,
    /// The server's CPU time for a request, in microseconds, where the kernel counts it.
    cpu_us: Option<f64>,
}

/// Measures, and prints a table.
pub(crate) fn run(asked: &RedisArguments) -> Result<(), Failure> {
    let styles: Vec<Style> = match &asked.only[..] {
        [] => STYLES.to_vec(),
        only => only.to_vec(),
    };
    if let Some(style) = styles.iter().find(|style| !STYLES.contains(style)) {
        return Err(Failure::Usage(format!("the key-value server is not written in {style}")));
    }
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    let placement = Placement::choose();
    let servers = start(&styles, placement, &interrupt)?;
    if let Some(placement) = placement {
        // What is started from here on inherits it; a refusal leaves the load where it is.
        let _ = cpu::pin(placement.generator);
    }
    let loads = loads(asked);
    let mut rates = Vec::new();
    for round in 0..asked.rounds {
        for turn in 0..servers.len() {
            let server = (round + turn) % servers.len();
            for (load, &what) in loads.iter().enumerate() {
                if interrupt.is_raised() {
                    return Err(Failure::Interrupted);
                }
                let (requests_per_second, cpu_us) = measure(&servers[server], what)?;
                rates.push(Rate { round, server, load, requests_per_second, cpu_us });
            }
        }
    }
    let names: Vec<&str> =
        REDIS_NAMES.into_iter().chain(styles.iter().map(|it| it.name())).collect();
    output::print(&table::compose(&names, &loads, &rates, placement, Dress::of_stdout()))
}

/// Lists the loads, those of a number of connections beside each other.
fn loads(asked: &RedisArguments) -> Vec<Load> {
    let mut loads = Vec::new();
    for &connections in &asked.connections {
        for (pipeline, times) in PIPELINES {
            for command in COMMANDS {
                let requests = asked.requests * times;
                loads.push(Load { command, connections, pipeline, requests });
            }
        }
    }
    loads
}

/// Serves in one style, until a signal comes.
pub(crate) fn serve(arguments: &ServeKeyValueArguments) -> Result<(), Failure> {
    cpu::follow(&arguments.process)?;
    limits::raise_descriptor_limit();
    let options = key_value::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        clients_max: key_value::CLIENTS_MAX,
        grace: std::time::Duration::from_secs(1),
    };
    let announce = |addr| {
        // A reader that has left is no failure: the server serves all the same.
        let _ = output::print(&format!("listening on {addr}\n"));
    };
    signals()
        .and_then(|stop| key_value::run(Version::Good(arguments.style), &options, stop, announce))
        .map_err(|error| Failure::Refused(format!("the server ended: {error}")))?;
    Ok(())
}

/// Returns a stream that can be read once SIGINT or SIGTERM has come.
fn signals() -> io::Result<UnixStream> {
    let (stop, told) = UnixStream::pair()?;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::low_level::pipe::register(signal, told.try_clone()?)?;
    }
    Ok(stop)
}

/// Starts both Redis servers and the styles, in this order.
fn start(
    styles: &[Style],
    placement: Option<Placement>,
    interrupt: &Interrupt,
) -> Result<Vec<Server>, Failure> {
    let cpu = placement.map(|placement| placement.server);
    let setting =
        Setting { rule: Rule::Bounded, counts: false, idle_timeout: false, cpu, tool: &[] };
    let refused = |name: &str, error: io::Error| Failure::Server(format!("{name}: {error}"));
    let redis = Arm::parse(REDIS).expect("it names a command and its port");
    let mut servers = Vec::new();
    for name in REDIS_NAMES {
        servers.push(redis.start(setting, interrupt).map_err(|error| refused(name, error))?);
    }
    for style in styles {
        let mut command = follower("serve-key-value", setting);
        command.args(["--style", style.name()]);
        servers.push(Server::start(&mut command).map_err(|error| refused(style.name(), error))?);
    }
    Ok(servers)
}

/// Runs one load against a server; returns how many requests a second that were, and the CPU time
/// of each, in microseconds.
fn measure(server: &Server, load: Load) -> Result<(f64, Option<f64>), Failure> {
    let (name, requests) = (load.command, load.requests);
    let mut command = Command::new("redis-benchmark");
    command.args(["-h", "127.0.0.1", "-p", &server.addr().port().to_string()]);
    command.args(["-t", &name.to_lowercase(), "-P", &load.pipeline.to_string()]);
    command.args(["-c", &load.connections.to_string(), "-n", &requests.to_string()]);
    command.args(["-d", "64", "-r", "100000", "--csv"]);
    let before = cpu::time_used_with_ended(server.pid());
    let told = command
        .output()
        .map_err(|error| Failure::Refused(format!("cannot start redis-benchmark: {error}")))?;
    let used =
        cpu::time_used_with_ended(server.pid()).zip(before).map(|(after, before)| after - before);
    let text = String::from_utf8_lossy(&told.stdout);
    let requests_per_second = rate(&text, name).ok_or_else(|| {
        let said = String::from_utf8_lossy(&told.stderr);
        Failure::Server(format!("redis-benchmark told no rate of {name}: {}", said.trim()))
    })?;
    // Less than the kernel's count can tell is not nothing.
    let used = used.filter(|used| !used.is_zero());
    let cpu_us = used.map(|used| used.as_secs_f64() * 1e6 / requests as f64);
    Ok((requests_per_second, cpu_us))
}

/// Finds the rate in a line such as `"SET","51282.05","0.812",...`.
fn rate(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("\"{name}\",\"")))?;
    line.split('"').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rate_is_the_second_column() {
        let text =
            "\"test\",\"rps\",\"avg\"\n\"SET\",\"51282.05\",\"0.8\"\n\"GET\",\"7.5\",\"1\"\n";
        assert_eq!(super::rate(text, "SET"), Some(51282.05));
        assert_eq!(super::rate(text, "GET"), Some(7.5));
        assert_eq!(super::rate(text, "INCR"), None);
    }
}
