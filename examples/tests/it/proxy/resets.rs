//! A reset of one side is one for the other, and an end is an end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use examples::proxy::{Report, Version};

use super::{Running, others_are_served, send};
use crate::client::{expect_end, pattern, reset};
use crate::server::{PATIENCE, wait_until};

/// Reads until a connection is reset: an end would say that all is well.
fn expect_reset(stream: &mut TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(1..) => {}
            Ok(0) => panic!("the connection has ended in order"),
            Err(error) => return assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }
}

pub(super) fn a_reset_is_passed_on_as_a_reset_and_an_end_as_an_end(version: Version) {
    let proxy = Running::start(version);
    let mut failed = 0;
    // Idle; with something on its way to either side; and when one side has ended in order.
    for (sends_to_client, sends_to_target, half_ends) in
        [(0, 0, false), (1 << 20, 0, false), (0, 1 << 20, false), (100, 100, false), (0, 0, true)]
    {
        for client_resets in [true, false] {
            let (client, target) = proxy.ends();
            let (mut resets, mut other) =
                if client_resets { (client, target) } else { (target, client) };
            send(&mut resets, &mut other, b"good-bye");
            if half_ends {
                other.shutdown(Shutdown::Write).unwrap();
                expect_end(&mut resets);
            }
            resets.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
            other.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
            let _ = resets.write(&pattern(0, sends_to_target));
            let _ = other.write(&pattern(0, sends_to_client));
            reset(resets);
            expect_reset(&mut other);
            failed += 1;
        }
    }
    others_are_served(&proxy);
    assert_eq!(proxy.finish(), Report { ended: 1, failed });
}

/// The direction to the client is held up; the other learns of the reset, and ends both.
pub(super) fn a_reset_of_the_target_ends_a_client_that_does_not_read(version: Version) {
    let proxy = Running::start(version);
    let (mut client, mut target) = proxy.ends();
    target.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    while target.write(&pattern(0, 64 << 10)).is_ok() {}
    reset(target);
    // A peer that is told something learns that nothing is there.
    client.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let told = || client.write(b"are you there?").is_err();
    wait_until("the client is reset", PATIENCE, told);
    others_are_served(&proxy);
    assert_eq!(proxy.finish(), Report { ended: 1, failed: 1 });
}
