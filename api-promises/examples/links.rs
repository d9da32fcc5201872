//! What a link costs in time, beside V8's promises and the combinators of futures, in one run.
//!
//! ```console
//! cargo run --release -p api-promises --example links
//! ```
//!
//! Each subject settles the head of a chain of 1,000 links, again and again, and runs it to its end;
//! then a loop written as a chain goes round. The figures are process time, the least of five rounds.
//! Node is left out where there is none.

use std::cell::Cell;
use std::hint::black_box;
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

use api_promises::{Fault, Promise, callbackify};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{LocalBoxFuture, ready};
use loop_core::{EventLoop, LoopHandle};

const LINKS: u64 = 1_000;
const CHAINS: u64 = 1_000;
const ROUNDS: u32 = 5;

/// The same on V8: a chain of `then`, and a loop of `await`.
const NODE: &str = r"
const [links, chains, rounds] = process.argv.slice(1).map(Number);
const chain = async () => {
  for (let count = 0; count < chains; count++) {
    let settle;
    let promise = new Promise((resolve) => { settle = resolve; });
    for (let link = 0; link < links; link++) promise = promise.then((sum) => sum + link);
    settle(0);
    await promise;
  }
};
const turns = async () => {
  for (let count = 0; count < chains * links; count++) await count;
};
const least = async (work) => {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const begun = process.hrtime.bigint();
    await work();
    best = Math.min(best, Number(process.hrtime.bigint() - begun) / (chains * links));
  }
  return best.toFixed(1);
};
(async () => {
  console.log('V8, a link of then:           ', await least(chain), 'ns');
  console.log('V8, a turn of await:          ', await least(turns), 'ns');
})();
";

fn main() {
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    say("a link of map", || {
        chains(&mut event_loop, |promise, link| promise.map(move |s| s + link))
    });
    say("a link of then", || {
        chains(&mut event_loop, |promise, link| promise.then(move |sum| Ok(sum + link)));
    });
    say("a turn of a loop", || turns(&mut event_loop, &handle));
    say("futures, a boxed link of map", futures_chains);
    let numbers = [LINKS, CHAINS, ROUNDS.into()].map(|number| number.to_string());
    // Where there is no Node, the rest stands.
    let _ = Command::new("node").args(["-e", NODE]).args(numbers).status();
}

/// Prints the least time that a link took.
fn say(what: &str, mut work: impl FnMut()) {
    let rounds = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        work();
        begun.elapsed().as_nanos() as f64 / (LINKS * CHAINS) as f64
    });
    let least = rounds.fold(f64::INFINITY, f64::min);
    println!("{:<30} {least:.1} ns", format!("{what}:"));
}

/// Makes chains, settles each at its head, and runs it to its end.
fn chains(
    event_loop: &mut EventLoop,
    link: impl Fn(Promise<u64, Fault>, u64) -> Promise<u64, Fault>,
) {
    for _ in 0..CHAINS {
        let (head, resolver) = Promise::with_resolvers(&event_loop.handle());
        let end = (0..LINKS).fold(head, &link);
        callbackify(end, |sum| drop(black_box(sum)));
        resolver.resolve(0);
        while event_loop.run_ready() > 0 {}
    }
}

/// Goes round a loop written as a chain.
fn turns(event_loop: &mut EventLoop, handle: &LoopHandle) {
    fn count(handle: LoopHandle, left: u64) -> Promise<(), Fault> {
        Promise::resolve(&handle.clone(), left).then(move |left| match left {
            0 => Promise::resolve(&handle, ()),
            left => count(handle, left - 1),
        })
    }
    let ended = Rc::new(Cell::new(false));
    let told = ended.clone();
    callbackify(count(handle.clone(), LINKS * CHAINS), move |_| told.set(true));
    while event_loop.run_ready() > 0 {}
    assert!(ended.get());
}

/// The combinators of futures, boxed as a promise's type is erased.
fn futures_chains() {
    for _ in 0..CHAINS {
        let head: LocalBoxFuture<'static, u64> = ready(0).boxed_local();
        let link = |future: LocalBoxFuture<'static, u64>, number| {
            future.map(move |sum| sum + number).boxed_local()
        };
        black_box(block_on((0..LINKS).fold(head, link)));
    }
}
