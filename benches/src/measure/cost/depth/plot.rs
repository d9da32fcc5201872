//! The plots: drawn once, for a file and for a terminal.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::Series;
use super::experiment::Experiment;
use super::terminal::Terminal;
use crate::measure::cost::panels::{self, INKS, Line, Panel, range};

/// Columns and lines of a plot in a terminal.
const CELLS: (u32, u32) = (90, 22);

type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Draws one experiment with letters.
pub(crate) fn to_text(series: &[&Series]) -> String {
    let mut text = String::new();
    let area = Terminal::new(CELLS, &mut text).into_drawing_area();
    letters(&area, series).expect("a terminal takes every character");
    drop(area);
    let arms: Vec<_> = series.iter().map(|one| one.arm).collect();
    let key: Vec<_> = arms.iter().map(|arm| format!("{} {}", arm.letter(), arm.name())).collect();
    text + &format!("ns, both axes logarithmic: {}\n", key.join(", "))
}

/// Draws all experiments as an SVG, one below the other.
pub(crate) fn to_svg(series: &[Series]) -> String {
    let panels = Experiment::ALL.map(|experiment| {
        let own = series.iter().filter(|one| one.experiment == experiment);
        let line = |one: &Series| Line {
            label: format!("{}, {:.1} ns each", one.arm.name(), one.slope_nanoseconds),
            ink: INKS[one.arm as usize],
            points: one.points.iter().map(|at| (at.size as f64, at.nanoseconds)).collect(),
        };
        Panel {
            caption: experiment.sentence().to_owned(),
            x: experiment.size_name(),
            y: "ns of the whole",
            lines: own.map(line).collect(),
        }
    });
    panels::svg(&panels)
}

fn letters(
    area: &DrawingArea<Terminal<'_>, Shift>,
    series: &[&Series],
) -> Drawn<Terminal<'static>> {
    let points = series.iter().flat_map(|series| &series.points);
    let x = range(points.clone().map(|point| point.size as f64));
    let y = range(points.map(|point| point.nanoseconds));
    let mut chart = ChartBuilder::on(area)
        .margin(1)
        .x_label_area_size(2)
        .y_label_area_size(12)
        .build_cartesian_2d(x.log_scale(), y.log_scale())?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_label_formatter(&|size| format!("{size:.0}"))
        .y_label_formatter(&|time| format!("{time:.0}"))
        .draw()?;
    for one in series {
        let letter = |point: &super::Point| {
            let at = (point.size as f64, point.nanoseconds);
            Text::new(one.arm.letter(), at, ("monospace", 1))
        };
        chart.draw_series(one.points.iter().map(letter))?;
    }
    Ok(())
}
