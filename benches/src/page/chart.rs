//! What figures are drawn with: axes, lines, bands and dots, as SVG that a slide can take.
//!
//! Rule: every part that belongs to an arm lies in a group that names the arm, so that the page can
//! switch it off in all figures at once. Colours come from classes: a page changes them by scheme, and
//! a saved figure brings the light ones along.

use std::fmt::Write;

use super::axis::Axis;
use crate::output::html as escaped;

/// The size of a figure in its own units; the page scales it.
pub(super) const SIZE: (f64, f64) = (760.0, 400.0);

/// What is left for names and numbers: left, top, right, bottom.
const MARGINS: (f64, f64, f64, f64) = (62.0, 50.0, 16.0, 46.0);

/// A figure that is being drawn.
#[derive(Debug)]
pub(super) struct Chart {
    x: Axis,
    y: Axis,
    size: (f64, f64),
    svg: String,
    legend: f64,
}

impl Chart {
    /// Begins a figure; `name` is what a reader who does not see it is told.
    pub(super) fn new(name: &str, size: (f64, f64), x: Axis, y: Axis) -> Chart {
        let (width, height) = size;
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             role=\"group\" aria-label=\"{}\">\n",
            escaped(name)
        );
        Chart { x, y, size, svg, legend: MARGINS.0 }
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let (left, top, right, bottom) = MARGINS;
        let across = self.size.0 - left - right;
        let down = self.size.1 - top - bottom;
        (left + across * self.x.share(x), top + down * (1.0 - self.y.share(y)))
    }

    /// Draws the lines that numbers are read off, with the numbers and what they are.
    pub(super) fn grid(&mut self, x: &[(f64, String)], y: &[(f64, String)], names: (&str, &str)) {
        let (left, top, right, bottom) = MARGINS;
        let (end, ground) = (self.size.0 - right, self.size.1 - bottom);
        let mut svg = String::from("<g class=\"grid\">");
        for (value, label) in x {
            let at = self.place(*value, self.y.low).0;
            let _ = write!(svg, "<path d=\"M{at:.1} {top}V{ground}\"/>");
            let _ = write!(
                svg,
                "<text x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>",
                ground + 16.0
            );
        }
        for (value, label) in y {
            let at = self.place(self.x.low, *value).1;
            let _ = write!(svg, "<path d=\"M{left} {at:.1}H{end}\"/>");
            let _ = write!(
                svg,
                "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                left - 6.0,
                at + 4.0
            );
        }
        let middle = (left + end) / 2.0;
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{middle:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\
             <text class=\"name\" x=\"{:.0}\" y=\"{:.0}\">{}</text></g>",
            self.size.1 - 10.0,
            names.0,
            4.0,
            top - 34.0,
            names.1
        );
        self.svg += &svg;
    }

    /// Begins what belongs to an arm, and names it in the legend.
    pub(super) fn begin(&mut self, arm: &str, ink: usize) {
        let (at, line) = (self.legend, MARGINS.1 - 10.0);
        let name = escaped(arm);
        let _ = write!(
            self.svg,
            "<g class=\"arm a{ink}\" data-arm=\"{name}\"><path class=\"line\" d=\"M{at:.0} {:.0}h14\"/>\
             <text x=\"{:.0}\" y=\"{line:.0}\">{name}</text>",
            line - 4.0,
            at + 18.0
        );
        self.legend += 30.0 + 7.0 * arm.chars().count() as f64;
    }

    /// Ends what belongs to an arm.
    pub(super) fn end(&mut self) {
        self.svg += "</g>\n";
    }

    /// Draws a line; `class` is `line`, or another that the style knows.
    pub(super) fn line(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let path = self.path(points);
        if !path.is_empty() {
            let _ = write!(self.svg, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    /// Draws an area between two lines over the same places.
    pub(super) fn band(&mut self, points: &[(f64, f64, f64)]) {
        let there = points.iter().map(|&(x, low, _)| (x, low));
        let back = points.iter().rev().map(|&(x, _, high)| (x, high));
        let path = self.path(there.chain(back));
        if !path.is_empty() {
            let _ = write!(self.svg, "<path class=\"band\" d=\"{path}Z\"/>");
        }
    }

    /// Writes a path in tenths of a unit, each place as its distance from the one before: half the bytes.
    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let (mut path, mut last) = (String::new(), None);
        for (x, y) in points {
            let (x, y) = self.place(x, y);
            let here = ((x * 10.0).round() as i64, (y * 10.0).round() as i64);
            let (from, letter) = match last {
                None => ((0, 0), 'M'),
                Some(from) => (from, 'l'),
            };
            let (across, down) = (here.0 - from.0, here.1 - from.1);
            let _ = match (letter, across, down) {
                ('l', 0, 0) => Ok(()),
                ('l', _, 0) => write!(path, "h{}", tenths(across)),
                ('l', 0, _) => write!(path, "v{}", tenths(down)),
                _ => write!(path, "{letter}{} {}", tenths(across), tenths(down)),
            };
            last = Some(here);
        }
        path
    }

    /// Draws a dot that says what it stands for: the script lets it be pointed at and reached by keys.
    pub(super) fn dot(&mut self, x: f64, y: f64, says: &str) {
        let (x, y) = self.place(x, y);
        let says = escaped(says);
        let _ = write!(
            self.svg,
            "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" data-says=\"{says}\"/>"
        );
    }

    /// Draws a dot that says nothing, and cannot be reached.
    pub(super) fn speck(&mut self, class: &str, x: f64, y: f64) {
        let (x, y) = self.place(x, y);
        let _ =
            write!(self.svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
    }

    /// Writes words above a place.
    pub(super) fn words(&mut self, x: f64, y: f64, text: &str) {
        let (x, y) = self.place(x, y);
        let text = escaped(text);
        let _ = write!(self.svg, "<text x=\"{x:.1}\" y=\"{:.1}\">{text}</text>", y - 8.0);
    }

    /// Ends the figure.
    pub(super) fn finish(mut self) -> String {
        self.svg += "</svg>";
        self.svg
    }
}

/// Writes tenths as a decimal, without what can be left out.
fn tenths(tenths: i64) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    match (tenths.abs() / 10, tenths.abs() % 10) {
        (whole, 0) => format!("{sign}{whole}"),
        (0, tenth) => format!("{sign}.{tenth}"),
        (whole, tenth) => format!("{sign}{whole}.{tenth}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::axis::Scale;
    use super::*;

    #[test]
    fn a_path_goes_from_place_to_place() {
        let axis = Axis::new(Scale::Linear, 0.0, 10.0);
        let chart = Chart::new("", (178.0, 196.0), axis, axis);
        let path = chart.path([(0.0, 0.0), (1.0, 0.0), (1.0, 5.0), (2.55, 4.0)]);
        assert_eq!(path, "M62 150h10v-50l15.5 10");
        assert_eq!([-3, -10, 4, 25].map(tenths), ["-.3", "-1", ".4", "2.5"]);
    }
}
