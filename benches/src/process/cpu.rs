//! Processors and what is spent on them: pinning, CPU time of a server, a server's tie to its
//! parent.

use std::time::Duration;

use clap::Args;

use crate::failure::Failure;

/// Where a server's process runs, and how long.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProcessArguments {
    /// Pin the server to a processor
    #[arg(long, value_name = "N")]
    pub(crate) cpu: Option<usize>,
    /// End when this process, the parent, has ended
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) end_with: Option<u32>,
}

/// The two processors of a run: the server has one, the generator the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Where the servers run.
    pub(crate) server: usize,
    /// Where the generator runs.
    pub(crate) generator: usize,
}

impl Placement {
    /// Chooses two of the processors that this process may use; `None` when it has only one, or
    /// where processes cannot be pinned.
    pub(crate) fn choose() -> Option<Placement> {
        let allowed = allowed_processors();
        match allowed[..] {
            // Interrupts tend to land on the first processor: the generator takes it, because what
            // disturbs the generator is reported as send lag.
            [generator, .., server] => Some(Placement { server, generator }),
            _ => None,
        }
    }
}

/// Reads the CPU time that all threads of a process have used since they began.
///
/// # Limits
///
/// The kernel brings a running thread's figure up to date at its ticks: exact only while the
/// process sleeps. `None` outside Linux, or where the kernel keeps no such statistics.
pub(crate) fn time_used(pid: u32) -> Option<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanos += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}

/// Reads the CPU time that a process has used, the threads that have ended included.
///
/// # Limits
///
/// In hundredths of a second. `None` outside Linux.
pub(crate) fn time_used_with_ended(pid: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; behind it, time in user mode is the twelfth
    // figure and time in the kernel the one after it.
    let mut behind_name = text.rsplit(')').next()?.split_whitespace().skip(11);
    let mut next = || behind_name.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (next()? + next()?)))
}

/// Does what a server's process was asked: dies with its parent, keeps to its processor.
pub(crate) fn follow(asked: &ProcessArguments) -> Result<(), Failure> {
    if let Some(parent) = asked.end_with {
        end_with_parent(parent).map_err(|error| {
            Failure::Refused(format!("cannot follow process {parent}: {error}"))
        })?;
    }
    if let Some(cpu) = asked.cpu {
        pin(cpu)
            .map_err(|error| Failure::Refused(format!("cannot pin to processor {cpu}: {error}")))?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(crate) fn allowed_processors() -> Vec<usize> {
        match sched_getaffinity(None) {
            Ok(set) => (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect(),
            Err(_) => Vec::new(),
        }
    }

    /// Pins the calling thread, and the threads and processes that it starts from now on.
    pub(crate) fn pin(cpu: usize) -> io::Result<()> {
        if cpu >= CpuSet::MAX_CPU {
            return Err(io::Error::other("there is no such processor"));
        }
        let mut set = CpuSet::new();
        set.set(cpu);
        Ok(sched_setaffinity(None, &set)?)
    }

    /// Has the kernel end this process when its parent ends, even by SIGKILL.
    pub(crate) fn end_with_parent(parent: u32) -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::TERM))?;
        // The parent may have ended before the kernel knew of the wish.
        if getppid().map(Pid::as_raw_nonzero).is_some_and(|pid| pid.get() as u32 == parent) {
            Ok(())
        } else {
            Err(io::Error::other("the parent has ended"))
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    pub(crate) fn allowed_processors() -> Vec<usize> {
        Vec::new()
    }

    /// Does nothing: processes cannot be pinned here.
    pub(crate) fn pin(_cpu: usize) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: a process cannot be tied to its parent here.
    pub(crate) fn end_with_parent(_parent: u32) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) use system::pin;
use system::{allowed_processors, end_with_parent};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_a_thread_has_used_is_counted_when_it_has_ended() {
        let used = || time_used_with_ended(std::process::id()).unwrap();
        let before = used();
        let working = thread::spawn(move || {
            let id = rustix::thread::gettid().as_raw_nonzero();
            let own = format!("/proc/self/task/{id}/schedstat");
            // 50 ms of its own, whatever else runs in the process and on the machine.
            loop {
                let text = std::fs::read_to_string(&own).unwrap();
                if text.split(' ').next().unwrap().parse::<u64>().unwrap() > 50_000_000 {
                    break;
                }
            }
        });
        working.join().unwrap();
        assert!(used() - before >= Duration::from_millis(40), "{before:?}");
    }
}
