//! The plots: drawn once, for a file and for a terminal.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::Series;
use super::experiment::{Arm, Experiment};
use super::terminal::Terminal;

/// Columns and lines of a plot in a terminal.
const CELLS: (u32, u32) = (90, 22);

/// Pixels of one plot in a file.
const PIXELS: (u32, u32) = (720, 420);

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
    let size = (PIXELS.0, PIXELS.1 * Experiment::ALL.len() as u32);
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
    let draw = || -> Drawn<SVGBackend<'_>> {
        root.fill(&WHITE)?;
        for (area, experiment) in
            root.split_evenly((Experiment::ALL.len(), 1)).iter().zip(Experiment::ALL)
        {
            let own: Vec<_> = series.iter().filter(|one| one.experiment == experiment).collect();
            lines(area, experiment, &own)?;
        }
        root.present()
    };
    draw().expect("a string takes every shape");
    drop(root);
    text
}

/// Returns what both axes have to hold.
fn ranges(series: &[&Series]) -> [(f64, f64); 2] {
    let points = || series.iter().flat_map(|series| &series.points);
    let range = |of: fn(&super::Point) -> f64| {
        let least = points().map(of).fold(f64::INFINITY, f64::min);
        let most = points().map(of).fold(0.0, f64::max);
        (least * 0.8, most * 1.3)
    };
    [range(|point| point.size as f64), range(|point| point.nanoseconds)]
}

fn letters(
    area: &DrawingArea<Terminal<'_>, Shift>,
    series: &[&Series],
) -> Drawn<Terminal<'static>> {
    let [x, y] = ranges(series);
    let mut chart = ChartBuilder::on(area)
        .margin(1)
        .x_label_area_size(2)
        .y_label_area_size(12)
        .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
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

fn lines(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    experiment: Experiment,
    series: &[&Series],
) -> Drawn<SVGBackend<'static>> {
    let [x, y] = ranges(series);
    let mut chart = ChartBuilder::on(area)
        .caption(experiment.sentence(), ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(experiment.size_name())
        .y_desc("ns of the whole")
        .x_label_formatter(&|size| format!("{size:.0}"))
        .y_label_formatter(&|time| format!("{time:.0}"))
        .draw()?;
    for one in series {
        let points = || one.points.iter().map(|point| (point.size as f64, point.nanoseconds));
        let ink = ink(one.arm);
        let label = format!("{}, {:.1} ns each", one.arm.name(), one.slope_nanoseconds);
        chart
            .draw_series(LineSeries::new(points(), &ink))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], ink));
        chart.draw_series(points().map(|point| Circle::new(point, 3, ink.filled())))?;
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).draw()
}

/// Colours that are told apart by most eyes (Okabe and Ito).
fn ink(arm: Arm) -> RGBColor {
    match arm {
        Arm::Callbacks => RGBColor(213, 94, 0),
        Arm::Promises => RGBColor(0, 114, 178),
        Arm::Async => RGBColor(0, 158, 115),
        Arm::CallbacksInline => RGBColor(230, 159, 0),
        Arm::AsyncInline => RGBColor(204, 121, 167),
    }
}
