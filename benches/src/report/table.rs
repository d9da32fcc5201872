//! The tables: one for each phase, because their columns mean different things, and one of counts.

use comfy_table::{Attribute, Cell, CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use examples::{ServerCounts, Style};

use super::statistics::{Cost, Spread, closed_of, ratio};
use super::{QUANTILES, grouped, micros, quantile_cell};
use crate::load::Recorder;
use crate::output::Dress;
use crate::run_file::{CountFigures, Run};

/// How a count is read from what a server printed.
type Count = fn(&ServerCounts) -> Option<u64>;

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
    let with_ratio = run.arguments.styles.contains(&Style::Raw);
    let mut header = vec!["", "messages/s", "server CPU\nus/message", "server\nbusy %"];
    if with_ratio {
        header.push("CPU, ratio to raw\nmedian (min..max)");
    }
    let mut table = table(&header, dress);
    for &style in &run.arguments.styles {
        let median = |figure: fn(&crate::run_file::ClosedFigures) -> Option<f64>| {
            Spread::of(closed_of(run, style).filter_map(figure)).map(|spread| spread.median)
        };
        let mut row = vec![
            name_of(run, style),
            or_dash(median(|figures| Some(figures.messages_per_second)).map(grouped)),
            or_dash(median(|figures| figures.cpu_us_per_message).map(|us| format!("{us:.2}"))),
            or_dash(
                median(|figures| figures.server_busy).map(|busy| format!("{:.0}", busy * 100.0)),
            ),
        ];
        if with_ratio {
            let has_cpu = Cost::of_run(run) == Cost::Cpu;
            let spread = ratio(run, style, Style::Raw, Cost::Cpu).filter(|_| has_cpu);
            row.push(or_dash(spread.map(|ratio| ratio_cell(style, ratio))));
        }
        table.add_row(cells(row));
    }
    finish(table)
}

/// Lays out the open phases, all rounds merged.
pub(crate) fn open(latencies: &[(Style, &Recorder)], dress: Dress) -> String {
    let header = ["", "p50", "p90", "p99", "p99.9", "max", "send lag\np99", "messages"];
    let mut table = table(&header, dress);
    for (style, recorder) in latencies {
        let mut row = vec![style.name().to_owned()];
        row.extend(QUANTILES.map(|quantile| quantile_cell(&recorder.response, quantile)));
        row.push(micros(recorder.response.max()));
        row.push(quantile_cell(&recorder.send_lag, 0.99));
        row.push(grouped(recorder.response.len() as f64));
        table.add_row(cells(row));
    }
    finish(table)
}

/// Lays out the counts: idle first, where they are deterministic.
pub(crate) fn counts(run: &Run, dress: Dress) -> String {
    let mut header = vec!["", "load, turn rule"];
    header.extend(COUNTS.map(|(name, _)| name));
    let mut table = table(&header, dress);
    let sections: [fn(&CountFigures) -> bool; 3] = [
        |figures| figures.pace == "idle" && figures.turn_rule != Some("snapshot"),
        |figures| figures.pace == "idle" && figures.turn_rule == Some("snapshot"),
        |figures| figures.pace != "idle",
    ];
    for section in sections {
        for figures in run.counts.iter().filter(|figures| section(figures)) {
            let counted = COUNTS.map(|(_, count)| figures.per_message(count));
            // A server that counts nothing has nothing to show.
            if counted.iter().any(Option::is_some) {
                let mut row = vec![figures.style.name().to_owned(), load_of(figures)];
                row.extend(counted.map(|count| or_dash(count.map(count_cell))));
                table.add_row(cells(row));
            }
        }
    }
    table.column_mut(1).expect("the load is a column").set_cell_alignment(CellAlignment::Left);
    let mut text = finish(table);
    text += "idle: one message at a time on one connection, which makes the counts exact.\n";
    text += "busy: one under way on each connection; how many share a turn depends on timing.\n";
    text
}

fn load_of(figures: &CountFigures) -> String {
    let load = match figures.pace {
        "idle" => "1 idle".to_owned(),
        _ => format!("{} busy", figures.connections),
    };
    match figures.turn_rule {
        Some(rule) => format!("{load}, {rule}"),
        None => load,
    }
}

pub(crate) fn table(header: &[&str], dress: Dress) -> Table {
    let mut table = Table::new();
    match dress {
        Dress::Plain => table.load_style(ruled('-')).force_no_tty(),
        Dress::Colour => table.load_style(ruled('\u{2500}')).enforce_styling(),
    };
    let heads = header.iter().map(|name| {
        let cell = Cell::new(name).set_alignment(CellAlignment::Right);
        if dress == Dress::Colour { cell.add_attribute(Attribute::Bold) } else { cell }
    });
    table.set_header(heads);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A rule below the header and nothing else: what is compared stands close together.
fn ruled(rule: char) -> TableStyle {
    let blank = ContentLineStyle::none();
    let header = LineStyle::none().fill(rule).junction(rule);
    TableStyle::new().header_lines(blank).header_separator(header).content_lines(blank)
}

pub(crate) fn cells(row: Vec<String>) -> Vec<Cell> {
    row.into_iter().map(Cell::new).collect()
}

pub(crate) fn finish(table: Table) -> String {
    format!("{}\n", table.trim_fmt())
}

fn name_of(run: &Run, style: Style) -> String {
    if run.has_failed(style) { format!("{style} FAILED") } else { style.name().to_owned() }
}

fn ratio_cell(style: Style, ratio: Spread) -> String {
    if style == Style::Raw {
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
