//! The figures of a run, in the order of the page, each with its table and what it shows.

use super::axis::Scale;
use super::outline::SERIES;
use super::{Arm, Collected, ink, panels, spectrum};
use crate::files::run_file::Run;
use crate::output::Dress;
use crate::report::{grouped, table};

/// A figure, in all forms that can be chosen.
#[derive(Debug)]
pub(super) struct Figure {
    /// Its name in links and files.
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) drawings: Vec<Drawing>,
    /// The same in numbers, as HTML; empty if another figure's table has them.
    pub(super) table: String,
    /// Whether the drawings stand side by side, rather than for each other.
    pub(super) is_panels: bool,
}

/// One form of a figure.
#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) svg: String,
    pub(super) series: Option<&'static str>,
    pub(super) scale: Option<&'static str>,
    /// Whether it is the form that is seen first.
    pub(super) shown: bool,
}

/// Returns the arms in the order of the run, each with its colour.
pub(super) fn arms<'a>(run: &'a Run, collected: &'a Collected) -> Vec<Arm<'a>> {
    let counted = collected.latencies.counted(&run.arguments.arms);
    let mut peers = 0;
    let arms = run.arguments.arms.iter().map(|arm| {
        let number = ink::of(arm.style(), peers);
        peers += usize::from(arm.style().is_none());
        let recorder = counted.iter().find(|(name, _)| *name == arm.name());
        Arm { name: arm.name(), ink: number, recorder: recorder.map(|(_, recorder)| *recorder) }
    });
    arms.collect()
}

/// Draws all figures that the run has samples for.
pub(super) fn all(run: &Run, collected: &Collected) -> Vec<Figure> {
    let arms = arms(run, collected);
    let mut figures = Vec::new();
    if let Some(rate) = run.open_rate.filter(|_| !collected.phases.is_empty()) {
        figures.push(spectrum_of(run, collected, &arms, rate));
        figures.push(histogram_of(&arms));
        let courses = panels::courses(run, collected, &arms);
        if !courses.is_empty() {
            figures.push(courses_of(courses));
        }
    }
    figures.extend(costs_of(run, &arms));
    figures
}

fn spectrum_of(run: &Run, collected: &Collected, arms: &[Arm<'_>], rate: f64) -> Figure {
    let mut drawings = Vec::new();
    for (series, (name, _)) in SERIES.iter().enumerate() {
        for (scale, scale_name) in [(Scale::Log, "log"), (Scale::Linear, "linear")] {
            drawings.push(Drawing {
                svg: spectrum::draw(collected, arms, series, scale),
                series: Some(name),
                scale: Some(scale_name),
                shown: series == 0 && scale == Scale::Log,
            });
        }
    }
    let latencies = collected.latencies.counted(&run.arguments.arms);
    Figure {
        id: "spectrum",
        title: format!(
            "{}Open phase: {} messages/s for every server",
            if run.is_void() { "Void: the generator was late. " } else { "" },
            grouped(rate)
        ),
        caption: "Percentiles of all rounds together; the band is the spread over the rounds. A line ends \
             where fewer than 100 replies are left: what lies beyond is luck. Dotted: how late the \
             machine woke a thread that only sleeps, on the server's processor."
            .to_owned(),
        drawings,
        table: table::open(&latencies, Dress::Html),
        is_panels: false,
    }
}

fn histogram_of(arms: &[Arm<'_>]) -> Figure {
    let drawing = |(series, (name, _)): (usize, &(&'static str, &str))| Drawing {
        svg: panels::histogram(arms, series),
        series: Some(name),
        scale: None,
        shown: series == 0,
    };
    Figure {
        id: "histogram",
        title: "How the replies are spread".to_owned(),
        caption:
            "The share of the replies in each bar; each bar is 10 % wider than the one before."
                .to_owned(),
        drawings: SERIES.iter().enumerate().map(drawing).collect(),
        table: String::new(),
        is_panels: false,
    }
}

fn courses_of(courses: Vec<String>) -> Figure {
    let drawing = |svg| Drawing { svg, series: None, scale: None, shown: true };
    Figure {
        id: "rounds",
        title: "Each round, from its beginning to its end".to_owned(),
        caption: "The slowest response of each fortieth of an open phase, a line a round. A pause of the \
                  machine is a peak in one round; a pause of the server is one in all."
            .to_owned(),
        drawings: courses.into_iter().map(drawing).collect(),
        table: String::new(),
        is_panels: true,
    }
}

fn costs_of(run: &Run, arms: &[Arm<'_>]) -> Option<Figure> {
    let base = arms.iter().find(|arm| arm.name == "raw").or(arms.first())?.name;
    let mut measured = run.closed.iter().map(|figures| figures.arm.as_str());
    if !measured.clone().any(|arm| arm == base) || !measured.any(|arm| arm != base) {
        return None;
    }
    Some(Figure {
        id: "cost",
        title: "Closed phase: what a message costs, saturated".to_owned(),
        caption: format!(
            "Server CPU for a message (time, where the kernel does not tell CPU), divided by that of {base} \
             in the same round. The bar is the median."
        ),
        drawings: vec![Drawing {
            svg: panels::costs(run, arms, base),
            series: None,
            scale: None,
            shown: true,
        }],
        table: table::closed(run, Dress::Html),
        is_panels: false,
    })
}
