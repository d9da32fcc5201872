//! The promises of the crawler: each written once, kept by every style, and broken by the naive one
//! where its bug says so.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use examples::Style;
use examples::crawler::{self, Options, Site, Totals, Version};

use crate::sockets;

mod framing;

use self::framing::{
    a_header_that_is_too_large_is_said_to_be, an_answer_ends_where_rfc_9112_says,
    an_answer_that_is_cut_off_is_no_page, links_lead_where_a_browser_goes,
};

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
    every_page_is_fetched_once_whatever_the_others_do,
    one_worker_comes_to_the_same_totals,
    no_more_are_fetched_at_once_than_there_are_workers,
    a_crawl_has_a_number_of_fetches,
    redirects_are_followed_so_far,
    what_is_too_large_is_not_read,
    a_crawl_that_is_late_gives_up_in_mid_operation,
    a_site_that_is_not_there_is_one_broken_page,
    an_answer_ends_where_rfc_9112_says,
    an_answer_that_is_cut_off_is_no_page,
    a_header_that_is_too_large_is_said_to_be,
    links_lead_where_a_browser_goes,
}

/// More than a page takes that behaves, even on a machine that is busy.
const FETCH_TIMEOUT: Duration = Duration::from_secs(1);

/// Crawls, and checks that nothing is left: neither on the loop nor of the sockets.
fn crawl(version: Version, options: &Options) -> Totals {
    let (totals, left) = crawler::run(version, options).unwrap();
    assert!(left.is_nothing(), "{left:?}");
    assert_eq!(sockets::open_to(options.server.port()), 0, "sockets are left");
    totals
}

/// What is to come of the whole site, but for the bytes.
fn totals_of_all() -> Totals {
    Totals {
        fetches: 49,
        // The contents, 20 plain ones, the list of the slow ones and these.
        pages: 1 + 20 + 1 + 8,
        bytes: 0,
        // Here, away, in a circle of two, and so far along a chain.
        redirects: 1 + 1 + 2 + 6,
        redirects_too_many: 1,
        refused: 1,
        // Cut short, no HTTP, reset, empty.
        broken: 4,
        // By what it says of itself, and by what it sends.
        too_large: 2,
        // One that trickles, and one that does nothing.
        timed_out: 2,
        abandoned: 0,
        unvisited: 0,
        // 44 links lead to the 20 plain pages, and one round the circle.
        duplicates: 44 - 20 + 1,
        foreign: 3,
    }
}

fn every_page_is_fetched_once_whatever_the_others_do(version: Version) {
    let site = Site::start().unwrap();
    let options = Options { fetch_timeout: FETCH_TIMEOUT, ..Options::for_site(&site) };
    let totals = crawl(version, &options);
    assert_eq!(Totals { bytes: 0, ..totals }, totals_of_all());
    let hits = site.hits();
    assert!(hits.values().all(|hits| *hits == 1), "{hits:?}");
    assert_eq!(hits.len(), totals.fetches);
    assert!(!hits.contains_key("/never"), "a page that did not come has no links");
    let plain = (1..=20).map(|number| format!("/plain/{number}"));
    let slow = (1..=8).map(|number| format!("/slow/{number}"));
    let pages = ["/", "/slow/"].map(String::from).into_iter().chain(plain).chain(slow);
    assert_eq!(totals.bytes, pages.map(|path| body_bytes(&site, &path)).sum::<usize>());
    site.stop();
}

/// Fetches a page as simply as can be.
fn body_bytes(site: &Site, path: &str) -> usize {
    let mut stream = TcpStream::connect(site.addr()).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.len()
}

fn one_worker_comes_to_the_same_totals(version: Version) {
    let site = Site::start().unwrap();
    let options = Options { workers: 1, fetch_timeout: FETCH_TIMEOUT, ..Options::for_site(&site) };
    assert_eq!(Totals { bytes: 0, ..crawl(version, &options) }, totals_of_all());
    site.stop();
}

fn no_more_are_fetched_at_once_than_there_are_workers(version: Version) {
    let site = Site::start().unwrap();
    let options = Options { root: site.url("/slow/"), workers: 3, ..Options::for_site(&site) };
    assert_eq!(crawl(version, &options).pages, 9);
    assert_eq!(site.open_max(), 3);
    site.stop();
}

fn a_crawl_has_a_number_of_fetches(version: Version) {
    let site = Site::start().unwrap();
    for fetches_max in [0, 1, 5] {
        let root = site.url("/slow/");
        let options = Options { root, fetches_max, workers: 2, ..Options::for_site(&site) };
        let totals = crawl(version, &options);
        assert_eq!((totals.fetches, totals.pages), (fetches_max, fetches_max));
        let known = if fetches_max == 0 { 1 } else { 9 };
        assert_eq!(totals.unvisited, known - fetches_max);
    }
    site.stop();
}

fn redirects_are_followed_so_far(version: Version) {
    let site = Site::start().unwrap();
    for redirects_max in [0, 1, 3] {
        let root = site.url("/hop/1");
        let totals = crawl(version, &Options { root, redirects_max, ..Options::for_site(&site) });
        assert_eq!((totals.redirects, totals.redirects_too_many), (redirects_max + 1, 1));
    }
    let circle = Options { root: site.url("/loop/a"), ..Options::for_site(&site) };
    let totals = crawl(version, &circle);
    assert_eq!((totals.fetches, totals.redirects, totals.duplicates), (2, 2, 1));
    site.stop();
}

fn what_is_too_large_is_not_read(version: Version) {
    let site = Site::start().unwrap();
    for path in ["/huge", "/endless"] {
        let (root, answer_bytes_max) = (site.url(path), 1000);
        let options = Options { root, answer_bytes_max, ..Options::for_site(&site) };
        let totals = crawl(version, &options);
        assert_eq!(totals, Totals { fetches: 1, too_large: 1, ..Totals::default() });
    }
    site.stop();
}

fn a_crawl_that_is_late_gives_up_in_mid_operation(version: Version) {
    let site = Site::start().unwrap();
    let limit = Duration::from_millis(400);
    let options = Options {
        root: site.url("/stalls/"),
        workers: 2,
        fetch_timeout: Duration::from_secs(60),
        timeout: limit,
        ..Options::for_site(&site)
    };
    let began = Instant::now();
    let totals = crawl(version, &options);
    let took = began.elapsed();
    assert!(took >= limit && took < Duration::from_secs(20), "{took:?}");
    let expected = Totals { fetches: 3, pages: 1, abandoned: 2, unvisited: 1, ..Totals::default() };
    assert_eq!(Totals { bytes: 0, ..totals }, expected);
    // It ends when its connections have ended: they are closed, not forgotten.
    site.stop();
    assert!(began.elapsed() < Duration::from_secs(20));
}

fn a_site_that_is_not_there_is_one_broken_page(version: Version) {
    let site = Site::start().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    drop(listener);
    let totals = crawl(version, &Options { server, ..Options::for_site(&site) });
    assert_eq!(totals, Totals { fetches: 1, broken: 1, ..Totals::default() });
    site.stop();
}

/// The typical bug: all is well until a page fails; then the queue is never joined.
#[test]
fn the_naive_one_never_ends_when_a_page_has_failed() {
    let site = Site::start().unwrap();
    let well = Options { root: site.url("/plain/1"), ..Options::for_site(&site) };
    assert_eq!(crawl(Version::Naive, &well).pages, 20);

    let timeout = Duration::from_secs(3);
    let broken = Options { root: site.url("/broken"), timeout, ..Options::for_site(&site) };
    let error = crawler::run(Version::Naive, &broken).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    // Whereas all others say what came of it.
    for style in [Style::Threads, Style::Callbacks, Style::Promises, Style::Async] {
        let expected = Totals { fetches: 1, broken: 1, ..Totals::default() };
        assert_eq!(crawl(Version::Good(style), &broken), expected, "{style}");
    }
    site.stop();
}
