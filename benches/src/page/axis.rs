//! Axes: where a value lies, and the round values to read it off.

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// An axis: what it begins and ends with, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    scale: Scale,
    pub(super) low: f64,
    high: f64,
}

impl Axis {
    /// Makes an axis, never one without length.
    pub(super) fn new(scale: Scale, low: f64, high: f64) -> Axis {
        let low = if scale == Scale::Log { low.max(1e-3) } else { low };
        let least = if scale == Scale::Log { low * 1.5 } else { low + 1e-9 };
        Axis { scale, low, high: high.max(least) }
    }

    /// Returns where a value lies, from 0 to 1; what is beyond the ends is held at them.
    pub(super) fn share(self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        share.clamp(0.0, 1.0)
    }

    /// Returns round values, eight or so.
    pub(super) fn ticks(self) -> Vec<f64> {
        let inside = |value: &f64| (self.low..=self.high).contains(value);
        match self.scale {
            Scale::Linear => {
                let rough = (self.high - self.low) / 5.0;
                let decade = 10_f64.powf(rough.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade);
                let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
                let first = (self.low / step).ceil() as i64;
                (first..first + 12).map(|at| at as f64 * step).filter(inside).collect()
            }
            Scale::Log => {
                let decades = (self.high / self.low).log10();
                let digits: &[f64] = if decades > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
                let powers = (-3..12).map(|power| 10_f64.powi(power));
                let all = powers.flat_map(|power| digits.iter().map(move |digit| digit * power));
                all.filter(inside).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let ticks = Axis::new(Scale::Log, 12.0, 9_000.0).ticks();
        assert_eq!(ticks, [20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0]);
        let ticks = Axis::new(Scale::Linear, 0.0, 430.0).ticks();
        assert_eq!(ticks, [0.0, 100.0, 200.0, 300.0, 400.0]);
        assert!(Axis::new(Scale::Linear, 3.0, 3.0).ticks().len() < 14);
    }

    #[test]
    fn what_is_beyond_an_axis_is_held_at_its_end() {
        let axis = Axis::new(Scale::Log, 1.0, 100.0);
        assert_eq!([0.0, 1.0, 10.0, 1e9].map(|value| axis.share(value)), [0.0, 0.0, 0.5, 1.0]);
    }
}
