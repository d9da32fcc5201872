//! What the program of steps promises: each written once, kept by every style; and what the naive
//! program breaks.
//!
//! Rule: what the peer was told is compared as a whole, so that a clean-up that comes twice, never or in
//! another order is seen; and when a program has ended, it has no connection open and nothing on its loop.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use examples::STYLES;
use examples::Style;
use examples::steps::{ARGUMENT_BYTES_MAX, Fault, Misbehaviour, Options, PROGRAM, Peer, run};

mod naive;
mod peer;

use self::peer::*;

/// Makes a test of each behaviour for each style.
macro_rules! in_every_style {
    ($($behaviour:ident,)*) => {
        $(mod $behaviour {
            in_every_style!(@ $behaviour: threads Threads, callbacks Callbacks, promises Promises,
                async_await Async, fibers Fibers);
        })*
    };
    (@ $behaviour:ident: $($test:ident $style:ident),*) => {
        $(#[test]
        fn $test() {
            super::$behaviour(super::Style::$style);
        })*
    };
}

in_every_style! {
    the_items_come_in_their_order_and_are_committed,
    no_more_items_than_the_limit_are_fetched_at_once,
    a_step_that_is_refused_is_named_and_undone,
    a_step_that_stalls_ends_at_its_limit,
    a_peer_that_resets_fails_the_step,
    garbage_fails_the_step,
    a_line_without_an_end_fails_the_step,
    a_peer_that_trickles_is_heard_within_the_limit,
    a_peer_that_trickles_has_no_more_time_than_one_that_stalls,
    a_fetch_is_tried_again,
    a_server_that_is_not_there_fails_after_all_tries,
    the_deadline_of_all_steps_holds_in_each,
    a_cancel_in_mid_operation_is_cleaned_up,
    a_cancel_in_a_pause_ends_it,
    a_clean_up_that_stalls_ends_at_its_own_limit,
    no_items_are_committed_too,
    an_argument_that_would_end_its_line_is_refused_before_anything_is_said,
    an_argument_is_no_longer_than_a_request_may_be,
    it_runs_from_the_command_line,
}

fn the_items_come_in_their_order_and_are_committed(style: Style) {
    let items = ended(style, [], |_| {}, &COMMITTED).unwrap();
    assert_eq!(items, ["what 7 ali is", "what 7 baba is", "what 7 cassim is"]);
}

fn no_more_items_than_the_limit_are_fetched_at_once(style: Style) {
    let peer = Peer::start([]).unwrap();
    let items = (0..12).map(|number| number.to_string()).collect();
    let options = Options { items, at_once: 3, ..patient(&peer) };
    let report = run(style, &options).unwrap();
    assert_eq!(report.items.unwrap().len(), 12);
    let most = peer.fetching_max();
    assert!((2..=3).contains(&most), "{most} at once");
}

fn a_step_that_is_refused_is_named_and_undone(style: Style) {
    for (request, step, told) in REQUESTS {
        let fault = always(request, Misbehaviour::Refuses);
        let error = ended(style, [fault], |_| {}, told).unwrap_err();
        assert_eq!(error.to_string(), format!("{step}: not today"));
    }
}

fn a_step_that_stalls_ends_at_its_limit(style: Style) {
    for (request, step, told) in REQUESTS {
        let fault = always(request, Misbehaviour::Stalls);
        in_time(|patience| {
            let limit = |options: &mut Options| options.step_limit = BRIEF * patience;
            let error = ended(style, [fault.clone()], limit, told).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{request}");
            assert!(error.to_string().starts_with(step), "{error}");
        });
    }
}

/// A server that has reset the session is told no more; a fetch has a connection of its own.
fn a_peer_that_resets_fails_the_step(style: Style) {
    let told: [&[&str]; 3] = [&REFUSED[..1], &ROLLED_BACK, &IN_DOUBT[..2]];
    for ((request, step, _), told) in REQUESTS.into_iter().zip(told) {
        let fault = always(request, Misbehaviour::Resets);
        let error = ended(style, [fault], |_| {}, told).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{request}");
        assert!(error.to_string().starts_with(step), "{error}");
    }
}

fn garbage_fails_the_step(style: Style) {
    for (request, step, told) in REQUESTS {
        let fault = always(request, Misbehaviour::TalksGarbage);
        let error = ended(style, [fault], |_| {}, told).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{request}");
        assert!(error.to_string().starts_with(step), "{error}");
    }
}

fn a_line_without_an_end_fails_the_step(style: Style) {
    let fault = always("GET 7 cassim", Misbehaviour::TalksWithoutEnd);
    let error = ended(style, [fault], |_| {}, &ROLLED_BACK).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

fn a_peer_that_trickles_is_heard_within_the_limit(style: Style) {
    let items = ended(style, [always("", Misbehaviour::Trickles)], |_| {}, &COMMITTED).unwrap();
    assert_eq!(items.len(), 3);
}

fn a_peer_that_trickles_has_no_more_time_than_one_that_stalls(style: Style) {
    // The answer takes more than four seconds, of which every read has its byte after some milliseconds.
    let name = "x".repeat(900);
    in_time(|patience| {
        let options = |options: &mut Options| {
            options.items = vec![name.clone()];
            options.step_limit = BRIEF * patience;
        };
        let fault = always("GET", Misbehaviour::Trickles);
        let error = ended(style, [fault], options, &ROLLED_BACK).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

fn a_fetch_is_tried_again(style: Style) {
    use Misbehaviour::{Closes, Refuses, Resets, TalksGarbage};
    for what in [Resets, Closes, TalksGarbage, Refuses] {
        let twice = Fault { request: "GET 7 baba", what, times: 2 };
        let items = ended(style, [twice], |_| {}, &COMMITTED).unwrap();
        assert_eq!(items[1], "what 7 baba is", "{what:?}");
    }
}

fn a_server_that_is_not_there_fails_after_all_tries(style: Style) {
    let begun = Instant::now();
    let closed = ClosedPort::new();
    let options = Options { backoff: steady(BRIEF), ..closed.options() };
    let report = run(style, &options).unwrap();
    let error = report.items.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().starts_with("connect: "), "{error}");
    assert!(begun.elapsed() >= BRIEF * 2, "two pauses between three tries");
    assert!(report.left.is_nothing(), "{:?}", report.left);
}

fn the_deadline_of_all_steps_holds_in_each(style: Style) {
    for (request, _, told) in REQUESTS {
        let fault = always(request, Misbehaviour::Stalls);
        in_time(|patience| {
            let limit = |options: &mut Options| options.total_limit = SHORT * patience;
            let error = ended(style, [fault.clone()], limit, told).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{request}");
        });
    }
}

fn a_cancel_in_mid_operation_is_cleaned_up(style: Style) {
    for (request, _, told) in REQUESTS {
        let fault = always(request, Misbehaviour::Stalls);
        in_time(|patience| {
            let cancel = |options: &mut Options| options.cancel_after = Some(SHORT * patience);
            let error = ended(style, [fault.clone()], cancel, told).unwrap_err();
            assert!(error.to_string().contains("cancelled"), "{request}: {error}");
        });
    }
}

fn a_cancel_in_a_pause_ends_it(style: Style) {
    let closed = ClosedPort::new();
    let cancel_after = Some(SHORT);
    let options =
        Options { backoff: steady(LONG), total_limit: LONG, cancel_after, ..closed.options() };
    let begun = Instant::now();
    let report = run(style, &options).unwrap();
    assert!(report.items.unwrap_err().to_string().contains("cancelled"));
    assert!(begun.elapsed() < LONG / 2);
    assert!(report.left.is_nothing(), "{:?}", report.left);
}

fn a_clean_up_that_stalls_ends_at_its_own_limit(style: Style) {
    let fault = always("QUIT", Misbehaviour::Stalls);
    let limit = |options: &mut Options| options.clean_up_limit = BRIEF;
    assert_eq!(ended(style, [fault], limit, &COMMITTED).unwrap().len(), 3);
}

fn no_items_are_committed_too(style: Style) {
    let told = ["AUTH open sesame", "COMMIT 0", "QUIT"];
    assert!(ended(style, [], |options| options.items.clear(), &told).unwrap().is_empty());
}

fn an_argument_that_would_end_its_line_is_refused_before_anything_is_said(style: Style) {
    for control in ["\n", "\r", "\0", "\u{4}", "\t", "\u{7f}", "\u{85}"] {
        let evil = format!("ali{control}ROLLBACK");
        let peer = Peer::start([]).unwrap();
        let [mut item, mut secret] = [patient(&peer), patient(&peer)];
        item.items.push(evil.clone());
        secret.secret = evil;
        for options in [item, secret] {
            let error = run(style, &options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{control:?}");
            assert!(error.to_string().contains("has a control character"), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
        assert!(peer.journal().is_empty());
    }
    let items = vec!["two words".to_owned(), "gr\u{fc}n \u{2028}".to_owned(), String::new()];
    assert_eq!(ended(style, [], |options| options.items = items, &COMMITTED).unwrap().len(), 3);
}

fn an_argument_is_no_longer_than_a_request_may_be(style: Style) {
    let longest = vec!["x".repeat(ARGUMENT_BYTES_MAX)];
    let told = ["AUTH open sesame", "COMMIT 1", "QUIT"];
    assert_eq!(ended(style, [], |options| options.items = longest, &told).unwrap().len(), 1);
    let peer = Peer::start([]).unwrap();
    let items = vec!["x".repeat(ARGUMENT_BYTES_MAX + 1)];
    let error = run(style, &Options { items, ..patient(&peer) }).unwrap_err();
    assert_eq!(error.to_string(), "the length of the item: 1001 is not in 0..=1000");
}

/// What went wrong is said in the same words, whichever style has met it.
#[test]
fn the_words_of_an_error_are_the_same_in_every_style() {
    use Misbehaviour::{Closes, Refuses, Resets, Stalls, TalksGarbage, TalksWithoutEnd};
    let limits: [fn(&mut Options, u32); 4] = [
        |_, _| {},
        |options, patience| options.step_limit = BRIEF * patience,
        |options, patience| options.total_limit = SHORT * patience,
        |options, patience| options.cancel_after = Some(SHORT * patience),
    ];
    for (request, step, _) in REQUESTS {
        for what in [Closes, Refuses, Resets, TalksGarbage, TalksWithoutEnd, Stalls] {
            for limit in if what == Stalls { &limits[1..] } else { &limits[..1] } {
                in_time(|patience| {
                    let words = STYLES.map(|style| {
                        let peer = Peer::start([always(request, what)]).unwrap();
                        let mut options = patient(&peer);
                        limit(&mut options, patience);
                        run(style, &options).unwrap().items.unwrap_err().to_string()
                    });
                    assert!(words.iter().all(|other| *other == words[0]), "{step}: {words:?}");
                    if what != Stalls {
                        assert!(words[0].starts_with(&format!("{step}: ")), "{words:?}");
                    }
                });
            }
        }
    }
    let closed = ClosedPort::new();
    let options = Options { backoff: steady(Duration::ZERO), ..closed.options() };
    let words = STYLES.map(|style| run(style, &options).unwrap().items.unwrap_err().to_string());
    assert!(words.iter().all(|other| *other == words[0]), "{words:?}");
}

fn it_runs_from_the_command_line(style: Style) {
    let command = (PROGRAM.flags)(clap::Command::new(PROGRAM.name).no_binary_name(true));
    let matches = command.try_get_matches_from(["--failures", "2"]).unwrap();
    (PROGRAM.run)(style, &matches).unwrap();
}
