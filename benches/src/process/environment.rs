//! The machine and the build that figures belong to, so that a reader can doubt them in detail.

use std::fs;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::process::cpu::Placement;

/// What was measured on, with what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Environment {
    /// The processor's name.
    pub(crate) cpu: String,
    /// Processors that this process may use.
    pub(crate) cores: usize,
    /// The kernel's name and release.
    pub(crate) kernel: String,
    /// The compiler that built the program.
    pub(crate) rustc: String,
    /// The commit it was built from.
    pub(crate) commit: Option<String>,
    /// The profile it was built with.
    pub(crate) profile: String,
    /// The program's version.
    pub(crate) version: String,
    /// The frequency governor of the first processor, where there is one.
    pub(crate) governor: Option<String>,
    /// Processes that ran or waited over the last minute, when the run began.
    pub(crate) load_average: Option<f64>,
    /// Time that the hypervisor took from this machine during the run, over all processors.
    pub(crate) stolen_seconds: Option<f64>,
    /// Time that the generator was ready to run and something else ran on its processor.
    pub(crate) generator_waited_seconds: Option<f64>,
    /// Time from the beginning of the run to its end.
    pub(crate) elapsed_seconds: f64,
    /// Where the server ran.
    pub(crate) server_cpu: Option<usize>,
    /// Where the generator ran.
    pub(crate) generator_cpu: Option<usize>,
}

impl Environment {
    /// Looks at the machine. Stolen and waited times are those until now: [`Environment::finish`]
    /// subtracts them from those at the end.
    pub(crate) fn observe(placement: Option<Placement>) -> Environment {
        let commit = env!("ONELOOP_COMMIT");
        Environment {
            cpu: cpu_model().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel(),
            rustc: env!("ONELOOP_RUSTC").to_owned(),
            commit: (!commit.is_empty()).then(|| commit.to_owned()),
            profile: env!("ONELOOP_PROFILE").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            governor: first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            load_average: load_average(),
            stolen_seconds: stolen_seconds(),
            generator_waited_seconds: waited_seconds(),
            elapsed_seconds: 0.0,
            server_cpu: placement.map(|placement| placement.server),
            generator_cpu: placement.map(|placement| placement.generator),
        }
    }

    /// Notes how long the run took and what was taken from it.
    pub(crate) fn finish(&mut self, elapsed: Duration) {
        let since = |before: Option<f64>, after: Option<f64>| Some(after? - before?);
        self.stolen_seconds = since(self.stolen_seconds, stolen_seconds());
        self.generator_waited_seconds = since(self.generator_waited_seconds, waited_seconds());
        self.elapsed_seconds = elapsed.as_secs_f64();
    }

    /// Adds the times of an earlier part of the same run, which began under another load.
    pub(crate) fn add_earlier(&mut self, earlier: &Environment) {
        let sum = |now: Option<f64>, before: Option<f64>| Some(now? + before?);
        self.stolen_seconds = sum(self.stolen_seconds, earlier.stolen_seconds);
        self.generator_waited_seconds =
            sum(self.generator_waited_seconds, earlier.generator_waited_seconds);
        self.elapsed_seconds += earlier.elapsed_seconds;
        self.load_average = earlier.load_average;
    }

    /// Names what keeps figures of two environments from being one run, if anything does.
    pub(crate) fn differs(&self, other: &Environment) -> Option<&'static str> {
        let builds = |of: &Environment| {
            (of.version.clone(), of.commit.clone(), of.profile.clone(), of.rustc.clone())
        };
        if builds(self) != builds(other) {
            return Some("build");
        }
        let machines = |of: &Environment| (of.cpu.clone(), of.cores, of.kernel.clone());
        (machines(self) != machines(other)).then_some("machine")
    }

    /// Returns the compiler as reports name it: `rustc 1.95.0`, without its date.
    pub(crate) fn compiler(&self) -> &str {
        self.rustc.split(" (").next().unwrap_or(&self.rustc)
    }
}

/// Returns the words that this process was started with, as a shell would take them.
pub(crate) fn command() -> Option<String> {
    let words: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().replace('\0', "")).collect();
    shlex::try_join(words.iter().map(String::as_str)).ok()
}

/// Returns the name that this machine has in its network.
pub(crate) fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn first_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.trim().to_owned())
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn kernel() -> String {
    let name = rustix::system::uname();
    format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy())
}

fn load_average() -> Option<f64> {
    first_line("/proc/loadavg")?.split(' ').next()?.parse().ok()
}

/// Reads the eighth figure of the first line of /proc/stat, in hundredths of a second.
fn stolen_seconds() -> Option<f64> {
    let hundredths: u64 = first_line("/proc/stat")?.split_whitespace().nth(8)?.parse().ok()?;
    Some(hundredths as f64 / 100.0)
}

/// Reads the second figure of this thread's schedstat, in nanoseconds.
fn waited_seconds() -> Option<f64> {
    let nanos: u64 = first_line("/proc/thread-self/schedstat")?.split(' ').nth(1)?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}
