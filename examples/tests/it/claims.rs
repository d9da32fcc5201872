//! The registry of claims: in order as it is, and each fault planted in it is found.

mod blocking;
mod faults;
mod registry;
mod starving;
mod turns;
mod waking;

use std::time::Duration;

use examples::claims::Registry;
use loop_core::{EventLoop, LoopHandle, ManualClock};

/// Makes a loop on a clock that jumps to the next deadline when the loop is idle.
fn lab() -> (EventLoop, LoopHandle) {
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    (event_loop, handle)
}

#[test]
fn every_claim_says_who_said_it_where_and_when() {
    let registry = Registry::embedded();
    let expected = (1..=6).chain(8..=23).map(|number| format!("C{number:02}"));
    let ids: Vec<_> = registry.claims.iter().map(|claim| claim.id.clone()).collect();
    assert_eq!(ids, expected.collect::<Vec<_>>());
    for claim in &registry.claims {
        assert!(!claim.source.is_empty() && claim.statement.ends_with('.'), "{}", claim.id);
        for source in &claim.source {
            let told = source.place.starts_with("https://") && !source.who.is_empty();
            assert!(told && !source.when.is_empty(), "{}: {source:?}", claim.id);
        }
    }
}
