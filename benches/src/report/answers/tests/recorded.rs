//! Blocks of one server against itself, recorded, and drawn again and again: how often is a difference
//! found that is not there, and how often one that was put there?

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::*;

/// Rounds of a quiet comparison of `raw` with itself: CPU time and median of three processes.
const BLOCKS: &str = include_str!("../../../../tests/blocks/raw-against-itself.csv");

const RESAMPLINGS: u64 = 400;

/// Rounds of each: as many as a full run of few servers has.
const ROUNDS: usize = 200;

/// CPU time for a message and the median response time of the three, round by round.
fn blocks() -> Vec<[[f64; 2]; 3]> {
    let rows = BLOCKS.lines().filter(|line| !line.starts_with(['#', 'c']));
    let row = |line: &str| {
        let figures: Vec<f64> = line.split(',').map(|figure| figure.parse().unwrap()).collect();
        [[figures[0], figures[1]], [figures[2], figures[3]], [figures[4], figures[5]]]
    };
    rows.map(row).collect()
}

/// Draws as many rounds as there are, each with its three processes in any order: which of them was
/// called what is chance. The second one is dearer by a factor.
fn resampled(run: &mut Run, blocks: &[[[f64; 2]; 3]], dearer: f64, seed: u64) {
    let mut random = SmallRng::seed_from_u64(seed);
    for round in 0..run.rounds_done {
        let mut block = blocks[random.random_range(0..blocks.len())];
        block.shuffle(&mut random);
        block[1][0] *= dearer;
        block[1][1] *= dearer;
        for (at, [cpu, p50]) in block.into_iter().enumerate() {
            let figures = &mut run.closed[3 * round + at];
            figures.cpu_us_per_message = Some(cpu);
            run.open[3 * round + at].response_us.p50 = p50;
        }
    }
}

/// Counts the resamplings in which the two measures of the pair differ.
fn found(dearer: f64) -> [u64; 2] {
    let blocks = blocks();
    assert!(blocks.len() >= 60, "{}", blocks.len());
    let mut run = run_of(&["raw", "mine"], ROUNDS);
    let mut bootstrap = Bootstrap::new(1);
    let mut found = [0, 0];
    for seed in 0..RESAMPLINGS {
        resampled(&mut run, &blocks, dearer, seed);
        let answers = answers_by(&run, &mut bootstrap);
        for (measure, found) in [Measure::Cpu, Measure::P50].into_iter().zip(&mut found) {
            let standing = find(&answers, "mine", measure).standing;
            *found += u64::from(matches!(standing, Standing::Dearer | Standing::Cheaper));
        }
    }
    found
}

#[test]
fn a_server_is_not_told_from_itself() {
    let found = found(1.0);
    for found in found {
        assert!(found * 100 <= 7 * RESAMPLINGS, "{found} of {RESAMPLINGS}");
    }
}

#[test]
fn three_per_cent_are_found() {
    let [cost, _] = found(1.03);
    assert!(cost * 100 >= 95 * RESAMPLINGS, "{cost} of {RESAMPLINGS}");
}
