//! What the system knows about a server's process: memory, descriptors, time on a processor.
//!
//! Rule: without `/proc` there is no answer, and a test that needs one says that it was skipped.

#[cfg(target_os = "linux")]
pub(crate) use linux::{cpu, descriptors, resident_bytes};
#[cfg(not(target_os = "linux"))]
pub(crate) use nothing::{cpu, descriptors, resident_bytes};

/// Unwraps what the system told, or leaves the test with a line that says so.
macro_rules! told_or_skip {
    ($answer:expr) => {
        match $answer {
            Some(answer) => answer,
            None => {
                eprintln!("skipped: this system has no /proc to look into");
                return;
            }
        }
    };
}
pub(crate) use told_or_skip;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::time::Duration;

    use examples::Server;

    /// How much memory of the server is resident.
    pub(crate) fn resident_bytes(server: &Server) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    }

    /// How many descriptors the server has open.
    pub(crate) fn descriptors(server: &Server) -> Option<usize> {
        Some(fs::read_dir(format!("/proc/{}/fd", server.pid())).ok()?.count())
    }

    /// How long the server's threads ran so far: the scheduler's own nanoseconds.
    pub(crate) fn cpu(server: &Server) -> Option<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", server.pid())).ok()? {
            // A thread that ended meanwhile has no more to tell.
            let Ok(line) = fs::read_to_string(task.ok()?.path().join("schedstat")) else {
                continue;
            };
            nanoseconds += line.split(' ').next()?.parse::<u64>().ok()?;
        }
        Some(Duration::from_nanos(nanoseconds))
    }
}

#[cfg(not(target_os = "linux"))]
mod nothing {
    use std::time::Duration;

    use examples::Server;

    pub(crate) fn resident_bytes(_: &Server) -> Option<u64> {
        None
    }

    pub(crate) fn descriptors(_: &Server) -> Option<usize> {
        None
    }

    pub(crate) fn cpu(_: &Server) -> Option<Duration> {
        None
    }
}
