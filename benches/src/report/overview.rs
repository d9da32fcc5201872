//! The report of a sweep: one table a figure, a column for each number of connections and load.

use std::path::Path;

use super::grid::Grid;
use super::statistics::{Cost, Spread, closed_of, saturated};
use super::table::or_dash;
use super::{grouped, heading, paragraph, quantile_cell, title_of};
use crate::files::run_file::{PAGE_NAME, Run};
use crate::measure::load::Recorder;
use crate::output::Dress;

/// A run of the sweep, with its merged histograms.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) run: &'a Run,
    pub(crate) latencies: Vec<(&'a str, &'a Recorder)>,
}

/// A figure of an arm in one run.
type Figure = fn(&Member<'_>, &str) -> Option<String>;

/// What the tables show.
pub(crate) const TABLES: [(&str, Figure); 4] = [
    ("Server CPU, us a message, saturated (median of the rounds)", cpu),
    ("Messages/s, saturated (median of the rounds)", rate),
    ("Response time p50, us (all rounds that count)", |run, arm| quantile(run, arm, 0.5)),
    ("Response time p99, us (all rounds that count)", |run, arm| quantile(run, arm, 0.99)),
];

/// What brackets around a figure mean.
pub(crate) const BRACKETS: &str = "In brackets: of a server that was not kept busy, or of a load of \
                                   which every open round is void. Such a figure measures the \
                                   machine and the generator.";

/// Composes the report.
pub(crate) fn overview(
    started: &str,
    runs: &[Member<'_>],
    directory: Option<&Path>,
    dress: Dress,
) -> String {
    let mut text = title_of(&format!("oneloop compare, a sweep, {started}"), runs[0].run, dress);
    for (name, figure) in TABLES {
        text += &heading(name, dress);
        text += &table(runs, figure, dress);
    }
    text += "\n";
    text += &paragraph(BRACKETS, "", dress);
    text += &heading("What it means", dress);
    for member in runs {
        let name = column(member.run).replace('\n', ", ");
        text += &paragraph(&format!("{name}: {}", member.run.verdict), "- ", dress);
    }
    if let Some(directory) = directory {
        let page = directory.join(PAGE_NAME);
        text += &format!("\nFiles: {}, a directory for each column\n", directory.display());
        if page.exists() {
            text += &format!("Page:  {}\n", page.display());
        }
    }
    text
}

/// Lays out one figure of all arms in all runs.
pub(crate) fn table(runs: &[Member<'_>], figure: Figure, dress: Dress) -> String {
    let columns: Vec<String> = runs.iter().map(|member| column(member.run)).collect();
    let header: Vec<&str> = [""].into_iter().chain(columns.iter().map(String::as_str)).collect();
    let mut grid = Grid::new(&header);
    for arm in &runs[0].run.arguments.arms {
        let cells = runs.iter().map(|member| or_dash(figure(member, arm.name())));
        grid.add([arm.name().to_owned()].into_iter().chain(cells).collect());
    }
    grid.render(dress)
}

/// Names a run among those of its sweep.
pub(crate) fn column(run: &Run) -> String {
    let asked = &run.arguments;
    let load = match asked.rate {
        Some(rate) => format!("{}/s", grouped(rate)),
        None => format!("{:.0} % load", asked.load_percent),
    };
    match &asked.suite {
        Some(suite) => format!("load {} of {}\n{load}", suite.load, suite.loads),
        None => format!("{} conn.\n{load}", grouped(asked.connections as f64)),
    }
}

fn cpu(member: &Member<'_>, arm: &str) -> Option<String> {
    let cost = Cost::of_run(member.run);
    let spread = Spread::of(closed_of(member.run, arm).map(|figures| cost.micros(figures)))?;
    Some(bracketed(!saturated(member.run, arm), format!("{:.2}", spread.median)))
}

fn rate(member: &Member<'_>, arm: &str) -> Option<String> {
    let rates = closed_of(member.run, arm).map(|figures| figures.messages_per_second);
    Some(bracketed(!saturated(member.run, arm), grouped(Spread::of(rates)?.median)))
}

fn quantile(member: &Member<'_>, arm: &str, quantile: f64) -> Option<String> {
    let (_, recorder) = member.latencies.iter().find(|(name, _)| *name == arm)?;
    Some(bracketed(member.run.is_void(), quantile_cell(&recorder.response, quantile)))
}

/// Marks a figure that says little of the server.
fn bracketed(doubtful: bool, figure: String) -> String {
    if doubtful && figure != "-" { format!("({figure})") } else { figure }
}

#[cfg(test)]
mod tests {
    use super::super::answers::tests::run_of;
    use super::*;

    #[test]
    fn a_figure_that_says_little_of_the_server_is_in_brackets() {
        let mut run = run_of(&["raw", "async"], 8);
        let mut recorder = Recorder::new();
        for _ in 0..20_000 {
            recorder.response.saturating_record(50_000);
        }
        let cells = |run: &Run| {
            let member = Member { run, latencies: vec![("raw", &recorder)] };
            TABLES.map(|(_, figure)| figure(&member, "raw").unwrap().starts_with('('))
        };
        assert_eq!(cells(&run), [false; 4]);
        run.void_rounds = (1..=8).collect();
        assert_eq!(cells(&run), [false, false, true, true]);
        for figures in run.closed.iter_mut().filter(|figures| figures.arm == "raw") {
            figures.server_busy = Some(0.4);
        }
        assert_eq!(cells(&run), [true; 4]);
    }
}
