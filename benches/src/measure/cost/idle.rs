//! What a connection costs that does nothing: resident memory of the server's process.

use std::fs;
use std::time::Duration;

use super::figures::IdleMemory;
use super::slope::slope;
use crate::measure::arm::Arm;
use crate::measure::load::{Generator, Limit, Recorder, Shape};
use crate::measure::plan::{Misfortune, Plan};
use crate::measure::visit::{Visit, visit};
use crate::process::limits;
use crate::values::Rule;

/// Connections of the small and of the large crowd.
pub(crate) const CROWDS: [usize; 2] = [300, 9_900];

/// The large crowd of a quick run.
const CROWD_QUICK: usize = 2_400;

/// A large crowd of fewer says too little: pages of 4 KiB are what is counted.
const CROWD_LEAST: usize = 1_000;

/// Returns the two crowds that fit, or why none do.
pub(crate) fn crowds(quick: bool) -> Result<[usize; 2], String> {
    resident_bytes(std::process::id())
        .ok_or("resident memory is not told on this system: there is no /proc")?;
    let wanted = if quick { CROWD_QUICK } else { CROWDS[1] };
    crowds_within(wanted, limits::connections_possible())
}

fn crowds_within(wanted: usize, possible: u64) -> Result<[usize; 2], String> {
    let large = wanted.min(usize::try_from(possible).unwrap_or(usize::MAX));
    if large < CROWD_LEAST {
        return Err(format!(
            "{large} connections are possible, {CROWD_LEAST} are needed; `ulimit -n` sets the limit"
        ));
    }
    Ok([CROWDS[0], large])
}

/// Measures the memory that each further connection takes once it has echoed a message.
pub(crate) fn measure(
    plan: &Plan,
    arm: &Arm,
    crowds: [usize; 2],
) -> Result<IdleMemory, Misfortune> {
    let resident = [resident(plan, arm, crowds[0])?, resident(plan, arm, crowds[1])?];
    Ok(IdleMemory {
        connections: crowds,
        resident_bytes: resident,
        bytes_per_connection: slope(crowds.map(|crowd| crowd as u64), resident),
    })
}

fn resident(plan: &Plan, arm: &Arm, connections: usize) -> Result<u64, Misfortune> {
    let crowded = Visit { arm, rule: Rule::Bounded, counts: false, tool: &[], aside: false };
    let shape = Shape::plain(connections, plan.shape.size);
    let (resident, _) = visit(plan, crowded, |server| {
        let mut generator = Generator::connect(server.addr(), shape, &plan.interrupt)?;
        // A reply from each is the proof that all were accepted. One at a time: a crowd that speaks
        // at once would leave behind what its burst took.
        generator.paced(connections as u64, Duration::ZERO)?;
        Ok(resident_bytes(server.pid()))
    })?;
    resident.ok_or_else(|| Misfortune::Failed("its memory could not be read".to_owned()))
}

/// Measures a server's memory once so many messages were echoed, while its clients are still there.
pub(super) fn resident_when_busy(
    plan: &Plan,
    arm: &Arm,
    messages: u64,
) -> Result<Option<u64>, Misfortune> {
    let busy = Visit { arm, rule: Rule::Bounded, counts: false, tool: &[], aside: false };
    let (resident, _) = visit(plan, busy, |server| {
        let mut generator = Generator::connect(server.addr(), plan.shape, &plan.interrupt)?;
        generator.closed(Limit::Messages(messages), &mut Recorder::new())?;
        Ok(resident_bytes(server.pid()))
    })?;
    Ok(resident)
}

fn resident_bytes(pid: u32) -> Option<u64> {
    // What `status` says is a sum that the kernel keeps apart for each processor, and so off by some
    // hundred KiB; here the pages are counted. Those of files are left out: which of them are mapped
    // is an accident, and no connection needs more of them.
    parse(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
}

/// Finds the line `Anonymous: N kB`.
fn parse(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(parse("Rss:  900 kB\nAnonymous:     512 kB\n"), Some(512 * 1024));
        assert_eq!(parse("Rss:  900 kB\n"), None);
    }

    #[test]
    fn a_crowd_is_as_large_as_the_descriptors_allow() {
        assert_eq!(crowds_within(9_900, u64::MAX), Ok([300, 9_900]));
        assert_eq!(crowds_within(9_900, 4_000), Ok([300, 4_000]));
        let reason = crowds_within(2_400, 960).unwrap_err();
        assert!(reason.contains("960 connections are possible"), "{reason}");
    }
}
