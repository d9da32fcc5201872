//! What the naive program breaks, and where that does not show.

use std::io::ErrorKind;

use examples::Style;
use examples::steps::{Misbehaviour, Options, Peer, run_naive};

use super::peer::*;

/// The bug that `naive_async_await.rs` is kept for: a future that is dropped runs no further.
#[test]
fn the_naive_program_never_cleans_up() {
    let stall = always("GET 7 baba", Misbehaviour::Stalls);
    for style in [Style::Threads, Style::Callbacks, Style::Promises, Style::Async] {
        in_time(|patience| {
            let cancel = |options: &mut Options| options.cancel_after = Some(SHORT * patience);
            assert!(ended(style, [stall.clone()], cancel, &ROLLED_BACK).is_err());
        });
    }
    in_time(|patience| {
        let peer = Peer::start([stall.clone()]).unwrap();
        let cancel_after = Some(SHORT * patience);
        let naive = run_naive(&Options { cancel_after, ..patient(&peer) }).unwrap();
        assert_eq!(naive.items.unwrap_err().kind(), ErrorKind::TimedOut);
        wait_until_closed(&peer);
        assert_eq!(
            peer.journal(),
            ["AUTH open sesame"],
            "nothing is rolled back or said goodbye to"
        );
    });
}

/// Where its steps fail by themselves, the bug does not show.
#[test]
fn the_naive_program_cleans_up_after_a_failure() {
    let peer = Peer::start([always("GET 7 baba", Misbehaviour::Refuses)]).unwrap();
    assert!(run_naive(&patient(&peer)).unwrap().items.is_err());
    wait_until_closed(&peer);
    assert_eq!(peer.journal(), ROLLED_BACK);
}
