//! What a connection by happy eyeballs promises: each written once, kept by every style; and what the
//! naive program breaks.
//!
//! Rule: the limit of each test is far from its delays, so that a slow machine fails none.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use examples::Style;
use examples::happy_eyeballs::{Options, PROGRAM, Race, interleave, run, run_naive};

mod addresses;

use self::addresses::{Refusing, Stalled, address_of, assert_untouched, listening};

/// A delay that nothing is to wait for.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

/// Makes a test of each behaviour for each style.
macro_rules! in_every_style {
    ($($behaviour:ident,)*) => {
        $(mod $behaviour {
            in_every_style!(@ $behaviour: threads Threads, callbacks Callbacks, promises Promises,
                async_await Async);
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
    the_first_address_wins_if_it_answers_in_its_time,
    a_stalled_address_loses_to_the_next_after_the_delay,
    a_failure_starts_the_next_attempt_at_once,
    a_failure_that_comes_late_brings_nobody_forward,
    every_failure_is_told_in_the_order_of_the_addresses,
    of_no_address_there_is_no_connection,
    a_race_is_cancelled_in_its_middle,
    a_limit_of_nothing_ends_at_once,
    a_peer_that_talks_garbage_wins_all_the_same,
    a_peer_that_resets_takes_nobody_along,
    a_late_winner_closes_all_who_stalled,
    it_runs_from_the_command_line,
}

fn the_first_address_wins_if_it_answers_in_its_time(style: Style) {
    let (first, second) = (listening(), listening());
    let race = raced(style, &[address_of(&first), address_of(&second)], LONG);
    assert_eq!(race.connected.unwrap(), address_of(&first));
    assert_untouched(&second);
}

fn a_stalled_address_loses_to_the_next_after_the_delay(style: Style) {
    let (stalled, second, third) = (Stalled::new(), listening(), listening());
    let begun = Instant::now();
    let addresses = [stalled.address, address_of(&second), address_of(&third)];
    let race = raced(style, &addresses, Duration::from_millis(400));
    assert_eq!(race.connected.unwrap(), address_of(&second));
    assert!(begun.elapsed() >= Duration::from_millis(400), "the first is given its time");
    stalled.assert_abandoned();
    assert_untouched(&third);
}

fn a_failure_starts_the_next_attempt_at_once(style: Style) {
    let (first, second) = (Refusing::new(), Refusing::new());
    let last = listening();
    let begun = Instant::now();
    let race = raced(style, &[first.address, second.address, address_of(&last)], LONG);
    assert_eq!(race.connected.unwrap(), address_of(&last));
    assert!(begun.elapsed() < LONG / 2, "nothing waits for the delay");
}

/// The second attempt has its whole time, whatever becomes of the first meanwhile.
fn a_failure_that_comes_late_brings_nobody_forward(style: Style) {
    let (first, second, third) = (Stalled::new(), Stalled::new(), listening());
    let addresses = [first.address, second.address, address_of(&third)];
    // When nothing listens any more, the kernel's next try is refused, a second after its first.
    let closes = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        drop(first);
    });
    let begun = Instant::now();
    let race = raced(style, &addresses, Duration::from_millis(800));
    assert_eq!(race.connected.unwrap(), address_of(&third));
    assert!(begun.elapsed() >= Duration::from_millis(1600), "{:?}", begun.elapsed());
    closes.join().unwrap();
}

fn every_failure_is_told_in_the_order_of_the_addresses(style: Style) {
    let refusing = [Refusing::new(), Refusing::new(), Refusing::new()];
    let addresses = refusing.each_ref().map(|refusing| refusing.address);
    let errors = raced(style, &addresses, SHORT).connected.unwrap_err().errors;
    assert_eq!(errors.len(), addresses.len(), "{errors:?}");
    for (error, address) in errors.iter().zip(addresses) {
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().starts_with(&address.to_string()), "{error}");
    }
}

fn of_no_address_there_is_no_connection(style: Style) {
    assert!(raced(style, &[], SHORT).connected.unwrap_err().errors.is_empty());
}

fn a_race_is_cancelled_in_its_middle(style: Style) {
    let (stalled, refusing) = (Stalled::new(), Refusing::new());
    let addresses = vec![stalled.address, refusing.address, stalled.address, stalled.address];
    let limit = Some(Duration::from_millis(300));
    let begun = Instant::now();
    let race = run(style, &Options { addresses, delay: SHORT, limit }).unwrap();
    assert!(begun.elapsed() < LONG / 2);
    let errors = race.connected.unwrap_err().errors;
    assert!(errors.iter().any(|error| error.kind() == ErrorKind::TimedOut), "{errors:?}");
    assert!(race.left.is_nothing(), "{:?}", race.left);
    stalled.assert_abandoned();
}

/// However the end falls together with the beginning of an attempt.
fn a_limit_of_nothing_ends_at_once(style: Style) {
    let stalled = Stalled::new();
    let addresses = vec![stalled.address; 3];
    for micros in (0..2000).step_by(100) {
        let (begun, limit) = (Instant::now(), Some(Duration::from_micros(micros)));
        let delay = Duration::ZERO;
        let race = run(style, &Options { addresses: addresses.clone(), delay, limit }).unwrap();
        assert!(begun.elapsed() < LONG / 2, "nothing waits for the kernel to give up");
        let errors = race.connected.unwrap_err().errors;
        assert!(errors.iter().any(|error| error.kind() == ErrorKind::TimedOut), "{errors:?}");
        assert!(race.left.is_nothing(), "{:?}", race.left);
        stalled.assert_abandoned();
    }
}

/// What a peer says on its connection is not the race's business.
fn a_peer_that_talks_garbage_wins_all_the_same(style: Style) {
    let (rude, polite) = (listening(), listening());
    let address = address_of(&rude);
    let talks = thread::spawn(move || {
        let (mut stream, _) = rude.accept().unwrap();
        stream.write_all(&[0xff; 512]).unwrap();
        // Unread garbage makes a reset of the winner's end.
        let ended = stream.read(&mut [0; 16]);
        assert!(matches!(ended, Ok(0)) || ended.is_err(), "{ended:?}");
    });
    let race = raced(style, &[address, address_of(&polite)], LONG);
    assert_eq!(race.connected.unwrap(), address);
    talks.join().unwrap();
    assert_untouched(&polite);
}

/// A reset may come before the race has seen the connection or after it: it is a failure or a win.
fn a_peer_that_resets_takes_nobody_along(style: Style) {
    let (rude, polite) = (listening(), listening());
    let (address, other) = (address_of(&rude), address_of(&polite));
    let resets = thread::spawn(move || {
        let (stream, _) = rude.accept().unwrap();
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let race = raced(style, &[address, other], LONG);
    resets.join().unwrap();
    match race.connected {
        Ok(winner) => assert!([address, other].contains(&winner), "{winner}"),
        Err(gone) => assert_eq!(gone.errors[0].kind(), ErrorKind::NotConnected, "{gone}"),
    }
}

fn a_late_winner_closes_all_who_stalled(style: Style) {
    let stalled = [Stalled::new(), Stalled::new(), Stalled::new()];
    let last = listening();
    let mut addresses: Vec<_> = stalled.iter().map(|stalled| stalled.address).collect();
    addresses.push(address_of(&last));
    let race = raced(style, &addresses, SHORT);
    assert_eq!(race.connected.unwrap(), address_of(&last));
    stalled.iter().for_each(Stalled::assert_abandoned);
    let (mut winner, _) = last.accept().unwrap();
    assert_eq!(winner.read(&mut [0]).unwrap(), 0, "the winner is closed by its owner alone");
}

fn it_runs_from_the_command_line(style: Style) {
    let command = (PROGRAM.flags)(clap::Command::new(PROGRAM.name).no_binary_name(true));
    let matches = command.try_get_matches_from(["--delay", "20"]).unwrap();
    (PROGRAM.run)(style, &matches).unwrap();
}

/// The bug that `naive_callbacks.rs` is kept for: of what the race had begun, much goes on after it.
#[test]
fn the_naive_program_leaves_the_loser_open() {
    let (stalled, second) = (Stalled::new(), listening());
    let third = listening();
    let addresses = [stalled.address, address_of(&second), address_of(&third)];
    for style in [Style::Threads, Style::Callbacks, Style::Promises, Style::Async] {
        assert!(raced(style, &addresses, SHORT).left.is_nothing(), "{style}");
    }
    // The third address has its turn long after the second has won.
    let naive = run_naive(&options(&addresses, Duration::from_millis(500))).unwrap();
    assert_eq!(naive.connected.unwrap(), address_of(&second));
    assert_eq!(
        naive.left.snapshot.parked.len(),
        1,
        "the attempt at the stalled address is pending still"
    );
    assert_eq!(naive.left.snapshot.timed.len(), 1, "and the third is going to be tried");
}

/// The other half of the bug: a failure waits for its delay.
#[test]
fn the_naive_program_waits_after_a_failure() {
    let (refusing, second) = (Refusing::new(), listening());
    let addresses = [refusing.address, address_of(&second)];
    let delay = Duration::from_millis(400);
    let begun = Instant::now();
    assert!(run_naive(&options(&addresses, delay)).unwrap().connected.is_ok());
    assert!(begun.elapsed() >= delay);
}

#[test]
fn families_take_turns_behind_the_preferred_ones() {
    let addresses = |text: &str| -> Vec<SocketAddr> {
        text.split_whitespace().map(|address| address.parse().unwrap()).collect()
    };
    let found = addresses("[::1]:1 [::2]:1 [::3]:1 [::4]:1 1.1.1.1:1 1.1.1.2:1");
    let two_first = addresses("[::1]:1 [::2]:1 1.1.1.1:1 [::3]:1 1.1.1.2:1 [::4]:1");
    assert_eq!(interleave(&found, 2), two_first);
    let v4_first = addresses("1.1.1.1:1 1.1.1.2:1 [::1]:1");
    assert_eq!(interleave(&v4_first, 1), addresses("1.1.1.1:1 [::1]:1 1.1.1.2:1"));
    assert_eq!(interleave(&v4_first, 9), v4_first);
    assert!(interleave(&[], 1).is_empty());
}

/// Runs a race to its end; whichever has won, nothing is left of it.
fn raced(style: Style, addresses: &[SocketAddr], delay: Duration) -> Race {
    let begun = Instant::now();
    let race = run(style, &options(addresses, delay)).unwrap();
    assert!(begun.elapsed() < LONG / 2, "nothing waits for the kernel to give up");
    assert!(race.left.is_nothing(), "{:?}", race.left);
    race
}

fn options(addresses: &[SocketAddr], delay: Duration) -> Options {
    Options { addresses: addresses.to_vec(), delay, limit: None }
}
