//! The report on standard output: what ran where, the tables, the spectrum, what it means.

mod answers;
pub(crate) mod grid;
mod notes;
mod overview;
mod spectrum;
mod statistics;
mod suite;
pub(crate) mod table;
mod verdict;

use std::fmt::Write;
use std::path::Path;

use hdrhistogram::Histogram;

use crate::files::interval_log::LOG_NAME;
use crate::files::run_file::{PAGE_NAME, RUN_NAME, Run};
use crate::measure::load::{Recorder, supports};
use crate::output::{self, Dress};

pub(crate) use crate::output::wrapped_behind;
pub(crate) use answers::{answers, measures, ratios_of, reference};
pub(crate) use notes::notes;
pub(crate) use overview::{
    BRACKETS, Member, TABLES as OVERVIEW, column, overview, table as overview_table,
};
pub(crate) use statistics::{Cost, Spread, closed_of, ratios};
pub(crate) use verdict::verdict;

/// The quantiles that tables show; the maximum comes after them.
pub(crate) const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Composes the whole report; the directory is where its files are, if they are.
pub(crate) fn compose(
    run: &Run,
    latencies: &[(&str, &Recorder)],
    directory: Option<&Path>,
    dress: Dress,
) -> String {
    let mut text = title(run, dress);
    if !run.closed.is_empty() {
        text += &heading("Closed phase: saturated, one message under way per connection", dress);
        text += &table::closed(run, dress);
    }
    if let Some(rate) = run.open_rate.filter(|_| !latencies.is_empty()) {
        let rate = grouped(rate);
        let void = if run.is_void() { " (VOID)" } else { "" };
        let what =
            format!("Open phase: {rate} messages/s for every server; response time in us{void}");
        text += &heading(&what, dress);
        text += &table::open(latencies, dress);
        let scale = "Spectrum of the open phase's response times, from the intended send";
        text += &heading(&format!("{scale}{void}"), dress);
        text += &verbatim(spectrum::strips(latencies, dress), dress);
    }
    if !run.counts.is_empty() {
        text += &heading("Counts: what a server does for each message", dress);
        text += &table::counts(run, dress);
    }
    if run.has_costs() {
        text += &heading("Beside the clock", dress);
        text += &table::costs(run, dress);
    }
    if run.answers.iter().any(|answer| answer.ratio.is_some()) {
        text += &heading("Answers: the first divided by the second, round by round", dress);
        text += &table::answers(run, dress);
    }
    text += &heading("What it means", dress);
    text += &paragraph(&run.verdict, "", dress);
    for note in notes(run, latencies) {
        text += &paragraph(&note, "- ", dress);
    }
    if let Some(directory) = directory {
        text += &files(run, directory, dress);
    }
    text
}

/// Formats nanoseconds as microseconds with about three digits.
pub(crate) fn micros(nanos: u64) -> String {
    let micros = nanos as f64 / 1_000.0;
    if micros < 9.995 {
        format!("{micros:.2}")
    } else if micros < 99.95 {
        format!("{micros:.1}")
    } else {
        grouped(micros)
    }
}

/// Formats a quantile, or a dash when too few samples lie beyond it.
pub(crate) fn quantile_cell(histogram: &Histogram<u64>, quantile: f64) -> String {
    if supports(histogram, quantile) {
        micros(histogram.value_at_quantile(quantile))
    } else {
        "-".to_owned()
    }
}

fn title(run: &Run, dress: Dress) -> String {
    let started = run.started.strftime("%Y-%m-%d %H:%M:%S UTC");
    title_of(&format!("oneloop compare, {started}"), run, dress)
}

/// Writes a title, and below it what was measured on what.
pub(crate) fn title_of(title: &str, run: &Run, dress: Dress) -> String {
    let mut text = format!("{}\n", bold(title, dress));
    if dress == Dress::Markdown {
        text = format!("# {title}\n\n");
    }
    for line in facts(run) {
        text += &fact(&line, dress);
    }
    if dress == Dress::Markdown {
        text.push('\n');
    }
    text
}

/// Says what was measured on what, in four lines.
pub(crate) fn facts(run: &Run) -> [String; 4] {
    let Run { environment: machine, arguments, .. } = run;
    let placement = match (machine.server_cpu, machine.generator_cpu) {
        (Some(server), Some(generator)) => format!("server on {server}, generator on {generator}"),
        _ => "nothing pinned".to_owned(),
    };
    let load = machine.load_average.map_or("unknown".to_owned(), |load| format!("{load:.2}"));
    let suite = arguments.suite.as_ref();
    let suite = suite.map_or(String::new(), |suite| format!("; {}", suite::describe(suite)));
    let commit = machine.commit.as_ref();
    let commit = commit.map_or("commit unknown".to_owned(), |at| format!("commit {at}"));
    [
        format!("{}, {} cores: {placement}", machine.cpu, machine.cores),
        format!("{}, {}, {} build, {commit}", machine.kernel, machine.compiler(), machine.profile),
        format!("load {load} before the run, seed {}", run.seed),
        format!(
            "{}, messages of {}, every byte verified; {}{suite}",
            plural(arguments.connections, "connection"),
            plural(arguments.size_bytes, "byte"),
            plural(arguments.rounds, "round")
        ),
    ]
}

/// Counts things: `1 round`, `2 rounds`.
pub(crate) fn plural(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {thing}{s}", grouped(number as f64))
}

pub(crate) fn heading(text: &str, dress: Dress) -> String {
    match dress {
        Dress::Markdown => format!("## {text}\n\n"),
        _ => format!("\n{}\n", bold(text, dress)),
    }
}

fn bold(text: &str, dress: Dress) -> String {
    match dress {
        Dress::Plain | Dress::Markdown | Dress::Html => text.to_owned(),
        Dress::Colour => {
            let bold = anstyle::Style::new().bold();
            format!("{bold}{text}{bold:#}")
        }
    }
}

/// Writes a line of the title.
fn fact(text: &str, dress: Dress) -> String {
    match dress {
        Dress::Markdown => format!("- {}\n", output::escaped(text)),
        _ => wrapped(text, ""),
    }
}

/// Writes a paragraph or, with a bullet, an item of a list.
pub(crate) fn paragraph(text: &str, bullet: &str, dress: Dress) -> String {
    match dress {
        Dress::Markdown if bullet.is_empty() => format!("{}\n\n", output::escaped(text)),
        Dress::Markdown => format!("{bullet}{}\n", output::escaped(text)),
        Dress::Html => format!("<p>{}</p>\n", output::html(text)),
        _ => wrapped(&format!("{bullet}{text}"), &" ".repeat(bullet.len())),
    }
}

/// Keeps the columns of what is drawn with characters.
pub(crate) fn verbatim(text: String, dress: Dress) -> String {
    match dress {
        Dress::Markdown => format!("```text\n{text}```\n\n"),
        _ => text,
    }
}

/// Says where the figures are.
fn files(run: &Run, directory: &Path, dress: Dress) -> String {
    let mut text = format!("Files: {}\n", directory.join(RUN_NAME).display());
    if !run.series.is_empty() {
        let series = run.series.len();
        let _ = writeln!(text, "       and {series} histograms (.hgrm) beside it, in microseconds");
    }
    let _ = writeln!(text, "       and {LOG_NAME}, every phase of every round, in nanoseconds");
    let page = directory.join(PAGE_NAME);
    if page.exists() {
        // Last, where the eye is when the run has ended.
        let _ = writeln!(text, "Page:  {}", page.display());
    }
    format!("\n{}\n", verbatim(text, dress).trim_end())
}

/// Breaks a paragraph into lines; those after the first are indented.
pub(crate) fn wrapped(paragraph: &str, indent: &str) -> String {
    wrapped_behind("", paragraph, indent)
}

/// Sets a name before a sentence: on one line in a pipe, where programs search, and wrapped on a
/// terminal.
pub(crate) fn item(head: &str, sentence: &str) -> String {
    match output::terminal_width() {
        Some(_) => wrapped_behind(head, sentence, &" ".repeat(head.len())),
        None => format!("{head}{}\n", sentence.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// Rounds to a whole number and groups its digits: `12,345`.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::output::WIDTH;

    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(micros(1_234), "1.23");
        assert_eq!(micros(45_678), "45.7");
        assert_eq!(micros(1_234_567), "1,235");
    }

    #[test]
    fn paragraphs_keep_the_measure() {
        let text = wrapped(&"word ".repeat(60), "  ");
        assert!(text.lines().count() > 3);
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        let text = wrapped_behind("a label    ", &"word ".repeat(60), "           ");
        assert!(text.starts_with("a label    word word"), "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH));
    }
}
