//! Keys that are over: when they go, and what goes first.

use std::time::Duration;

use examples::key_value::core::{SWEEP_KEYS_MAX, Session, Store};

use super::told;

#[test]
fn a_key_is_over_at_its_deadline_and_not_before() {
    let store = &mut Store::new();
    assert_eq!(told(store, 0, "SET k v EX 10"), "+OK");
    assert_eq!(told(store, 9_400, "TTL k"), ":1");
    assert_eq!(told(store, 9_999, "GET k"), "$1\r\nv");
    assert_eq!(told(store, 10_000, "GET k"), "$-1");
    assert_eq!(told(store, 10_000, "TTL k"), ":-2");
    assert!(store.is_empty(), "asking for a key that is over removes it");
}

#[test]
fn a_deadline_is_replaced_kept_or_taken() {
    let store = &mut Store::new();
    told(store, 0, "SET k 1 EX 10");
    assert_eq!(told(store, 0, "INCR k"), ":2");
    assert_eq!(told(store, 0, "TTL k"), ":10");
    told(store, 0, "SET k 3 KEEPTTL");
    assert_eq!(told(store, 0, "TTL k"), ":10");
    told(store, 0, "EXPIRE k 20");
    assert_eq!(told(store, 10_000, "GET k"), "$1\r\n3");
    told(store, 10_000, "SET k 4");
    assert_eq!(told(store, 99_000, "TTL k"), ":-1");
    told(store, 99_000, "EXPIRE k 5");
    assert_eq!(told(store, 99_000, "PERSIST k"), ":1");
    assert_eq!(told(store, 99_000, "PERSIST k"), ":0");
    assert_eq!(told(store, 999_000, "GET k"), "$1\r\n4");
    assert_eq!(told(store, 999_000, "EXPIRE k -1"), ":1");
    assert_eq!(told(store, 999_000, "EXISTS k"), ":0");
    assert_eq!(store.sweep(Duration::MAX), 0, "no deadline is left behind");
}

#[test]
fn a_sweep_is_bounded_and_takes_the_earliest_first() {
    let store = &mut Store::new();
    for number in 0..SWEEP_KEYS_MAX + 10 {
        told(store, 0, &format!("SET key:{number} v PX {}", number + 1));
    }
    told(store, 0, "SET stays v");
    assert_eq!(store.sweep(Duration::ZERO), 0);
    assert_eq!(store.sweep(Duration::from_millis(5)), 5);
    assert_eq!(store.sweep(Duration::from_secs(60)), SWEEP_KEYS_MAX);
    assert_eq!(store.sweep(Duration::from_secs(60)), 5);
    assert_eq!(store.len(), 1);
}

/// A hundred and thirty thousand a second, each over after a millisecond: the store has room for some
/// thousand.
#[test]
fn values_that_are_soon_over_never_fill_the_store() {
    let (mut store, mut session) = (Store::with_room(4 << 20), Session::new());
    let value = "x".repeat(1000);
    for key in 0..60_000_u64 {
        let micros = key * 1_000_000 / 130_000;
        session.take_in(format!("SET key:{key} {value} PX 1\r\n").as_bytes());
        let replies = session.answer(&mut store, Duration::from_micros(micros)).unwrap();
        assert_eq!(replies, b"+OK\r\n", "{key}");
        session.give_back(replies);
        assert!(store.len() <= 1000, "{} keys", store.len());
    }
}

/// What is over makes room at once, and what is not is kept.
#[test]
fn a_write_that_needs_room_takes_it_from_what_is_over() {
    let store = &mut Store::with_room(30_000);
    told(store, 0, "SET stays v");
    for number in 0..150 {
        assert_eq!(told(store, 0, &format!("SET key:{number} {} PX 5", "x".repeat(80))), "+OK");
    }
    let large = "x".repeat(20_000);
    assert!(told(store, 4, &format!("SET large {large}")).starts_with("-OOM"));
    assert_eq!(store.len(), 151);
    assert_eq!(told(store, 5, &format!("SET large {large}")), "+OK");
    assert_eq!(told(store, 5, "GET stays"), "$1\r\nv");
    assert!(told(store, 5, &format!("SET larger {large}")).starts_with("-OOM"));
    assert_eq!(told(store, 5, "INCR n"), ":1");
}
