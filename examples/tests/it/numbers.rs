//! The numbers of every program: each has bounds, says them, and is refused beyond them before anything
//! begins.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use clap::Command;
use examples::steps::Peer;
use examples::{PROGRAMS, Program, STYLES, Style, TIME_MAX};
use examples::{chat, crawler, happy_eyeballs, key_value, proxy, steps};

/// Every number of the command line: program, flag, least and most.
const FLAGS: [(&str, &str, u64, u64); 12] = [
    ("chat", "--grace", 0, 86_400),
    ("crawler", "--workers", 1, 1000),
    ("crawler", "--fetches", 0, 1_000_000),
    ("crawler", "--fetch-timeout", 0, 86_400_000),
    ("crawler", "--timeout", 0, 86_400),
    ("happy-eyeballs", "--delay", 0, 86_400_000),
    ("happy-eyeballs", "--limit", 0, 86_400_000),
    ("key-value", "--clients-max", 0, 100_000),
    ("key-value", "--grace", 0, 86_400),
    ("proxy", "--patience", 0, 86_400),
    ("steps", "--at-once", 1, 1000),
    ("steps", "--failures", 0, 1_000_000),
];

/// One that has no default.
const CANCEL: (&str, &str, u64, u64) = ("steps", "--cancel", 0, 86_400_000);

fn command(program: &Program) -> Command {
    (program.flags)(Command::new(program.name).no_binary_name(true))
}

#[test]
fn a_number_beyond_its_bounds_is_refused_with_them_on_the_command_line() {
    for (name, flag, least, most) in FLAGS.into_iter().chain([CANCEL]) {
        let program = Program::named(name).unwrap();
        let parse = |text: &str| command(program).try_get_matches_from([flag, text]);
        for text in [least, most, 5].map(|number| number.to_string()) {
            assert!(parse(&text).is_ok(), "{name} {flag} {text}");
        }
        let beyond = [most + 1, u64::MAX].map(|number| number.to_string());
        let others =
            ["-1", "-99", "18446744073709551616", "99999999999999999999999", "x", "", "1x", "NaN"];
        let below = (least > 0).then(|| "0".to_owned());
        for text in beyond.into_iter().chain(others.map(str::to_owned)).chain(below) {
            let error = parse(&text).unwrap_err().to_string();
            let said = format!("{text} is not in {least}..={most}");
            assert!(error.contains(&said), "{name} {flag} {text}: {error}");
            assert!(error.contains(flag), "{error}");
        }
    }
}

/// No number is left out of the table, and each says its bounds before it is asked for them.
#[test]
fn the_help_of_every_number_says_its_bounds() {
    for program in PROGRAMS {
        for argument in command(program).get_arguments() {
            let value = argument.get_value_names().map(|names| names[0].as_str());
            let is_number = matches!(value, Some("N" | "S" | "MS" | "SECONDS"));
            let flag = argument.get_long().map(|long| format!("--{long}"));
            let known = FLAGS
                .iter()
                .chain([&CANCEL])
                .find(|(name, known, ..)| *name == program.name && flag.as_deref() == Some(known));
            assert_eq!(known.is_some(), is_number, "{} {flag:?}", program.name);
            if let Some((_, _, least, most)) = known {
                let help = argument.get_help().unwrap().to_string();
                assert!(help.contains(&format!("{least}..={most}")), "{help}");
            }
        }
    }
}

#[test]
fn a_port_that_is_none_is_refused_with_its_bounds() {
    for arguments in [
        ["chat", "--listen", "127.0.0.1:65536"],
        ["key-value", "--listen", "127.0.0.1:-1"],
        ["proxy", "--listen", "127.0.0.1:18446744073709551615"],
        ["proxy", "--target", "127.0.0.1:x"],
        ["happy-eyeballs", "--", "localhost:65536"],
        ["happy-eyeballs", "--", "localhost:"],
    ] {
        let program = Program::named(arguments[0]).unwrap();
        let error = command(program).try_get_matches_from(&arguments[1..]).unwrap_err();
        assert!(error.to_string().contains("in 0..=65535"), "{arguments:?}: {error}");
    }
}

/// Asserts that a program is refused, by the name of its number.
fn assert_refused<T>(style: Style, name: &str, ran: io::Result<T>) {
    let Err(error) = ran else { panic!("{style}: {name} is taken") };
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{style}: {error}");
    let text = error.to_string();
    assert!(
        text.starts_with(name) && text.contains(" is not in ") && text.contains("..="),
        "{text}"
    );
}

/// A stream that is readable at once, so that what is begun in error ends.
fn stopped() -> UnixStream {
    UnixStream::pair().unwrap().0
}

/// What is beyond its bounds, and the option that is made so.
type Change<O> = (&'static str, fn(&mut O));

const BEYOND: Duration = Duration::from_secs(86_401);

#[test]
fn servers_refuse_numbers_beyond_their_bounds_in_every_style() {
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let announce = |_| panic!("it listens");
    for style in STYLES {
        for time in [BEYOND, Duration::MAX] {
            let version = chat::Version::Good(style);
            let options = chat::Options { listen, grace: time };
            assert_refused(style, "grace", chat::run(version, &options, stopped(), announce));
            let version = proxy::Version::Good(style);
            let options = proxy::Options { listen, target: listen, patience: time };
            assert_refused(style, "patience", proxy::run(version, &options, stopped(), announce));
            let version = key_value::Version::Good(style);
            let options = key_value::Options { listen, clients_max: 1, grace: time };
            assert_refused(style, "grace", key_value::run(version, &options, stopped(), announce));
        }
        for clients_max in [key_value::CLIENTS_MAX + 1, usize::MAX] {
            let options = key_value::Options { listen, clients_max, grace: TIME_MAX };
            let ran =
                key_value::run(key_value::Version::Good(style), &options, stopped(), announce);
            assert_refused(style, "clients_max", ran);
        }
    }
}

#[test]
fn the_crawler_refuses_numbers_beyond_their_bounds_in_every_style() {
    let site = crawler::Site::start().unwrap();
    let changes: [Change<crawler::Options>; 8] = [
        ("workers", |options| options.workers = 40_000),
        ("workers", |options| options.workers = usize::MAX),
        ("fetches_max", |options| options.fetches_max = usize::MAX),
        ("redirects_max", |options| options.redirects_max = usize::MAX),
        ("answer_bytes_max", |options| options.answer_bytes_max = usize::MAX),
        ("fetch_timeout", |options| options.fetch_timeout = Duration::MAX),
        ("timeout", |options| options.timeout = BEYOND),
        ("timeout", |options| options.timeout = Duration::MAX),
    ];
    for style in STYLES {
        for (name, change) in changes {
            let mut options = crawler::Options::for_site(&site);
            change(&mut options);
            assert_refused(style, name, crawler::run(crawler::Version::Good(style), &options));
        }
        // At its bounds it runs, and with nothing at all it ends.
        let most = crawler::Options {
            root: site.url("/slow/"),
            workers: crawler::WORKERS_MAX,
            fetches_max: crawler::FETCHES_MAX,
            redirects_max: crawler::REDIRECTS_MAX,
            answer_bytes_max: crawler::ANSWER_BYTES_MAX,
            fetch_timeout: TIME_MAX,
            timeout: TIME_MAX,
            ..crawler::Options::for_site(&site)
        };
        let (totals, left) = crawler::run(crawler::Version::Good(style), &most).unwrap();
        assert_eq!((totals.pages, left.is_nothing()), (9, true), "{style}");
        let nothing = crawler::Options {
            workers: 0,
            answer_bytes_max: 0,
            fetch_timeout: Duration::ZERO,
            timeout: Duration::ZERO,
            ..most
        };
        let (totals, left) = crawler::run(crawler::Version::Good(style), &nothing).unwrap();
        assert_eq!((totals.pages, left.is_nothing()), (0, true), "{style}");
    }
    site.stop();
}

#[test]
fn happy_eyeballs_refuses_numbers_beyond_their_bounds_in_every_style() {
    let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let usual = happy_eyeballs::Options { addresses: vec![address], ..Default::default() };
    for style in STYLES {
        for time in [BEYOND, Duration::MAX] {
            let options = happy_eyeballs::Options { delay: time, ..usual.clone() };
            assert_refused(style, "delay", happy_eyeballs::run(style, &options));
            let options = happy_eyeballs::Options { limit: Some(time), ..usual.clone() };
            assert_refused(style, "limit", happy_eyeballs::run(style, &options));
        }
        let addresses = vec![address; happy_eyeballs::ADDRESSES_MAX + 1];
        let options = happy_eyeballs::Options { addresses, ..usual.clone() };
        assert_refused(style, "the number of addresses", happy_eyeballs::run(style, &options));
    }
}

#[test]
fn the_steps_refuse_numbers_beyond_their_bounds_in_every_style() {
    let peer = Peer::start([]).unwrap();
    let changes: [Change<steps::Options>; 11] = [
        ("at_once", |options| options.at_once = 1001),
        ("at_once", |options| options.at_once = usize::MAX),
        ("step_limit", |options| options.step_limit = BEYOND),
        ("step_limit", |options| options.step_limit = Duration::MAX),
        ("total_limit", |options| options.total_limit = Duration::MAX),
        ("clean_up_limit", |options| options.clean_up_limit = Duration::MAX),
        ("cancel_after", |options| options.cancel_after = Some(Duration::MAX)),
        ("backoff.first", |options| options.backoff.first = Duration::MAX),
        ("backoff.max", |options| options.backoff.max = Duration::MAX),
        ("backoff.attempts", |options| options.backoff.attempts = u32::MAX),
        ("the number of items", |options| options.items = vec![String::new(); 10_001]),
    ];
    for style in STYLES {
        for (name, change) in changes {
            let mut options = steps::Options::new(peer.address());
            change(&mut options);
            assert_refused(style, name, steps::run(style, &options));
        }
        let mut options = steps::Options::new(peer.address());
        for at_once in [0, steps::AT_ONCE_MAX] {
            options.at_once = at_once;
            options.total_limit = TIME_MAX;
            assert_eq!(steps::run(style, &options).unwrap().items.unwrap().len(), 3, "{style}");
        }
    }
    assert!(peer.journal().len() == STYLES.len() * 6, "{:?}", peer.journal());
}
