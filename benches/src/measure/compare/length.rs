//! How long a comparison takes, and how many rounds fit into the time that it may take.

use std::time::Duration;

use crate::files::run_file::{Arguments, Mode};
use crate::measure::arm::Arm;

/// What precedes a phase, outside its window.
const WARM_UP: Duration = Duration::from_millis(80);

/// The same of a foreign server, which may compile itself as it goes.
const WARM_UP_FOREIGN: Duration = Duration::from_millis(400);

/// What a server needs to start, to accept and to end, and for each connection.
const START_MS: f64 = 35.0;
const CONNECT_MS: f64 = 0.06;

/// The search's probes for each arm, and what each takes beyond its phase.
pub(super) const PROBES: usize = 5;

/// About how long the counts of an arm take, and its instructions and memory.
const COUNTS_MS: f64 = 1_000.0;
const COSTS_MS: f64 = 6_000.0;

/// What open phases are shortened to, in seconds.
const PHASES_SHORTER: [f64; 3] = [0.4, 0.3, 0.2];

/// Fewer rounds have no interval: what is counted beside the clock has to wait then.
const ROUNDS_MIN: usize = 6;

/// The most rounds of each mode: a quick run says what it finds as indicative in any case.
const ROUNDS_MAX: [usize; 2] = [7, 200];

/// The time that each mode may take, in minutes.
const MINUTES: [f64; 2] = [1.0, 45.0];

/// What is left of the time when the last round is over: counts take a little longer on a busy
/// machine, and the files are to be written.
const SPARE: f64 = 0.95;

/// Returns the length of an open phase.
pub(super) fn phase_seconds(mode: Mode) -> f64 {
    match mode {
        Mode::Quick => 0.5,
        Mode::Full => 0.6,
    }
}

/// Chooses how many rounds fit, and how long their phases are, unless that is given.
pub(super) fn fit(
    cells: &mut [Arguments],
    rounds: Option<usize>,
    minutes: Option<f64>,
    phase: Option<f64>,
) {
    let mode = cells[0].mode;
    let limit = 60.0 * minutes.unwrap_or(MINUTES[mode as usize]);
    let most = ROUNDS_MAX[mode as usize];
    let mut fitting = fitting_rounds(cells, limit);
    if mode == Mode::Quick {
        if fitting < ROUNDS_MIN {
            cells.iter_mut().for_each(|cell| cell.costs = false);
        }
        // Many servers have shorter phases, lest they have too few rounds.
        for shorter in PHASES_SHORTER {
            fitting = fitting_rounds(cells, limit);
            if fitting >= most || rounds.is_some() || phase.is_some() {
                break;
            }
            cells.iter_mut().for_each(|cell| cell.seconds = shorter);
        }
        fitting = fitting_rounds(cells, limit);
    }
    for cell in cells {
        cell.rounds = rounds.unwrap_or(fitting.min(most));
        cell.limit_seconds = (rounds.is_none() || minutes.is_some()).then_some(limit);
    }
}

fn fitting_rounds(cells: &[Arguments], limit: f64) -> usize {
    let round: f64 = cells.iter().map(round_seconds).sum();
    let once: f64 = cells.iter().map(once_seconds).sum();
    ((limit * SPARE - once) / round).floor().max(1.0) as usize
}

/// Returns about how long all takes, in seconds.
pub(super) fn expected_seconds(cells: &[&Arguments]) -> f64 {
    cells.iter().map(|cell| cell.rounds as f64 * round_seconds(cell) + once_seconds(cell)).sum()
}

/// Returns about how long a round takes, in seconds.
pub(super) fn round_seconds(cell: &Arguments) -> f64 {
    let phases = [closed_length(cell), open_length(cell)];
    let of_arm = |arm: &Arm| phases.iter().map(|phase| visit_ms(cell, arm, *phase)).sum::<f64>();
    cell.arms.iter().map(of_arm).sum::<f64>() / 1_000.0
}

/// Returns about how long what is done once takes, in seconds.
pub(super) fn once_seconds(cell: &Arguments) -> f64 {
    let searches = cell.mode == Mode::Full && cell.rate.is_none();
    let search = |arm: &Arm| PROBES as f64 * visit_ms(cell, arm, open_length(cell)) / 1_000.0;
    let search = if searches { cell.arms.iter().map(search).sum() } else { 0.0 };
    search + behind_seconds(cell)
}

/// Returns about how long the counts behind the last round take, in seconds.
pub(super) fn behind_seconds(cell: &Arguments) -> f64 {
    let costs = if cell.costs { COSTS_MS } else { 0.0 };
    cell.arms.len() as f64 * (COUNTS_MS + costs) / 1_000.0
}

/// Returns about how long a visit with a phase takes, in milliseconds.
pub(super) fn visit_ms(cell: &Arguments, arm: &Arm, phase: Duration) -> f64 {
    (phase + warm_up(arm)).as_secs_f64() * 1_000.0 + START_MS + CONNECT_MS * cell.connections as f64
}

/// Returns what precedes a phase of an arm.
pub(super) fn warm_up(arm: &Arm) -> Duration {
    if arm.is_ours() { WARM_UP } else { WARM_UP_FOREIGN }
}

pub(super) fn open_length(cell: &Arguments) -> Duration {
    Duration::from_secs_f64(cell.seconds)
}

/// CPU time per message is exact after a short while; the open phase's last nine is what takes
/// time.
pub(super) fn closed_length(cell: &Arguments) -> Duration {
    open_length(cell) / 2
}

#[cfg(test)]
mod tests {
    use examples::Style;

    use super::*;

    fn cell(mode: Mode, arms: usize, connections: usize) -> Arguments {
        Arguments {
            connections,
            size_bytes: 64,
            mode,
            rounds: 1,
            limit_seconds: None,
            seconds: phase_seconds(mode),
            load_percent: 30.0,
            rate: None,
            arms: vec![Arm::Style(Style::Raw); arms],
            absent: Vec::new(),
            suite: None,
            costs: mode == Mode::Full,
            against: Vec::new(),
        }
    }

    #[test]
    fn a_quick_run_takes_a_minute_at_most_however_many_servers_there_are() {
        for arms in [2, 7, 9, 16] {
            let mut cells = [cell(Mode::Quick, arms, 64)];
            fit(&mut cells, None, None, None);
            assert!(expected_seconds(&[&cells[0]]) <= 60.0, "{arms}: {}", cells[0].rounds);
            assert_eq!(cells[0].limit_seconds, Some(60.0));
        }
        let mut cells = [cell(Mode::Quick, 7, 64)];
        fit(&mut cells, None, None, None);
        assert_eq!(cells[0].rounds, 7, "the servers of a plain run and the null have all rounds");
    }

    #[test]
    fn a_full_run_takes_45_minutes_at_most_over_all_its_loads() {
        for counts in [&[64, 64, 64][..], &[1, 64, 1_000, 5_000]] {
            let mut cells: Vec<_> =
                counts.iter().map(|&connections| cell(Mode::Full, 12, connections)).collect();
            fit(&mut cells, None, None, None);
            let expected = expected_seconds(&cells.iter().collect::<Vec<_>>());
            assert!(expected <= 45.0 * 60.0, "{expected} s, {} rounds", cells[0].rounds);
            assert!(cells[0].rounds >= 20, "{}", cells[0].rounds);
        }
    }

    #[test]
    fn a_quick_run_counts_beside_the_clock_only_if_its_rounds_have_an_interval() {
        for (arms, counted) in [(4, true), (9, false)] {
            let mut cells = [Arguments { costs: true, ..cell(Mode::Quick, arms, 64) }];
            fit(&mut cells, None, None, None);
            assert_eq!(cells[0].costs, counted, "{arms}");
            assert_eq!(cells[0].rounds, 7, "{arms}: {} s", cells[0].seconds);
        }
    }

    #[test]
    fn rounds_that_are_asked_for_are_measured_however_long_they_take() {
        let mut cells = [cell(Mode::Quick, 7, 64)];
        fit(&mut cells, Some(500), None, None);
        assert_eq!((cells[0].rounds, cells[0].limit_seconds), (500, None));
        fit(&mut cells, Some(500), Some(2.0), None);
        assert_eq!((cells[0].rounds, cells[0].limit_seconds), (500, Some(120.0)));
    }
}
