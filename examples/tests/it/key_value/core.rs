//! The server without sockets: however its input is cut, it understands the same; and time is what the
//! test says it is.

use std::time::Duration;

use examples::key_value::core::{
    ARGUMENT_BYTES_MAX, REPLY_BYTES_AT_ONCE, REQUEST_BYTES_MAX, Requests, Session, Store,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::request;

mod expiry;

/// All that a client was understood to say, up to what could not be understood.
type Understood = (Vec<Vec<Vec<u8>>>, Option<String>);

/// Understands what comes in pieces of these lengths, again and again, and the rest at once.
fn understand(bytes: &[u8], pieces: &[usize]) -> Understood {
    let (mut requests, mut understood, mut rest) = (Requests::default(), Vec::new(), bytes);
    let mut lengths = pieces.iter().copied().cycle();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(lengths.next().unwrap_or(rest.len()).min(rest.len()));
        rest = behind;
        requests.take_in(piece);
        loop {
            match requests.next_request() {
                Ok(Some(request)) => {
                    let name = [request.name()].into_iter();
                    let words = name.chain(request.arguments()).map(<[u8]>::to_vec);
                    understood.push(words.collect());
                }
                Ok(None) => break,
                Err(error) => return (understood, Some(error.to_string())),
            }
        }
    }
    (understood, None)
}

/// Requests as programs write them, inline ones, and things that only look like either.
fn piece_of_input() -> impl Strategy<Value = Vec<u8>> {
    let arguments = vec(vec(any::<u8>(), 0..40), 1..5);
    let well_formed = arguments.prop_map(|arguments| {
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        request(&arguments)
    });
    let line = "[ -~]{0,30}(\r\n|\n)".prop_map(String::into_bytes);
    let almost = "[*$][0-9-]{0,3}\r?\n".prop_map(String::into_bytes);
    prop_oneof![6 => well_formed, 2 => line, 1 => almost, 1 => vec(any::<u8>(), 0..20)]
}

proptest! {
    #[test]
    fn any_split_of_the_input_gives_the_same_commands(
        input in vec(piece_of_input(), 0..12),
        pieces in vec(1..50_usize, 1..8),
    ) {
        let input = input.concat();
        let whole = understand(&input, &[]);
        prop_assert_eq!(&understand(&input, &[1]), &whole);
        prop_assert_eq!(&understand(&input, &pieces), &whole);
    }

    #[test]
    fn what_a_program_writes_is_understood(
        written in vec(vec(vec(any::<u8>(), 0..60), 1..6), 0..10),
        pieces in vec(1..80_usize, 1..8),
    ) {
        let input: Vec<u8> = written
            .iter()
            .flat_map(|words| request(&words.iter().map(Vec::as_slice).collect::<Vec<_>>()))
            .collect();
        prop_assert_eq!(understand(&input, &pieces), (written, None));
    }

    #[test]
    fn any_split_of_the_input_gives_the_same_replies(
        input in vec(piece_of_input(), 0..12),
        pieces in vec(1..50_usize, 1..8),
    ) {
        let input = input.concat();
        prop_assert_eq!(replies(&input, &pieces), replies(&input, &[usize::MAX]));
    }
}

fn replies(bytes: &[u8], pieces: &[usize]) -> Vec<u8> {
    let (mut session, mut store, mut told) = (Session::new(), Store::new(), Vec::new());
    let (mut rest, mut lengths) = (bytes, pieces.iter().copied().cycle());
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(lengths.next().unwrap().min(rest.len()));
        rest = behind;
        session.take_in(piece);
        told.extend(answers(&mut session, &mut store, 0));
    }
    told
}

/// All replies, at so many milliseconds.
fn answers(session: &mut Session, store: &mut Store, millis: u64) -> Vec<u8> {
    let mut told = Vec::new();
    while let Some(replies) = session.answer(store, Duration::from_millis(millis)) {
        told.extend_from_slice(&replies);
        session.give_back(replies);
    }
    told
}

/// What a store replies to a line, at so many milliseconds.
fn told(store: &mut Store, millis: u64, line: &str) -> String {
    let mut session = Session::new();
    session.take_in(format!("{line}\r\n").as_bytes());
    let told = String::from_utf8(answers(&mut session, store, millis)).unwrap();
    told.strip_suffix("\r\n").unwrap().to_owned()
}

#[test]
fn a_request_that_trickles_is_looked_at_once() {
    // Were all of it looked at with every byte, this would be 2^41 steps.
    let value = vec![b'\n'; ARGUMENT_BYTES_MAX];
    let input = request(&[b"SET", b"k", &value]);
    let (understood, error) = understand(&input, &[1]);
    assert_eq!((understood.len(), error), (1, None));
    let inline = [vec![b'x'; 60_000], b"\r\n".to_vec()].concat();
    assert_eq!(understand(&inline, &[1]).0[0][0].len(), 60_000);
}

#[test]
fn a_request_is_no_longer_than_its_limit() {
    let argument = vec![b'x'; ARGUMENT_BYTES_MAX];
    let arguments = vec![&argument[..]; REQUEST_BYTES_MAX / ARGUMENT_BYTES_MAX + 1];
    let (understood, error) = understand(&request(&arguments), &[]);
    assert_eq!((understood.len(), error.as_deref()), (0, Some("too big request")));
}

#[test]
fn replies_come_in_mouthfuls() {
    let (mut session, mut store) = (Session::new(), Store::new());
    session.take_in(&request(&[b"SET", b"k", &[b'v'; 1000]]));
    session.take_in(&request(&[b"GET", b"k"]).repeat(300));
    let replies = session.answer(&mut store, Duration::ZERO).unwrap();
    assert!((REPLY_BYTES_AT_ONCE..REPLY_BYTES_AT_ONCE + 1100).contains(&replies.len()));
    let rest = answers(&mut session, &mut store, 0);
    assert_eq!(replies.len() + rest.len(), "+OK\r\n".len() + 300 * 1009);
}

/// Redis: `securityWarningCommand`.
#[test]
fn http_is_left_without_a_word_and_its_body_is_not_executed() {
    for request in [
        "POST / HTTP/1.1\r\nHost: here\r\n\r\nSET k v\r\n",
        "post\r\nSET k v\r\n",
        "*1\r\n$4\r\nPoSt\r\nSET k v\r\n",
        "Host: here\r\nSET k v\r\n",
        "*2\r\n$5\r\nHOST:\r\n$1\r\na\r\nSET k v\r\n",
    ] {
        for pieces in [1, 7, 1000] {
            let (mut session, mut store) = (Session::new(), Store::new());
            let mut replies = Vec::new();
            for piece in request.as_bytes().chunks(pieces) {
                session.take_in(piece);
                replies.extend(answers(&mut session, &mut store, 0));
            }
            assert!(session.is_over() && replies.is_empty(), "{request:?}");
            assert!(store.is_empty(), "{request:?}");
        }
    }
    let (mut session, mut store) = (Session::new(), Store::new());
    session.take_in(b"GET / HTTP/1.1\r\nHost: here\r\n\r\nSET k v\r\n");
    let replies = answers(&mut session, &mut store, 0);
    assert_eq!(replies, b"-ERR wrong number of arguments for 'get' command\r\n");
    assert!(session.is_over() && store.is_empty());
    // A word that only begins so is any other word.
    assert!(told(&mut store, 0, "POSTER").starts_with("-ERR unknown command"));
    assert!(told(&mut store, 0, "HOST").starts_with("-ERR unknown command"));
}

#[test]
fn there_is_one_warning_of_http_a_minute() {
    let store = &mut Store::new();
    let warned = |store: &mut Store, seconds: u64| {
        let mut session = Session::new();
        session.take_in(b"POST /\r\n");
        answers(&mut session, store, seconds * 1000);
        store.take_warning(Duration::from_secs(seconds)).is_some()
    };
    assert_eq!(store.take_warning(Duration::ZERO), None);
    assert!(warned(store, 1));
    assert_eq!(store.take_warning(Duration::from_secs(1)), None);
    assert!(!warned(store, 2) && !warned(store, 60));
    assert!(warned(store, 61) && !warned(store, 62));
}

#[test]
fn commands_that_make_no_sense_say_why_and_change_nothing() {
    let store = &mut Store::new();
    told(store, 0, "SET word v");
    told(store, 0, "SET most 9223372036854775807");
    for (line, why) in [
        ("INCR word", "ERR value is not an integer or out of range"),
        ("INCR most", "ERR increment or decrement would overflow"),
        ("EXPIRE word soon", "ERR value is not an integer or out of range"),
        ("EXPIRE word 9223372036854775807", "ERR invalid expire time in 'expire' command"),
        ("SET word w EX 0", "ERR invalid expire time in 'set' command"),
        ("SET word w EX", "ERR syntax error"),
        ("SET word w EX 1 PX 1", "ERR syntax error"),
        ("SET word w NX XX", "ERR syntax error"),
        ("SET word w HARD", "ERR syntax error"),
        ("SELECT 1", "ERR DB index is out of range"),
        ("\"a\\r\\nb\"", "ERR unknown command 'a  b', with args beginning with: "),
    ] {
        assert_eq!(told(store, 0, line), format!("-{why}"), "{line}");
    }
    assert_eq!(told(store, 0, "SET word w NX"), "$-1");
    assert_eq!(told(store, 0, "SET other w XX"), "$-1");
    assert_eq!(told(store, 0, "GET word"), "$1\r\nv");
    assert_eq!(told(store, 0, "SET word w XX"), "+OK");
}

#[test]
fn a_full_store_takes_no_more_and_makes_room() {
    let store = &mut Store::with_room(1000);
    let full = "-OOM command not allowed when used memory > 'maxmemory'.";
    assert_eq!(told(store, 0, &format!("SET a {} PX 5", "x".repeat(500))), "+OK");
    assert_eq!(told(store, 0, &format!("SET b {}", "x".repeat(500))), full);
    assert_eq!(told(store, 0, &format!("SET a {}", "x".repeat(1500))), full);
    assert_eq!(told(store, 5, &format!("SET a {}", "x".repeat(900))), "+OK");
    assert_eq!(told(store, 5, "SET a x"), "+OK");
    assert_eq!(told(store, 5, &format!("SET b {}", "x".repeat(500))), "+OK");
    assert_eq!(told(store, 5, "DEL a b"), ":2");
    assert_eq!(told(store, 5, &format!("SET b {}", "x".repeat(900))), "+OK");
}
