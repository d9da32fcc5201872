//! What the loop's parts cost beside their rivals: callbacks, timers, turns, promises, tasks.
//!
//! Every iteration is one operation; operations run in batches, since no program schedules one callback
//! and stops. All is measured in several passes, each with every rival, and a ratio is the median
//! of the passes' ratios: what the machine does to one pass, it does to both sides.

mod calls;
mod promises;
mod summary;
mod tasks;
mod timers;
mod turns;
mod waiting;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};

/// The name of what is compared with the others.
const SUBJECT: &str = "oneloop";

const PASSES: usize = 3;
const SAMPLES: usize = 20;
const WARM_UP: Duration = Duration::from_millis(80);
const MEASUREMENT: Duration = Duration::from_millis(320);

/// Operations that are queued before they are run.
const BATCH: u64 = 1_000;

fn main() {
    // Where cargo puts what benches write.
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("primitives");
    // What an earlier run left would be taken for a result of this one.
    let _ = std::fs::remove_dir_all(&directory);
    for pass in 1..=PASSES {
        let mut criterion = Criterion::default()
            .sample_size(SAMPLES)
            .warm_up_time(WARM_UP)
            .measurement_time(MEASUREMENT)
            .nresamples(2_000)
            .output_directory(&directory.join(pass.to_string()))
            .configure_from_args();
        calls::bench(&mut criterion);
        timers::bench(&mut criterion);
        turns::bench(&mut criterion);
        promises::bench(&mut criterion);
        tasks::bench(&mut criterion);
        waiting::bench(&mut criterion);
    }
    // Nothing is measured when cargo only tests or lists.
    print!("{}", summary::of(&directory, PASSES));
}

/// What every callback does.
fn see(number: u64) {
    black_box(number);
}

/// Measures one contender of a group; `run_batch` does so many operations.
fn contender(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut run_batch: impl FnMut(u64)) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|operations| {
            let begun = Instant::now();
            let mut left = operations;
            while left > 0 {
                let batch = left.min(BATCH);
                run_batch(batch);
                left -= batch;
            }
            begun.elapsed()
        });
    });
}
