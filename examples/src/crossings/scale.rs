//! What a crossing is held against: calls that cross nothing, and one that enters the kernel.

use std::future::Future;
use std::hint::black_box;

use async_trait::async_trait;
use futures::executor::block_on;

/// Something of known cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yardstick {
    /// `getppid`, which does nothing but enter the kernel.
    SystemCall,
    /// A call through a pointer that the compiler cannot see through.
    DynCall,
    /// An `async fn` that waits for nothing, awaited.
    AsyncFn,
    /// The same in a box.
    BoxedFuture,
    /// The same as a method of an object, by `async-trait`.
    AsyncTrait,
}

#[async_trait(?Send)]
trait Answers {
    async fn answer(&self, number: u64) -> u64;
}

struct Plain;

#[async_trait(?Send)]
impl Answers for Plain {
    async fn answer(&self, number: u64) -> u64 {
        black_box(number)
    }
}

impl Yardstick {
    /// All, the cheapest first by expectation, the kernel last.
    pub const ALL: [Yardstick; 5] = [
        Yardstick::AsyncFn,
        Yardstick::DynCall,
        Yardstick::BoxedFuture,
        Yardstick::AsyncTrait,
        Yardstick::SystemCall,
    ];

    /// Returns the name that reports have for it.
    pub fn name(self) -> &'static str {
        match self {
            Yardstick::SystemCall => "system call (getppid)",
            Yardstick::DynCall => "dyn call",
            Yardstick::AsyncFn => "async fn call",
            Yardstick::BoxedFuture => "boxed future",
            Yardstick::AsyncTrait => "async-trait method",
        }
    }

    /// Does it so many times.
    pub fn run(self, times: u64) {
        match self {
            Yardstick::SystemCall => {
                for _ in 0..times {
                    black_box(rustix::process::getppid());
                }
            }
            Yardstick::DynCall => {
                let call: Box<dyn Fn(u64) -> u64> = black_box(Box::new(black_box));
                for number in 0..times {
                    black_box(call(number));
                }
            }
            Yardstick::AsyncFn => await_each(times, answer),
            Yardstick::BoxedFuture => {
                await_each(times, |number| black_box(Box::pin(answer(number))))
            }
            Yardstick::AsyncTrait => {
                let object: Box<dyn Answers> = black_box(Box::new(Plain));
                await_each(times, |number| object.answer(number));
            }
        }
    }
}

async fn answer(number: u64) -> u64 {
    black_box(number)
}

fn await_each<F: Future<Output = u64>>(times: u64, mut call: impl FnMut(u64) -> F) {
    block_on(async {
        for number in 0..times {
            black_box(call(number).await);
        }
    });
}
