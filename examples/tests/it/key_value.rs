//! The promises of the key-value server: each written once, kept by every style, and broken by the
//! naive one where its bug says so.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use examples::Style;
use examples::key_value::core::{ARGUMENT_BYTES_MAX, ARGUMENTS_MAX, LINE_BYTES_MAX};
use examples::key_value::{Report, Version};

use crate::client::{pattern, reset};
use crate::server::{PATIENCE, wait_until};
use crate::sockets;

mod core;
mod differential;
mod ending;
mod pressure;
mod redis;
mod running;

use self::ending::{
    a_stop_answers_what_has_come_and_resets_nobody,
    http_closes_the_connection_before_its_body_is_executed,
};
use self::pressure::who_takes_no_replies_is_not_worked_for;
use self::running::{Running, bulk, request};

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
            super::$behaviour(super::Version::Good(super::Style::$style));
        })*
    };
}

in_every_style! {
    commands_are_answered,
    pipelined_commands_are_all_answered_in_order,
    bytes_that_trickle_are_understood,
    the_largest_arguments_come_back,
    who_ends_its_side_gets_every_reply,
    nonsense_is_told_and_closed_and_hurts_nobody_else,
    a_client_that_stalls_holds_nobody_up,
    a_reset_in_mid_request_and_in_mid_reply_leaves_nothing,
    keys_that_are_over_go_without_being_asked_for,
    one_client_too_many_is_told_so,
    who_takes_no_replies_is_not_worked_for,
    a_stop_lets_replies_be_taken,
    a_stop_answers_what_has_come_and_resets_nobody,
    http_closes_the_connection_before_its_body_is_executed,
    a_stop_waits_for_nobody_longer_than_its_grace,
}

const LONG_GRACE: Duration = Duration::from_secs(20);
const SHORT_GRACE: Duration = Duration::from_millis(200);

fn commands_are_answered(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut client = server.client();
    client.ask("PING\r\n", "+PONG\r\n");
    client.ask(request(&[b"ping", b"a\r\nb"]), bulk(b"a\r\nb"));
    client.ask(request(&[b"GET", b"key"]), "$-1\r\n");
    client.ask(request(&[b"Set", b"key", b"value"]), "+OK\r\n");
    client.ask(request(&[b"GET", b"key"]), bulk(b"value"));
    client.ask("INCR n\r\n", ":1\r\n");
    client.ask("INCR n\r\n", ":2\r\n");
    client.ask("EXPIRE n 100\r\n", ":1\r\n");
    client.ask("TTL n\r\n", ":100\r\n");
    client.ask("DEL key n nobody\r\n", ":2\r\n");
    client.ask("SET k v EX 1000\r\n", "+OK\r\n");
    client.ask("TTL k\r\n", ":1000\r\n");
    client.ask("FLY away\r\n", "-ERR unknown command 'FLY', with args beginning with: 'away' \r\n");
    client.ask("GET\r\n", "-ERR wrong number of arguments for 'get' command\r\n");
    client.ask("CONFIG GET save\r\n", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
    client.ask("COMMAND DOCS\r\n", "*0\r\n");
    // Every client sees the same keys.
    server.client().ask("GET k\r\n", bulk(b"v"));
    client.ask("QUIT\r\n", "+OK\r\n");
    client.expect_end();
    assert_eq!(server.stop(), Report { clients: 2, cut_off: 0 });
}

fn pipelined_commands_are_all_answered_in_order(version: Version) {
    const COUNT: usize = 10_000;
    let server = Running::start(version, LONG_GRACE);
    let mut client = server.client();
    let mut writer = client.0.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || writer.write_all(&request(&[b"INCR", b"n"]).repeat(COUNT)).unwrap());
        let replies: String = (1..=COUNT).map(|n| format!(":{n}\r\n")).collect();
        client.expect(replies);
    });
    server.stop();
}

fn bytes_that_trickle_are_understood(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut client = server.client();
    let requests = [request(&[b"SET", b"slow", b"but\r\nsure"]), b"GET slow\r\n".to_vec()].concat();
    for byte in requests {
        client.send([byte]);
    }
    client.expect("+OK\r\n");
    client.expect(bulk(b"but\r\nsure"));
    server.stop();
}

fn the_largest_arguments_come_back(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut client = server.client();
    let (key, value) = (pattern(1, ARGUMENT_BYTES_MAX), pattern(2, ARGUMENT_BYTES_MAX));
    client.ask(request(&[b"SET", &key, &value]), "+OK\r\n");
    client.ask(request(&[b"GET", &key]), bulk(&value));
    client.ask(request(&[b"DEL", &key]), ":1\r\n");
    server.stop();
}

fn who_ends_its_side_gets_every_reply(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut client = server.client();
    let value = pattern(0, 256 << 10);
    client.ask(request(&[b"SET", b"big", &value]), "+OK\r\n");
    client.send(request(&[b"GET", b"big"]).repeat(64));
    client.0.shutdown(Shutdown::Write).unwrap();
    for _ in 0..64 {
        client.expect(bulk(&value));
    }
    client.expect_end();
    server.stop();
}

fn nonsense_is_told_and_closed_and_hurts_nobody_else(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut witness = server.client();
    witness.ask("SET k v\r\n", "+OK\r\n");
    let overlong = format!("*2\r\n$3\r\nGET\r\n${}\r\n", ARGUMENT_BYTES_MAX + 1);
    let overmany = format!("*{}\r\n", ARGUMENTS_MAX + 1);
    let cases = [
        ("*1000000000000\r\n", "invalid multibulk length"),
        (&overmany, "invalid multibulk length"),
        ("*99999999999999999999999999999\r\n", "invalid multibulk length"),
        ("*111111111111111111111111111111111", "too big mbulk count string"),
        ("*1\r\n$111111111111111111111111111111111", "too big bulk count string"),
        ("*1x\r\n", "invalid multibulk length"),
        ("*1\r\n+OK\r\n", "expected '$', got '+'"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        (&overlong, "invalid bulk length"),
        ("SET \"k\r\n", "unbalanced quotes in request"),
    ];
    for (nonsense, why) in cases {
        let mut client = server.client();
        // What was right before it is answered, and what follows it is not.
        client.send(format!("PING\r\n{nonsense}"));
        client.expect(format!("+PONG\r\n-ERR Protocol error: {why}\r\n"));
        client.expect_end();
        witness.ask("GET k\r\n", bulk(b"v"));
    }
    let mut client = server.client();
    client.send(vec![b'x'; LINE_BYTES_MAX + 1]);
    client.expect("-ERR Protocol error: too big inline request\r\n");
    server.stop();
}

fn a_client_that_stalls_holds_nobody_up(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut stalled = server.client();
    stalled.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nthe rest will");
    let mut other = server.client();
    other.ask("GET k\r\n", "$-1\r\n");
    // The end waits for no request that has not all come.
    assert_eq!(server.stop(), Report { clients: 2, cut_off: 0 });
    stalled.expect_end();
}

fn a_reset_in_mid_request_and_in_mid_reply_leaves_nothing(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut witness = server.client();
    witness.ask(request(&[b"SET", b"big", &pattern(0, ARGUMENT_BYTES_MAX)]), "+OK\r\n");
    for round in 0..10 {
        let mut client = server.client();
        if round % 2 == 0 {
            client.send("*2\r\n$4\r\nINCR\r\n$1\r\n");
        } else {
            client.send(request(&[b"GET", b"big"]).repeat(32));
            client.expect("$1048576\r\n");
        }
        reset(client.0);
    }
    witness.ask("PING\r\n", "+PONG\r\n");
    wait_until("only the witness is connected", PATIENCE, || {
        let port = server.addr.port();
        // The listener is a socket as well.
        sockets::open_at(port) <= 2 && sockets::open_to(port) == 1
    });
    assert_eq!(server.stop(), Report { clients: 11, cut_off: 0 });
}

fn keys_that_are_over_go_without_being_asked_for(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut client = server.client();
    for number in 0..50 {
        client.ask(format!("SET short:{number} v PX 50\r\n"), "+OK\r\n");
    }
    client.ask("SET long v EX 100\r\n", "+OK\r\n");
    wait_until("only one key is left", PATIENCE, || {
        client.send("DBSIZE\r\n");
        let mut told = [0; 32];
        let length = client.0.read(&mut told).unwrap();
        &told[..length] == b":1\r\n"
    });
    client.ask("GET short:0\r\n", "$-1\r\n");
    client.ask("GET long\r\n", bulk(b"v"));
    server.stop();
}

fn one_client_too_many_is_told_so(version: Version) {
    let server = Running::start_for(version, LONG_GRACE, 2);
    let mut clients = [server.client(), server.client()];
    clients.iter_mut().for_each(|client| client.ask("PING\r\n", "+PONG\r\n"));
    let mut third = server.client();
    third.expect("-ERR max number of clients reached\r\n");
    third.expect_end();
    let [mut first, second] = clients;
    drop(second);
    wait_until("there is room again", PATIENCE, || {
        let mut client = server.client();
        client.send("PING\r\n");
        let mut told = [0; 7];
        client.0.read_exact(&mut told).is_ok_and(|()| &told == b"+PONG\r\n")
    });
    first.ask("PING\r\n", "+PONG\r\n");
    server.stop();
}

fn a_stop_lets_replies_be_taken(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let (mut client, mut idle) = (server.client(), server.client());
    idle.ask("PING\r\n", "+PONG\r\n");
    let value = pattern(0, ARGUMENT_BYTES_MAX);
    client.ask(request(&[b"SET", b"big", &value]), "+OK\r\n");
    client.send(request(&[b"GET", b"big"]).repeat(32));
    // From here on all of them have been taken in: they have come in one piece.
    client.expect("$1048576\r\n");
    let (addr, stopping) = (server.addr, thread::spawn(move || server.stop()));
    idle.expect_end();
    client.expect([&value[..], b"\r\n"].concat());
    for _ in 1..32 {
        client.expect(bulk(&value));
    }
    client.expect_end();
    assert_eq!(stopping.join().unwrap(), Report { clients: 2, cut_off: 0 });
    assert_eq!(TcpStream::connect(addr).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

fn a_stop_waits_for_nobody_longer_than_its_grace(version: Version) {
    let server = Running::start(version, SHORT_GRACE);
    let mut client = server.client();
    client.ask(request(&[b"SET", b"big", &pattern(0, ARGUMENT_BYTES_MAX)]), "+OK\r\n");
    client.send(request(&[b"GET", b"big"]).repeat(32));
    client.expect("$1048576\r\n");
    assert_eq!(server.stop(), Report { clients: 1, cut_off: 1 });
}
