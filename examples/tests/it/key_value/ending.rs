//! How a conversation ends: with all that was asked, or before what was meant for another protocol.

use std::io::Read;
use std::thread;

use examples::key_value::core::ARGUMENT_BYTES_MAX;
use examples::key_value::{Report, Version};

use super::{LONG_GRACE, Running, bulk, request};
use crate::client::pattern;

/// While replies are not taken, nothing is read: the last requests are with the system when the stop comes.
pub(super) fn a_stop_answers_what_has_come_and_resets_nobody(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let (mut client, mut idle) = (server.client(), server.client());
    idle.ask("PING\r\n", "+PONG\r\n");
    let value = pattern(0, ARGUMENT_BYTES_MAX);
    client.ask(request(&[b"SET", b"big", &value]), "+OK\r\n");
    client.send(request(&[b"GET", b"big"]).repeat(32));
    client.expect("$1048576\r\n");
    client.send("INCR n\r\n".repeat(100));
    let stopping = thread::spawn(move || server.stop());
    idle.expect_end();
    client.expect([&value[..], b"\r\n"].concat());
    for _ in 1..32 {
        client.expect(bulk(&value));
    }
    client.expect((1..=100).map(|n| format!(":{n}\r\n")).collect::<String>());
    client.expect_end();
    assert_eq!(stopping.join().unwrap(), Report { clients: 2, cut_off: 0 });
}

pub(super) fn http_closes_the_connection_before_its_body_is_executed(version: Version) {
    let server = Running::start(version, LONG_GRACE);
    let mut witness = server.client();
    for head in ["POST / HTTP/1.1\r\n", "PUT / HTTP/1.1\r\nAccept: *\r\nHost: here\r\n", "post\n"] {
        let mut client = server.client();
        client.send("INCR before\r\n");
        assert_eq!(client.0.read(&mut [0; 4]).unwrap(), 4);
        client.send(format!("{head}\r\nSET k v\r\nSET k w\r\n"));
        let mut told = Vec::new();
        // A close with something unread ends the stream with a reset.
        let _ = client.0.read_to_end(&mut told);
        let told = String::from_utf8(told).unwrap();
        assert!(told.lines().all(|line| line.starts_with("-ERR unknown command '")), "{told}");
        witness.ask("EXISTS k\r\n", ":0\r\n");
    }
    witness.ask("GET before\r\n", bulk(b"3"));
    server.stop();
}
