//! Panels of lines as an SVG, one below the other, both axes logarithmic.

use plotters::coord::Shift;
use plotters::prelude::*;

/// Pixels of one panel.
const PIXELS: (u32, u32) = (720, 420);

/// Colours that are told apart by most eyes (Okabe and Ito).
pub(super) const INKS: [RGBColor; 7] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Lines over one axis.
pub(super) struct Panel {
    pub(super) caption: String,
    /// What the axes are.
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) lines: Vec<Line>,
}

/// One line, and its name in the key.
pub(super) struct Line {
    pub(super) label: String,
    pub(super) ink: RGBColor,
    pub(super) points: Vec<(f64, f64)>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>>;

/// Draws all panels.
pub(super) fn svg(panels: &[Panel]) -> String {
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, (PIXELS.0, PIXELS.1 * panels.len() as u32))
        .into_drawing_area();
    let draw = || -> Drawn {
        root.fill(&WHITE)?;
        for (area, panel) in root.split_evenly((panels.len(), 1)).iter().zip(panels) {
            panel.draw(area)?;
        }
        root.present()
    };
    draw().expect("a string takes every shape");
    drop(root);
    text
}

/// Returns the range of an axis that holds all values, with some room.
pub(super) fn range(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(0.0, f64::max);
    least * 0.8..most * 1.3
}

impl Panel {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let [x, y] = [range(points.clone().map(|at| at.0)), range(points.map(|at| at.1))];
        let mut chart = ChartBuilder::on(area)
            .caption(&self.caption, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(80)
            .build_cartesian_2d(x.log_scale(), y.log_scale())?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&|size| format!("{size:.0}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .draw()?;
        for Line { label, ink, points } in &self.lines {
            let ink = *ink;
            chart
                .draw_series(LineSeries::new(points.iter().copied(), &ink))?
                .label(label)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], ink));
            chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, ink.filled())))?;
        }
        chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).draw()
    }
}
