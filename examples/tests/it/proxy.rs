//! The promises of the proxy: each written once, kept by every style, and broken by the naive one
//! where its bug says so.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use examples::Style;
use examples::proxy::{self, Options, Report, Version};

use crate::client::{connect, expect, expect_end, pattern, reset};
use crate::server::PATIENCE;

mod resets;
mod running;

use self::resets::{
    a_reset_is_passed_on_as_a_reset_and_an_end_as_an_end,
    a_reset_of_the_target_ends_a_client_that_does_not_read,
};
use self::running::{Running, end, expect_over, send};

/// Makes a test of each behaviour for each style.
macro_rules! in_every_style {
    ($($behaviour:ident,)*) => {
        $(mod $behaviour {
            in_every_style!(@ $behaviour: threads Threads, callbacks Callbacks, protocol Protocol,
                promises Promises, async_await Async, fibers Fibers);
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
    bytes_are_passed_on_unchanged,
    bytes_that_trickle_are_passed_on_at_once,
    a_reply_that_begins_after_the_end_of_the_request_arrives,
    a_target_that_ends_first_still_gets_the_rest,
    a_client_that_does_not_read_holds_up_the_target,
    a_target_that_does_not_read_holds_up_the_client,
    a_reset_of_the_client_ends_the_target,
    a_reset_of_the_target_ends_the_client,
    a_reset_is_passed_on_as_a_reset_and_an_end_as_an_end,
    a_reset_of_the_target_ends_a_client_that_does_not_read,
    a_target_that_refuses_ends_the_client,
    garbage_both_ways_is_passed_on,
    many_connections_keep_apart,
    a_stop_ends_whatever_is_under_way,
}

/// More than the kernel's buffers on the way take.
const FAR_TOO_MUCH: usize = 64 << 20;

fn bytes_are_passed_on_unchanged(version: Version) {
    let proxy = Running::start(version);
    let (mut client, mut target) = proxy.ends();
    for size in [1, 1_000, 16_383, 16_384, 16_385, 1 << 20] {
        send(&mut client, &mut target, &pattern(size, size));
        send(&mut target, &mut client, &pattern(size + 1, size));
    }
    end(&mut client, &mut target);
    drop((client, target));
    assert_eq!(proxy.finish(), Report { ended: 1, failed: 0 });
}

fn bytes_that_trickle_are_passed_on_at_once(version: Version) {
    let proxy = Running::start(version);
    let (mut client, mut target) = proxy.ends();
    for byte in pattern(0, 200).chunks(1) {
        send(&mut client, &mut target, byte);
        send(&mut target, &mut client, byte);
    }
    end(&mut client, &mut target);
    assert_eq!(proxy.finish(), Report { ended: 1, failed: 0 });
}

/// The lost tail: the request has ended, and all of the reply is still to come.
fn a_reply_that_begins_after_the_end_of_the_request_arrives(version: Version) {
    let proxy = Running::start(version);
    for size in [1, 64 << 10, 4 << 20] {
        let (mut client, mut target) = proxy.ends();
        send(&mut client, &mut target, b"all of it, please");
        client.shutdown(Shutdown::Write).unwrap();
        expect_end(&mut target);
        send(&mut target, &mut client, &pattern(size, size));
        drop(target);
        expect_end(&mut client);
    }
    assert_eq!(proxy.finish(), Report { ended: 3, failed: 0 });
}

fn a_target_that_ends_first_still_gets_the_rest(version: Version) {
    let proxy = Running::start(version);
    let (mut client, mut target) = proxy.ends();
    target.write_all(b"not a word from me").unwrap();
    target.shutdown(Shutdown::Write).unwrap();
    expect(&mut client, b"not a word from me");
    expect_end(&mut client);
    send(&mut client, &mut target, &pattern(7, 4 << 20));
    drop(client);
    expect_end(&mut target);
    assert_eq!(proxy.finish(), Report { ended: 1, failed: 0 });
}

fn a_client_that_does_not_read_holds_up_the_target(version: Version) {
    let proxy = Running::start(version);
    let (client, target) = proxy.ends();
    held_up_and_then_read(target, client);
    assert_eq!(proxy.finish().failed, 0);
}

fn a_target_that_does_not_read_holds_up_the_client(version: Version) {
    let proxy = Running::start(version);
    let (client, target) = proxy.ends();
    held_up_and_then_read(client, target);
    assert_eq!(proxy.finish().failed, 0);
}

/// Writes until nothing is taken any more, ends that side, and then reads all at the other.
fn held_up_and_then_read(mut writer: TcpStream, mut reader: TcpStream) {
    writer.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut written = 0;
    loop {
        match writer.write(&pattern(written, 64 << 10)) {
            Ok(length) => written += length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(written < FAR_TOO_MUCH, "nothing holds the writer up");
    }
    // The other direction is not held up.
    send(&mut reader, &mut writer, b"I am busy");
    writer.shutdown(Shutdown::Write).unwrap();
    for position in (0..written).step_by(64 << 10) {
        expect(&mut reader, &pattern(position, (written - position).min(64 << 10)));
    }
    expect_end(&mut reader);
}

fn a_reset_of_the_client_ends_the_target(version: Version) {
    let proxy = Running::start(version);
    let (mut client, mut target) = proxy.ends();
    send(&mut client, &mut target, b"good-bye");
    reset(client);
    expect_over(&mut target);
    others_are_served(&proxy);
    assert_eq!(proxy.finish(), Report { ended: 1, failed: 1 });
}

fn a_reset_of_the_target_ends_the_client(version: Version) {
    let proxy = Running::start(version);
    let (mut client, mut target) = proxy.ends();
    // One that resets in the middle of what it is sent.
    client.write_all(&pattern(0, 1 << 20)).unwrap();
    expect(&mut target, &pattern(0, 100));
    reset(target);
    expect_over(&mut client);
    others_are_served(&proxy);
    assert_eq!(proxy.finish(), Report { ended: 1, failed: 1 });
}

fn others_are_served(proxy: &Running) {
    let (mut client, mut target) = proxy.ends();
    send(&mut client, &mut target, b"still here?");
    end(&mut client, &mut target);
}

fn a_target_that_refuses_ends_the_client(version: Version) {
    // A port that no other can take, and on which nothing listens.
    let target = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    target.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let proxy = Running::before(version, target.into());
    expect_over(&mut connect(proxy.addr));
    assert_eq!(proxy.finish(), Report { ended: 0, failed: 1 });
}

fn garbage_both_ways_is_passed_on(version: Version) {
    let proxy = Running::start(version);
    let (mut client, mut target) = proxy.ends();
    let garbage: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let (mut writes, mut answers) = (client.try_clone().unwrap(), target.try_clone().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| writes.write_all(&garbage).unwrap());
        scope.spawn(|| answers.write_all(&garbage).unwrap());
        scope.spawn(|| expect(&mut client, &garbage));
        expect(&mut target, &garbage);
    });
    end(&mut client, &mut target);
    assert_eq!(proxy.finish(), Report { ended: 1, failed: 0 });
}

fn many_connections_keep_apart(version: Version) {
    const CROWD: usize = 50;
    let proxy = Running::start(version);
    let mut crowd: Vec<_> = (0..CROWD).map(|_| proxy.ends()).collect();
    for round in 0..3 {
        for (number, (client, target)) in crowd.iter_mut().enumerate() {
            send(client, target, &pattern(number * 1_000 + round, 500));
        }
    }
    crowd.iter_mut().for_each(|(client, target)| end(client, target));
    assert_eq!(proxy.finish(), Report { ended: CROWD, failed: 0 });
}

/// Stopped while one is idle, one is in mid-write both ways, one is half-closed and one is held up.
fn a_stop_ends_whatever_is_under_way(version: Version) {
    let proxy = Running::start(version);
    let (mut idle, mut idle_target) = proxy.ends();
    send(&mut idle, &mut idle_target, b"here");
    let (half, mut half_target) = proxy.ends();
    half.shutdown(Shutdown::Write).unwrap();
    expect_end(&mut half_target);
    let (held, _held_target) = proxy.ends();
    held.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    while (&held).write(&pattern(0, 64 << 10)).is_ok() {}
    let mut clients = [idle, half, held];
    assert_eq!(proxy.stop(), Report::default());
    clients.iter_mut().for_each(expect_over);
}

/// Its bug is the test's name, and an end in which neither has anything to say any more hides it.
#[test]
fn the_naive_proxy_loses_the_tail() {
    let proxy = Running::start(Version::Naive);
    let (mut client, mut target) = proxy.ends();
    send(&mut client, &mut target, b"all of it, please");
    client.shutdown(Shutdown::Write).unwrap();
    expect_end(&mut target);
    // A writer to it learns of it late or early; what counts is what arrives.
    let sent = pattern(0, 1 << 20);
    drop(target.write_all(&sent));
    drop(target);
    let mut arrived = Vec::new();
    drop(client.read_to_end(&mut arrived));
    assert!(arrived.len() < sent.len(), "the tail arrived");
    assert_eq!(proxy.finish(), Report { ended: 1, failed: 0 });
}

#[test]
fn the_naive_proxy_works_when_all_is_said_before_the_end() {
    let proxy = Running::start(Version::Naive);
    let (mut client, mut target) = proxy.ends();
    send(&mut client, &mut target, b"a question");
    send(&mut target, &mut client, b"an answer");
    client.shutdown(Shutdown::Write).unwrap();
    expect_end(&mut target);
    expect_over(&mut client);
    proxy.finish();
}

#[test]
fn an_address_that_is_taken_is_refused_in_every_style() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _holder = TcpListener::bind(taken).unwrap();
    let options = Options { listen: taken, target: taken, patience: PATIENCE };
    for style in proxy::PROGRAM.styles() {
        let (_stop, stopped) = UnixStream::pair().unwrap();
        let announce = |_| panic!("it listens");
        let error = proxy::run(Version::Good(style), &options, stopped, announce).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{style}");
    }
}

/// What a proxy runs before when it is given no target.
#[test]
fn the_program_of_its_own_echoes() {
    let program = examples::Program::named("proxy").unwrap();
    assert_eq!(program.name, "proxy");
    let command = (program.flags)(clap::Command::new("proxy"));
    assert!(command.clone().try_get_matches_from(["proxy"]).is_ok());
    assert!(command.try_get_matches_from(["proxy", "--listen", "nowhere"]).is_err());
}
