//! The promises of the chat: each written once, kept by every style, and broken by the naive one
//! where its bug says so.

use std::io::{BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use examples::Style;
use examples::chat::{LINE_BYTES_MAX, OUTBOX_LINES_MAX, Report, Version};
use socket2::{Domain, Socket, Type};

use crate::client::reset;

mod given_up;
mod running;

use self::given_up::a_connection_that_the_kernel_gives_up_is_not_cut_off;
use self::running::{Guest, PATIENCE, Running};

/// Makes a test of each behaviour for each style.
macro_rules! in_every_style {
    ($($behaviour:ident,)*) => {
        $(mod $behaviour {
            in_every_style!(@ $behaviour: threads Threads, callbacks Callbacks, protocol Protocol,
                promises Promises, async_await Async);
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
    what_one_says_all_others_hear,
    joining_and_leaving_are_news,
    a_name_is_asked_for_until_it_will_do,
    lines_that_trickle_are_heard_whole,
    garbage_and_overlong_lines_hurt_nobody_else,
    a_long_text_at_once_drops_nobody,
    a_reset_is_a_leave,
    who_leaves_in_mid_sentence_gets_the_rest,
    a_client_that_does_not_read_is_dropped_with_notice,
    a_connection_that_the_kernel_gives_up_is_not_cut_off,
    a_stop_says_goodbye_to_all,
    a_stop_waits_for_nobody_longer_than_its_grace,
}

const LONG_GRACE: Duration = Duration::from_secs(10);
const SHORT_GRACE: Duration = Duration::from_millis(300);

fn what_one_says_all_others_hear(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let mut ada = chat.guest("ada");
    let mut others: Vec<_> = (0..20).map(|n| chat.guest(&format!("guest{n}"))).collect();
    (0..20).for_each(|n| ada.expect(&format!("* guest{n} joined")));
    ada.say("one\ntwo");
    for (n, other) in others.iter_mut().enumerate() {
        (n + 1..20).for_each(|later| other.expect(&format!("* guest{later} joined")));
        other.expect("ada: one");
        other.expect("ada: two");
    }
    others[0].say("three");
    // What came first would have been the speaker's own words.
    ada.expect("guest0: three");
    let report = stop_with(chat, others.into_iter().chain([ada]));
    assert_eq!(report, Report { joined: 21, lines: 3, dropped: 0, cut_off: 0 });
}

/// Stops a chat whose guests are well-behaved: each ends its side when it has heard the end.
fn stop_with(chat: Running, guests: impl IntoIterator<Item = Guest>) -> Report {
    let stopping = thread::spawn(move || chat.stop());
    for mut guest in guests {
        while guest.hear() != "* the chat ends" {}
        guest.expect_end();
    }
    stopping.join().unwrap()
}

fn joining_and_leaving_are_news(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let mut ada = chat.guest("ada");
    let mut bob = Guest(BufReader::new(TcpStream::connect(chat.addr).unwrap()));
    bob.expect("* who are you?");
    bob.say("bob");
    bob.expect("* here with you: ada");
    ada.expect("* bob joined");
    bob.say("/quit");
    bob.expect("* bye");
    bob.expect_end();
    ada.expect("* bob left");
    drop(bob);
    let mut carol = chat.guest("carol");
    ada.expect("* carol joined");
    // An end is a leave, too, and what is still to be heard comes before it.
    carol.0.get_ref().shutdown(Shutdown::Write).unwrap();
    carol.expect("* bye");
    carol.expect_end();
    ada.expect("* carol left");
    assert_eq!(stop_with(chat, [ada]).joined, 3);
}

fn a_name_is_asked_for_until_it_will_do(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let ada = chat.guest("ada");
    let mut other = Guest(BufReader::new(TcpStream::connect(chat.addr).unwrap()));
    other.expect("* who are you?");
    for bad in ["", "two words", "abcdefghijklmnopq", "\u{1b}[2J;"] {
        other.say(bad);
        other.expect("* a name is 1 to 16 letters or digits; who are you?");
    }
    other.say("ada");
    other.expect("* that name is taken; who are you?");
    other.say(" Bob ");
    other.expect("* here with you: ada");
    assert_eq!(stop_with(chat, [ada, other]).joined, 2);
}

fn lines_that_trickle_are_heard_whole(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let (mut ada, mut bob) = (chat.guest("ada"), chat.guest("bob"));
    ada.expect("* bob joined");
    ada.0.get_ref().set_nodelay(true).unwrap();
    for byte in "grüße\nand more\n".as_bytes() {
        ada.send(&[*byte]);
        thread::sleep(Duration::from_millis(1));
    }
    bob.expect("ada: grüße");
    bob.expect("ada: and more");
    stop_with(chat, [ada, bob]);
}

fn garbage_and_overlong_lines_hurt_nobody_else(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let mut ada = chat.guest("ada");
    let mut noisy = chat.guest("noisy");
    ada.expect("* noisy joined");
    noisy.send(b"\xff\xfe\x00\x1b[31mred\n");
    ada.expect("noisy: \u{fffd}\u{fffd}[31mred");
    noisy.send(&vec![b'x'; LINE_BYTES_MAX * 4]);
    noisy.expect("* you are dropped: that line was too long");
    noisy.expect_end();
    ada.expect("* noisy was dropped: a line was too long");
    drop(noisy);
    assert_eq!(stop_with(chat, [ada]).lines, 1);
}

fn a_long_text_at_once_drops_nobody(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let (mut ada, mut bob) = (chat.guest("ada"), chat.guest("bob"));
    ada.expect("* bob joined");
    let count = OUTBOX_LINES_MAX * 8;
    let text: String = (0..count).map(|number| format!("{number}\n")).collect();
    ada.send(text.as_bytes());
    (0..count).for_each(|number| bob.expect(&format!("ada: {number}")));
    assert_eq!(
        stop_with(chat, [ada, bob]),
        Report { joined: 2, lines: count, ..Report::default() }
    );
}

fn a_reset_is_a_leave(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let mut ada = chat.guest("ada");
    for name in ["bob", "carol"] {
        let mut guest = chat.guest(name);
        ada.expect(&format!("* {name} joined"));
        guest.send(b"half a li");
        reset(guest.0.into_inner());
        ada.expect(&format!("* {name} left"));
    }
    assert_eq!(stop_with(chat, [ada]).lines, 0);
}

fn who_leaves_in_mid_sentence_gets_the_rest(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let (mut ada, mut bob) = (chat.guest("ada"), chat.guest("bob"));
    ada.expect("* bob joined");
    bob.send(b"said\nnot said");
    bob.0.get_ref().shutdown(Shutdown::Write).unwrap();
    ada.expect("bob: said");
    ada.expect("* bob left");
    bob.expect("* bye");
    bob.expect_end();
    drop(bob);
    stop_with(chat, [ada]);
}

/// A round is less than an outbox, so that a client that reads between two rounds keeps up whatever the
/// machine does. All rounds are more than the system's buffers hold.
const ROUND_LINES: usize = OUTBOX_LINES_MAX / 4;
const ROUNDS_MAX: usize = 600;

/// Says lines until another client is dropped; returns whether that came about.
fn talk_until_one_is_dropped(speaker: &mut Guest, listener: &mut Guest) -> bool {
    let line = "x".repeat(LINE_BYTES_MAX - 1);
    for _ in 0..ROUNDS_MAX {
        speaker.send(format!("{line}\n").repeat(ROUND_LINES).as_bytes());
        speaker.say("over");
        loop {
            match listener.hear().as_str() {
                "speaker: over" => break,
                "* stalled was dropped: it did not keep up" => return true,
                _ => {}
            }
        }
    }
    false
}

/// Connects with the smallest buffer that the system allows.
fn connect_with_a_small_buffer(addr: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&addr.into()).unwrap();
    socket.into()
}

fn a_client_that_does_not_read_is_dropped_with_notice(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let mut stalled = chat.guest_of(connect_with_a_small_buffer(chat.addr), "stalled");
    let (mut listener, mut speaker) = (chat.guest("listener"), chat.guest("speaker"));
    assert!(talk_until_one_is_dropped(&mut speaker, &mut listener), "no client was dropped");
    // It is told so as well, when it reads at last.
    while stalled.hear() != "* you are dropped: you did not keep up" {}
    stalled.expect_end();
    drop(stalled);
    // The others go on.
    listener.say("who was that?");
    while speaker.hear() != "listener: who was that?" {}
    let report = stop_with(chat, [listener, speaker]);
    assert_eq!((report.dropped, report.cut_off), (1, 0));
}

/// The typical bug: what is not read is kept without a bound, and no client is dropped.
#[test]
fn the_naive_one_keeps_all_that_a_stalled_client_does_not_read() {
    let chat = Running::start(Version::Naive, SHORT_GRACE);
    let stalled = chat.guest_of(connect_with_a_small_buffer(chat.addr), "stalled");
    let (mut listener, mut speaker) = (chat.guest("listener"), chat.guest("speaker"));
    assert!(!talk_until_one_is_dropped(&mut speaker, &mut listener), "a client was dropped");
    drop((stalled, listener, speaker));
    assert_eq!(chat.stop().dropped, 0);
}

fn a_stop_says_goodbye_to_all(version: Version) {
    let chat = Running::start(version, LONG_GRACE);
    let addr = chat.addr;
    let (mut ada, mut nameless) =
        (chat.guest("ada"), Guest(BufReader::new(TcpStream::connect(addr).unwrap())));
    nameless.expect("* who are you?");
    ada.send(b"in mid sen");
    let began = Instant::now();
    let report = stop_with(chat, [ada, nameless]);
    assert!(began.elapsed() < LONG_GRACE, "no client had to be waited for");
    assert_eq!(report, Report { joined: 1, lines: 0, dropped: 0, cut_off: 0 });
    let refused = TcpStream::connect(addr).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

fn a_stop_waits_for_nobody_longer_than_its_grace(version: Version) {
    let chat = Running::start(version, SHORT_GRACE);
    // One never ends its side, one has its buffers full, one trickles on.
    let mut silent = chat.guest("silent");
    let mut stalled = chat.guest_of(connect_with_a_small_buffer(chat.addr), "stalled");
    let mut trickler = chat.guest("trickler").0.into_inner();
    stalled.say("hello");
    let trickling = thread::spawn(move || {
        let began = Instant::now();
        while began.elapsed() < PATIENCE && trickler.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    while silent.hear() != "stalled: hello" {}
    let began = Instant::now();
    let report = chat.stop();
    let took = began.elapsed();
    assert!(took >= SHORT_GRACE && took < PATIENCE / 2, "{took:?}");
    assert_eq!(report.cut_off, 3);
    trickling.join().unwrap();
}
