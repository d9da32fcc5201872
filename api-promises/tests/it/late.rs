//! Rejections that have some links to pass before their combinator hears of them, which is decided meanwhile.

use std::time::Duration;

use api_promises::combine::{all, any, race};
use api_promises::{CancellationToken, Fault, Promise, sleep};
use loop_core::LoopHandle;

use crate::lab::{Failing, Lab};

/// Returns a promise whose rejection is on its way.
type Late = fn(&LoopHandle) -> Failing<u64>;

/// Gives a promise to a combinator that another one decides, or a token.
type Decided = fn(&LoopHandle, Failing<u64>);

const SHAPES: [(&str, Late); 5] = [
    ("links", |handle| far(rejected(handle))),
    ("adopted", |handle| {
        let failed = handle.clone();
        Promise::<_, Fault>::resolve(handle, ()).then(move |()| far(rejected(&failed)))
    }),
    ("all", |handle| far(all(handle, [far(rejected(handle))]).map(|numbers| numbers[0]))),
    ("race", |handle| {
        let never =
            sleep(handle, Duration::from_secs(60)).map(|()| 1).map_err(|_| Fault::Cancelled);
        far(race(handle, [never, far(rejected(handle))]))
    }),
    ("shared", |handle| far(rejected(handle).share().promise())),
];

const WHOLES: [(&str, Decided); 4] = [
    ("all", |handle, late| all(handle, [late, rejected(handle)]).map(drop).detach(drop)),
    ("any", |handle, late| {
        any(handle, [late, Promise::resolve(handle, 1)]).map(drop).detach(|_| unreachable!());
    }),
    ("race", |handle, late| {
        race(handle, [late, Promise::resolve(handle, 1)]).map(drop).detach(|_| unreachable!());
    }),
    ("guard", |handle, late| {
        let token = CancellationToken::new();
        late.guard(&token).map(drop).detach(drop);
        handle.call_soon(move || token.cancel());
    }),
];

fn rejected(handle: &LoopHandle) -> Failing<u64> {
    Promise::reject(handle, Fault::Cancelled)
}

/// Puts some links behind a promise.
fn far(promise: Failing<u64>) -> Failing<u64> {
    promise.map(|n| n).map(|n| n).map(|n| n).map(|n| n)
}

#[test]
fn a_rejection_on_its_way_to_a_combinator_that_is_decided_is_no_news_however_far_it_is() {
    for (shape, late) in SHAPES {
        for (whole, decided) in WHOLES {
            let mut lab = Lab::new();
            decided(&lab.handle, late(&lab.handle));
            lab.settle();
            assert_eq!(lab.reported(), [""; 0], "{shape}, decided by {whole}");
        }
    }
}

#[test]
fn a_rejection_on_its_way_to_a_combinator_that_is_dropped_is_reported_however_far_it_is() {
    for (shape, late) in SHAPES {
        // One that is adopted is rejected in the first turn.
        for turns in 1..12 {
            let lab = &mut Lab::new();
            let whole = all(&lab.handle, [late(&lab.handle)]);
            for _ in 0..turns {
                lab.handle.call_soon(|| ());
                lab.event_loop.run_once().unwrap();
            }
            drop(whole);
            lab.settle();
            assert_eq!(lab.reported().len(), 1, "{shape}, dropped after {turns} turns");
        }
    }
}
