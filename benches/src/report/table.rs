//! The tables: one for each phase, because their columns mean different things, and one of counts.

use examples::{ServerCounts, Style};

use super::grid::Grid;
use super::statistics::{Cost, Spread, closed_of, ratio};
use super::{QUANTILES, grouped, micros, paragraph, quantile_cell};
use crate::files::figures::{ClosedFigures, CountFigures, Pace};
use crate::files::run_file::Run;
use crate::measure::arm::Arm;
use crate::measure::load::Recorder;
use crate::output::Dress;
use crate::values::Rule;

/// How a count is read from what a server printed.
type Count = fn(&ServerCounts) -> Option<u64>;

/// What the others are divided by.
const FLOOR: Arm = Arm::Style(Style::Raw);

const COUNTS: [(&str, Count); 6] = [
    ("turns", |counts| counts.turns),
    ("hops", |counts| counts.hops),
    ("polls", |counts| counts.polls),
    ("reads", |counts| counts.reads),
    ("writes", |counts| counts.writes),
    ("allocs", |counts| counts.allocations),
];

/// Lays out the closed phases: medians over the rounds, the ratio with its spread.
pub(crate) fn closed(run: &Run, dress: Dress) -> String {
    let with_ratio = run.arguments.arms.contains(&FLOOR);
    let mut header = vec!["", "messages/s", "server CPU\nus/message", "server\nbusy %"];
    if with_ratio {
        header.push("CPU, ratio to raw\nmedian (min..max)");
    }
    let mut grid = Grid::new(&header);
    for arm in &run.arguments.arms {
        let median = |figure: fn(&ClosedFigures) -> Option<f64>| {
            Spread::of(closed_of(run, arm.name()).filter_map(figure)).map(|spread| spread.median)
        };
        let mut row = vec![
            name_of(run, arm),
            or_dash(median(|figures| Some(figures.messages_per_second)).map(grouped)),
            or_dash(median(|figures| figures.cpu_us_per_message).map(|us| format!("{us:.2}"))),
            or_dash(
                median(|figures| figures.server_busy).map(|busy| format!("{:.0}", busy * 100.0)),
            ),
        ];
        if with_ratio {
            let has_cpu = Cost::of_run(run) == Cost::Cpu;
            let spread = ratio(run, arm.name(), FLOOR.name(), Cost::Cpu).filter(|_| has_cpu);
            row.push(or_dash(spread.map(|ratio| ratio_cell(arm, ratio))));
        }
        grid.add(row);
    }
    grid.render(dress)
}

/// Lays out the answers: the ratio of each pair, with its interval and what the rules make of it.
pub(crate) fn answers(run: &Run, dress: Dress) -> String {
    let header = ["", "", "ratio, 95 % interval", "p (Holm)", "rounds", "verdict"];
    let mut grid = Grid::new(&header).with_left_column(1);
    for answer in &run.answers {
        let name = format!("{} / {}", answer.arm, answer.against);
        grid.add(vec![
            name,
            answer.measure.name().to_owned(),
            or_dash(answer.ratio.map(|ratio| ratio.to_string())),
            or_dash(answer.p.map(|p| format!("{p:.4}"))),
            answer.rounds.to_string(),
            answer.standing.word(answer.measure).to_owned(),
        ]);
    }
    grid.render(dress)
}

/// Lays out what a full run counts beside the clock.
pub(crate) fn costs(run: &Run, dress: Dress) -> String {
    let header = [
        "",
        "keeps up with\nmessages/s",
        "instructions\na message",
        "bytes of an\nidle connection",
    ];
    let mut grid = Grid::new(&header);
    for arm in run.servers() {
        let name = arm.name();
        let rate = run.saturation.iter().find(|figures| figures.arm == name);
        let instructions = run.instructions.iter().find(|figures| figures.arm == name);
        let memory = run.memory.iter().find(|figures| figures.arm == name);
        grid.add(vec![
            name.to_owned(),
            or_dash(rate.map(|figures| grouped(figures.messages_per_second))),
            or_dash(instructions.map(|figures| grouped(figures.per_message()))),
            or_dash(memory.map(|figures| grouped(figures.bytes_per_connection()))),
        ]);
    }
    grid.render(dress)
}

/// Lays out the open phases, all rounds merged.
pub(crate) fn open(latencies: &[(&str, &Recorder)], dress: Dress) -> String {
    let header = ["", "p50", "p90", "p99", "p99.9", "max", "send lag\np99", "messages"];
    let mut grid = Grid::new(&header);
    for (arm, recorder) in latencies {
        let mut row = vec![(*arm).to_owned()];
        row.extend(QUANTILES.map(|quantile| quantile_cell(&recorder.response, quantile)));
        row.push(micros(recorder.response.max()));
        row.push(quantile_cell(&recorder.send_lag, 0.99));
        row.push(grouped(recorder.response.len() as f64));
        grid.add(row);
    }
    grid.render(dress)
}

/// Lays out the counts: idle first, where they are deterministic.
pub(crate) fn counts(run: &Run, dress: Dress) -> String {
    let mut header = vec!["", "load, turn rule"];
    header.extend(COUNTS.map(|(name, _)| name));
    let mut grid = Grid::new(&header).with_left_column(1);
    let sections: [fn(&CountFigures) -> bool; 3] = [
        |figures| figures.pace == Pace::Idle && figures.turn_rule != Some(Rule::Snapshot),
        |figures| figures.pace == Pace::Idle && figures.turn_rule == Some(Rule::Snapshot),
        |figures| figures.pace == Pace::Saturated,
    ];
    for section in sections {
        for figures in run.counts.iter().filter(|figures| section(figures)) {
            let counted = COUNTS.map(|(_, count)| figures.per_message(count));
            // A server that counts nothing has nothing to show.
            if counted.iter().any(Option::is_some) {
                let mut row = vec![figures.arm.clone(), load_of(figures)];
                row.extend(counted.map(|count| or_dash(count.map(count_cell))));
                grid.add(row);
            }
        }
    }
    let mut text = grid.render(dress);
    for line in [
        "idle: one message at a time on one connection, which makes the counts exact.",
        "busy: one under way on each connection; how many share a turn depends on timing.",
    ] {
        text += &paragraph(line, "", dress);
    }
    text
}

fn load_of(figures: &CountFigures) -> String {
    let load = match figures.pace {
        Pace::Idle => "1 idle".to_owned(),
        Pace::Saturated => format!("{} busy", figures.connections),
    };
    match figures.turn_rule {
        Some(rule) => format!("{load}, {}", rule.name()),
        None => load,
    }
}

fn name_of(run: &Run, arm: &Arm) -> String {
    if run.has_failed(arm.name()) { format!("{arm} FAILED") } else { arm.to_string() }
}

fn ratio_cell(arm: &Arm, ratio: Spread) -> String {
    if *arm == FLOOR {
        return "1".to_owned();
    }
    let Spread { median, least, greatest, .. } = ratio;
    format!("{median:.2} ({least:.2}..{greatest:.2})")
}

pub(crate) fn count_cell(count: f64) -> String {
    // Slopes of whole counts: -0.00 is what subtraction leaves.
    let count = if count.abs() < 0.005 { 0.0 } else { count };
    if count >= 100.0 { grouped(count) } else { format!("{count:.2}") }
}

pub(crate) fn or_dash(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| "-".to_owned())
}
