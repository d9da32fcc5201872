//! The report as a page: one file that shows a run, works offline, and can be cited.
//!
//! Rule: the figures are drawn here, whole; the script on the page only switches parts of them on and
//! off. So they are there without it, in print, and as files for a slide.

mod axis;
mod chart;
mod cite;
mod figures;
mod ink;
mod outline;
mod overview;
mod panels;
mod spectrum;

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::files::run_file::Run;
use crate::measure::latencies::Latencies;
use crate::measure::load::Recorder;
use crate::output::{Dress, html as escaped};
use crate::report::{facts, notes, table};
use figures::Figure;
use outline::PhaseOutline;

pub(crate) use overview::overview;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a run's log says, as far as the figures need it.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// The open phases of the rounds that count, merged.
    latencies: Latencies,
    /// Each open phase for itself.
    phases: Vec<PhaseOutline>,
    /// Whether any round counts; if none does, the void ones are shown.
    any_valid: bool,
    /// How late the machine woke a thread that only sleeps, over all open phases.
    hiccups: Option<Histogram<u64>>,
}

/// An arm as figures show it.
#[derive(Clone, Copy, Debug)]
struct Arm<'a> {
    name: &'a str,
    ink: usize,
    recorder: Option<&'a Recorder>,
}

impl Collected {
    /// Adds an open phase, and what the machine did meanwhile.
    pub(crate) fn add(
        &mut self,
        valid: bool,
        arm: &str,
        recorder: &Recorder,
        hiccups: Option<&Histogram<u64>>,
    ) {
        self.latencies.add(valid, arm, recorder);
        self.phases.push(PhaseOutline::of(arm, valid, recorder));
        self.any_valid |= valid;
        if let Some(hiccups) = hiccups {
            match &mut self.hiccups {
                Some(sum) => sum.add(hiccups).expect("all hiccups have the same bounds"),
                none => *none = Some(hiccups.clone()),
            }
        }
    }

    /// Returns the merged histograms.
    pub(crate) fn latencies(&self) -> &Latencies {
        &self.latencies
    }
}

/// Composes the page.
pub(crate) fn compose(run: &Run, collected: &Collected) -> String {
    let mut page = head(run);
    let latencies = collected.latencies.counted(&run.arguments.arms);
    for note in notes(run, &latencies) {
        let class = if is_grave(&note) { " class=\"grave\"" } else { "" };
        let _ = writeln!(page, "<p{class}>{}</p>", escaped(&note));
    }
    page += &switches(run, collected);
    for figure in figures::all(run, collected) {
        page += &section_of(&figure);
    }
    if run.answers.iter().any(|answer| answer.ratio.is_some()) {
        page += &section("answers", "Answers: the first divided by the second, round by round");
        page += &table::answers(run, Dress::Html);
        page += "</section>\n";
    }
    if run.has_costs() {
        page += &section("beside", "Beside the clock");
        page += &table::costs(run, Dress::Html);
        page += "</section>\n";
    }
    if !run.counts.is_empty() {
        page += &section("counts", "Counts: what a server does for each message");
        page += &table::counts(run, Dress::Html);
        page += "</section>\n";
    }
    page += &environment(run);
    page += &cite::html(run);
    let light = escaped(&ink::style(false));
    let _ = write!(
        page,
        "</main>\n<div id=\"says\" role=\"status\"></div>\n\
         <script id=\"ink\" type=\"text/plain\">{light}</script>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n"
    );
    page
}

/// All up to the verdict.
fn head(run: &Run) -> String {
    let started = run.started.strftime("%Y-%m-%d %H:%M:%S UTC");
    let verdict = escaped(&run.verdict);
    head_of(&format!("oneloop compare, {started}"))
        + &format!("<p class=\"verdict\">{verdict}</p>\n")
}

/// All up to the title.
fn head_of(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n\
         <style>{STYLE}\n{}\n@media screen and (prefers-color-scheme: dark){{{}}}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n",
        ink::style(false),
        ink::style(true),
    )
}

/// Where the run was, and how to make it again.
fn environment(run: &Run) -> String {
    let mut text = section("environment", "Where this ran") + "<ul>\n";
    for fact in facts(run) {
        let _ = writeln!(text, "<li>{}</li>", escaped(&fact));
    }
    text += "</ul>\n";
    if let Some(command) = &run.command {
        let command = escaped(command);
        let _ = writeln!(text, "<p>The command:</p>\n<pre tabindex=\"0\">{command}</pre>");
    }
    text + "</section>\n"
}

/// Returns the figures as files of their own: name and content.
pub(crate) fn files(run: &Run, collected: &Collected) -> Vec<(String, String)> {
    let style = format!("<style>{}</style>", ink::style(false));
    let mut files = Vec::new();
    for figure in figures::all(run, collected) {
        for (at, drawing) in figure.drawings.iter().enumerate().filter(|(_, it)| it.shown) {
            let number = if figure.is_panels { format!("-{}", at + 1) } else { String::new() };
            let head = drawing.svg.find('>').map_or(0, |end| end + 1);
            let (head, body) = drawing.svg.split_at(head);
            files.push((format!("{}{number}.svg", figure.id), format!("{head}{style}{body}\n")));
        }
    }
    files
}

fn is_grave(note: &str) -> bool {
    ["PARTIAL", "FAILED", "This is a debug build", "The generator was the bottleneck"]
        .iter()
        .any(|start| note.starts_with(start))
}

fn section(id: &str, title: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{}</h2>\n", escaped(title))
}

/// The switches: an arm each, the series, the scale, the void rounds. Without the script there are none.
fn switches(run: &Run, collected: &Collected) -> String {
    let mut text = String::from(
        "<div class=\"switches\" hidden>\n<div role=\"group\" aria-label=\"Servers shown\">",
    );
    for arm in figures::arms(run, collected) {
        let _ = write!(
            text,
            "<button type=\"button\" class=\"a{}\" data-switch-arm=\"{name}\" aria-pressed=\"true\">\
             <svg viewBox=\"0 0 22 8\" aria-hidden=\"true\"><path class=\"line\" d=\"M1 4h20\"/></svg>{name}</button>",
            arm.ink,
            name = escaped(arm.name),
        );
    }
    text += "</div>\n<div role=\"group\" aria-label=\"Time shown\">";
    for (at, (name, _)) in outline::SERIES.iter().enumerate() {
        text += &choice("series", name, &name.replace('-', " "), at == 0);
    }
    text += "</div>\n<div role=\"group\" aria-label=\"Scale of time\">";
    text += &choice("scale", "log", "log", true);
    text += &choice("scale", "linear", "linear", false);
    text += "</div>\n";
    if collected.any_valid && !run.void_rounds.is_empty() {
        text += "<button type=\"button\" data-switch-void aria-pressed=\"false\">void rounds</button>\n";
    }
    text + "</div>\n"
}

fn choice(what: &str, value: &str, name: &str, pressed: bool) -> String {
    format!(
        "<button type=\"button\" data-switch-{what}=\"{value}\" aria-pressed=\"{pressed}\">{name}</button>"
    )
}

fn section_of(figure: &Figure) -> String {
    let mut text = section(figure.id, &figure.title);
    let panels = if figure.is_panels { " class=\"panels\"" } else { "" };
    let _ = writeln!(text, "<figure{panels}>");
    for drawing in &figure.drawings {
        let hidden = if drawing.shown { "" } else { " hidden" };
        let mut marks = String::new();
        for (mark, value) in [("series", drawing.series), ("scale", drawing.scale)] {
            if let Some(value) = value {
                let _ = write!(marks, " data-{mark}=\"{value}\"");
            }
        }
        // On a phone a figure keeps a size that can be read, and moves under the finger or by keys.
        let moves = if figure.is_panels { "" } else { " scroll\" tabindex=\"0" };
        let _ =
            writeln!(text, "<div class=\"drawing{moves}\"{marks}{hidden}>{}</div>", drawing.svg);
    }
    let _ = writeln!(text, "<figcaption>{}</figcaption>\n</figure>", escaped(&figure.caption));
    let _ = writeln!(
        text,
        "<button type=\"button\" class=\"save\" data-save=\"{}\" hidden>Save as SVG</button>",
        figure.id
    );
    if !figure.table.is_empty() {
        text += &figure.table;
    }
    text + "</section>\n"
}

#[cfg(test)]
mod tests;
