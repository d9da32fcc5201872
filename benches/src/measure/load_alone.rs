//! `oneloop load`: the generator alone, against any echo server.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::failure::Failure;
use crate::files::figures::Quantiles;
use crate::files::load_log::{LoadFacts, LoadLog};
use crate::files::whole::WholeFile;
use crate::measure::load::{Generator, Limit, MESSAGES_MAX, Recorder, Schedule, Shape, Trouble};
use crate::process::environment;
use crate::process::interrupt::Interrupt;
use crate::process::limits;
use crate::{output, report, values};

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop load --connect 127.0.0.1:7000               closed: by the replies
  oneloop load --connect 127.0.0.1:7000 --rate 20000  open: 20,000 messages/s
  oneloop load --connect 127.0.0.1:7000 --json
  oneloop load --connect 10.0.0.1:7000 --rate 20000 --log a.hlog --tag mine

A log is an interval log of HdrHistogram, version 2. `oneloop report --merge`
adds up those of several machines.";

/// What stands for standard output where a file is named.
const STDOUT: &str = "-";

/// The arguments of `load`.
#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// The echo server's address
    #[arg(long, value_name = "ADDR", value_parser = values::address)]
    pub(crate) connect: SocketAddr,
    /// Messages/s over all connections; without it, as fast as replies come
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    pub(crate) rate: Option<f64>,
    /// Length of the measurement
    #[arg(long, value_name = "S", default_value = "5", value_parser = values::seconds)]
    pub(crate) seconds: f64,
    /// Connections
    #[arg(long, value_name = "N", default_value = "64", value_parser = values::connections)]
    pub(crate) connections: usize,
    /// Bytes of each message, up to 16 MiB
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = values::size)]
    pub(crate) size: usize,
    /// Write what was recorded to a file, to be added up with that of other machines; - prints it in
    /// the place of the text
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// The name of what is loaded, in the log
    #[arg(long, value_name = "NAME", default_value = "load", value_parser = values::tag)]
    #[arg(requires = "log")]
    pub(crate) tag: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `load` prints with `--json`; times in microseconds.
#[derive(Debug, Serialize)]
struct LoadReport {
    phase: &'static str,
    connect: String,
    connections: usize,
    size_bytes: usize,
    rate_asked: Option<f64>,
    seconds: f64,
    messages: u64,
    unanswered: u64,
    messages_per_second: f64,
    response: Quantiles,
    service: Quantiles,
    send_lag: Quantiles,
    /// Whether the send lag says that the generator was the bottleneck, and not the server.
    generator_was_late: bool,
    seed: u64,
    #[serde(skip)]
    began: SystemTime,
    #[serde(skip)]
    length: Duration,
}

impl LoadReport {
    /// Makes the log of the load.
    fn log(&self, arguments: &LoadArguments, recorder: Recorder) -> LoadLog {
        let load = LoadFacts {
            schema: LoadFacts::schema(),
            tag: arguments.tag.clone(),
            phase: self.phase.to_owned(),
            machine: environment::machine(),
            program: concat!("oneloop ", env!("ONELOOP_VERSION")).to_owned(),
            connect: self.connect.clone(),
            connections: self.connections,
            size_bytes: self.size_bytes,
            rate: self.rate_asked,
            seed: self.seed,
            unanswered: self.unanswered,
            generator_was_late: self.generator_was_late,
        };
        LoadLog { load, began: self.began, length: self.length, recorder }
    }
}

/// Connects, warms up, measures and prints.
pub(crate) fn run(arguments: &LoadArguments) -> Result<(), Failure> {
    limits::ensure_connections_fit(arguments.connections)?;
    ensure_schedule_fits(arguments.rate, arguments.seconds)?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    let file = arguments.log.as_deref().filter(|file| *file != Path::new(STDOUT));
    let cannot_write = |error| {
        let file = file.unwrap_or(Path::new("standard output")).display();
        Failure::Refused(format!("cannot write to {file}: {error}"))
    };
    let to_file = file.map(WholeFile::create).transpose().map_err(cannot_write)?;
    let mut recorder = Recorder::new();
    let report = measure(arguments, &interrupt, &mut recorder).map_err(failure_of)?;
    let log = || report.log(arguments, recorder.clone()).compose().map_err(cannot_write);
    if let Some(file) = to_file {
        file.write(log()?.as_bytes()).map_err(cannot_write)?;
    }
    output::print(&match &arguments.log {
        Some(_) if file.is_none() => log()?,
        _ if arguments.json => {
            let line = serde_json::to_string(&report).expect("a report is plain data");
            format!("{line}\n")
        }
        _ => describe(&report, &recorder),
    })?;
    if report.unanswered > 0 {
        let reason = format!("{} messages were not answered in time", report.unanswered);
        return Err(Failure::Server(reason));
    }
    Ok(())
}

/// Checks that an open phase fits into memory.
pub(crate) fn ensure_schedule_fits(rate: Option<f64>, seconds: f64) -> Result<(), Failure> {
    match rate {
        Some(rate) if rate * seconds > MESSAGES_MAX => Err(Failure::Usage(format!(
            "{rate} messages/s for {seconds} s are more than {MESSAGES_MAX} messages in a phase"
        ))),
        _ => Ok(()),
    }
}

fn failure_of(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Connect { .. } => Failure::Refused(trouble.to_string()),
        Trouble::Interrupted => Failure::Interrupted,
        _ => Failure::Server(trouble.to_string()),
    }
}

fn measure(
    arguments: &LoadArguments,
    interrupt: &Interrupt,
    recorder: &mut Recorder,
) -> Result<LoadReport, Trouble> {
    let shape = Shape::plain(arguments.connections, arguments.size);
    let mut generator = Generator::connect(arguments.connect, shape, interrupt)?;
    let length = Duration::from_secs_f64(arguments.seconds);
    generator.closed(Limit::Time(length.min(Duration::from_millis(100))), &mut Recorder::new())?;
    let seed = rand::random();
    let (began, begun) = (SystemTime::now(), Instant::now());
    let (phase, messages, unanswered, per_second) = match arguments.rate {
        None => {
            let closed = generator.closed(Limit::Time(length), recorder)?;
            ("closed", closed.messages, 0, closed.rate())
        }
        Some(rate) => {
            let schedule = Schedule::poisson(rate, length, shape.connections, seed);
            let open = generator.open(&schedule, recorder)?;
            let per_second = open.messages as f64 / open.elapsed.as_secs_f64();
            ("open", open.messages, open.unanswered(), per_second)
        }
    };
    Ok(LoadReport {
        phase,
        connect: arguments.connect.to_string(),
        connections: shape.connections,
        size_bytes: shape.size,
        rate_asked: arguments.rate,
        seconds: arguments.seconds,
        messages,
        unanswered,
        messages_per_second: per_second,
        response: Quantiles::of(&recorder.response),
        service: Quantiles::of(&recorder.service),
        send_lag: Quantiles::of(&recorder.send_lag),
        generator_was_late: recorder.is_late(),
        seed,
        began,
        length: begun.elapsed(),
    })
}

fn describe(report: &LoadReport, recorder: &Recorder) -> String {
    let mut text = String::new();
    let meaning = match report.rate_asked {
        None => "closed: one message under way on each connection".to_owned(),
        Some(rate) => format!("open: Poisson schedule of {rate} messages/s, seed {}", report.seed),
    };
    let LoadReport { connect, connections, size_bytes, messages, messages_per_second, .. } = report;
    let _ = writeln!(text, "{connect}  {connections} connections  {size_bytes} bytes  ({meaning})");
    let _ = writeln!(text, "{messages} messages, every byte verified, {messages_per_second:.0}/s");
    let _ = writeln!(
        text,
        "\n{:<12}{:>10}{:>10}{:>10}{:>10}{:>10}   us",
        "", "p50", "p90", "p99", "p99.9", "max"
    );
    let all = recorder.series();
    // In a closed phase every message leaves when it is intended to: the three series are one.
    let shown = if report.rate_asked.is_some() { &all[..] } else { &all[1..2] };
    for (name, histogram) in shown {
        let _ = writeln!(text, "{name:<12}{}", quantile_columns(histogram));
    }
    if report.generator_was_late {
        text.push_str(
            "\nThe generator was the bottleneck (send lag p99 over 500 us): these latencies measure \
             this\nmachine, not the server.\n",
        );
    }
    text
}

fn quantile_columns(histogram: &Histogram<u64>) -> String {
    let mut columns = String::new();
    for quantile in report::QUANTILES {
        let _ = write!(columns, "{:>10}", report::quantile_cell(histogram, quantile));
    }
    let _ = write!(columns, "{:>10}", report::micros(histogram.max()));
    columns
}
