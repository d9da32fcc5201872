//! C18: a callback that is called sometimes inside its call, and one that never is.

use examples::claims::{observed, within};
use examples::demonstrations::zalgo::{Cached, Value, completions};

use super::shown::assert_shows;

const ITEMS: usize = 3;

/// How often a batch is complete, inside the calls and in all.
fn completed(cached: Cached, value: Value) -> (usize, usize) {
    completions(cached, value, ITEMS).unwrap()
}

/// The same call does both: what its caller may rely on depends on a cache.
#[test]
fn c18_a_callback_that_is_sometimes_inside_the_call_completes_a_batch_too_often_at_times() {
    let (inside, often) = completed(Cached::Inline, Value::IsCached);
    let (_, once) = completed(Cached::Inline, Value::IsToCome);
    observed("C18", "items", ITEMS);
    observed("C18", "inside_the_call_inline", inside);
    observed("C18", "completions_inline_cached", often);
    observed("C18", "completions_inline_uncached", once);
    let too_often = "sometimes synchronous: a cached value completes the batch too often";
    assert!(within("C18", too_often, often as u64));
    let in_time = "sometimes synchronous: a value that is to come completes it once";
    assert!(within("C18", in_time, once as u64));
    assert_eq!((inside, often, once), (ITEMS, ITEMS, 1));
}

#[test]
fn c18_what_is_told_later_completes_a_batch_once_in_every_style() {
    for cached in [Cached::Callbacks, Cached::Promises, Cached::Async] {
        let seen = [Value::IsCached, Value::IsToCome].map(|value| completed(cached, value));
        let most = seen.iter().map(|(_, all)| *all).max().unwrap();
        observed("C18", &format!("completions_{cached:?}").to_lowercase(), most);
        let held = format!("{cached:?}: what is told later completes it once").to_lowercase();
        assert!(within("C18", &held, most as u64));
        assert_eq!(seen, [(0, 1); 2], "{cached:?}");
    }
    assert_shows(
        "zalgo",
        &[
            "inline     a batch of 3 items is complete 3 times, inside the calls",
            "callbacks  a batch of 3 items is complete once, after the calls",
            "promises   a batch of 3 items is complete once, after the calls",
            "async      a batch of 3 items is complete once, after the calls",
        ],
    );
}

/// The planted fault of what is always late is to be inside the call; that of what is sometimes
/// inside is to be always late.
#[test]
fn a_batch_comes_out_the_other_way_where_the_contract_of_its_callback_is_the_other() {
    assert_eq!(completed(Cached::Inline, Value::IsCached), (ITEMS, ITEMS));
    for late in [Cached::Callbacks, Cached::Promises, Cached::Async] {
        assert_eq!(completed(late, Value::IsCached), (0, 1));
    }
}
