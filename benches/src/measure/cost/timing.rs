//! Time of what runs in this process: many short samples, the contenders in turn.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// What one sample is to take at least.
const SAMPLE: Duration = Duration::from_millis(4);

/// Samples of each contender, and of a quick run.
const SAMPLES: [usize; 2] = [15, 3];

/// Runs something so many times.
pub(crate) type Run<'a> = Box<dyn FnMut(u64) -> Result<(), Failure> + 'a>;

/// Nanoseconds of one time, over all samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    pub(crate) median: f64,
    /// The least and the greatest sample.
    pub(crate) range: [f64; 2],
}

/// Returns the nanoseconds of one time, for each contender. A sample of each is taken before
/// the second of any, so that a slow moment of the machine meets all of them.
pub(crate) fn nanoseconds(runs: &mut [Run<'_>], quick: bool) -> Result<Vec<Time>, Failure> {
    let mut times = Vec::new();
    for run in runs.iter_mut() {
        times.push(long_enough(run)?);
    }
    let mut samples = vec![Vec::new(); runs.len()];
    for _ in 0..SAMPLES[usize::from(quick)] {
        for ((run, times), samples) in runs.iter_mut().zip(&times).zip(&mut samples) {
            let took = timed(run, *times)?;
            samples.push(took.as_nanos() as f64 / *times as f64);
        }
    }
    Ok(samples.into_iter().map(Time::of).collect())
}

/// Finds how many times take as long as a sample.
fn long_enough(run: &mut Run<'_>) -> Result<u64, Failure> {
    let mut times = 1;
    while timed(run, times)? < SAMPLE {
        times *= 2;
    }
    Ok(times)
}

fn timed(run: &mut Run<'_>, times: u64) -> Result<Duration, Failure> {
    let begun = Instant::now();
    run(times)?;
    Ok(begun.elapsed())
}

impl Time {
    fn of(mut samples: Vec<f64>) -> Time {
        samples.sort_by(f64::total_cmp);
        let range = [samples[0], samples[samples.len() - 1]];
        Time { median: samples[samples.len() / 2], range }
    }
}
