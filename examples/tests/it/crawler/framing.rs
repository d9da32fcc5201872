//! What is an answer and what is none: one page from a server that says what the test wants.
//!
//! Rule: the server keeps its connection open unless the test says otherwise, so that a client that waits for more
//! than there is comes too late.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use examples::crawler::{Options, Site, Totals, Version};

use super::{FETCH_TIMEOUT, crawl};

/// A server of one page, which takes one connection after the other until it is asked for `/stop`.
struct Server {
    addr: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    fn start(answer: impl Into<Vec<u8>>, ends: bool) -> Server {
        let (answer, listener) = (answer.into(), TcpListener::bind("127.0.0.1:0").unwrap());
        let addr = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let mut asked = Vec::new();
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let (mut stream, mut request) = (stream.unwrap(), Vec::new());
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.push(byte[0]);
                }
                let request = String::from_utf8(request).unwrap();
                if request.starts_with("GET /stop ") {
                    return asked;
                }
                asked.push(request);
                // A client that has what it wants may be gone before the last byte.
                let _ = stream.write_all(&answer);
                if ends {
                    let _ = stream.shutdown(Shutdown::Write);
                }
                open.push(stream);
            }
            asked
        });
        Server { addr, thread }
    }

    fn options(&self, site: &Site) -> Options {
        Options {
            server: self.addr,
            root: format!("http://{}/", self.addr).parse().unwrap(),
            fetch_timeout: FETCH_TIMEOUT,
            ..Options::for_site(site)
        }
    }

    /// Ends the server; returns what it was asked.
    fn stop(self) -> Vec<String> {
        let mut stream = std::net::TcpStream::connect(self.addr).unwrap();
        stream.write_all(b"GET /stop HTTP/1.0\r\n\r\n").unwrap();
        self.thread.join().unwrap()
    }
}

/// Crawls one page that is answered so, with its connection kept open or not.
fn totals(version: Version, answer: &[u8], ends: bool) -> Totals {
    let site = Site::start().unwrap();
    let server = Server::start(answer, ends);
    let totals = crawl(version, &Options { fetches_max: 1, ..server.options(&site) });
    assert_eq!(server.stop().len(), 1);
    site.stop();
    Totals { foreign: 0, duplicates: 0, unvisited: 0, ..totals }
}

fn page(bytes: usize) -> Totals {
    Totals { fetches: 1, pages: 1, bytes, ..Totals::default() }
}

fn broken() -> Totals {
    Totals { fetches: 1, broken: 1, ..Totals::default() }
}

/// Each answer, and the bytes of its page, or none if it is no page.
const ANSWERS: [(&str, Option<usize>); 16] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Some(5)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", Some(5)),
    ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", None),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello", None),
    ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello", None),
    ("HTTP/1.1 204 No Content\r\n\r\n", Some(0)),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Some(0)),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Some(5)),
    ("HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Some(0)),
    ("HTTP/1.1 101 Switching Protocols\r\n\r\n", None),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Some(5)),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
        Some(5),
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello", None),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", None),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", None),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", None),
];

pub(super) fn an_answer_ends_where_rfc_9112_says(version: Version) {
    for (answer, bytes) in ANSWERS {
        let expected = bytes.map_or_else(broken, page);
        assert_eq!(totals(version, answer.as_bytes(), false), expected, "{answer}");
    }
    let refused = Totals { fetches: 1, refused: 1, ..Totals::default() };
    let unchanged = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(totals(version, unchanged, false), refused);
}

pub(super) fn an_answer_that_is_cut_off_is_no_page(version: Version) {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
    ] {
        assert_eq!(totals(version, answer.as_bytes(), true), broken(), "{answer}");
    }
    let until_the_end = b"HTTP/1.1 200 OK\r\n\r\nhello";
    assert_eq!(totals(version, until_the_end, true), page(5));
}

pub(super) fn a_header_that_is_too_large_is_said_to_be(version: Version) {
    let too_large = Totals { fetches: 1, too_large: 1, ..Totals::default() };
    for fields in ["A: b\r\n".repeat(200), format!("A: {}\r\n", "b".repeat(50_000))] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
        assert_eq!(totals(version, answer.as_bytes(), false), too_large, "{:.40}", fields);
    }
}

/// What is asked for, in order, by a page whose links are written as none should be.
pub(super) fn links_lead_where_a_browser_goes(version: Version) {
    let html = "<!--><a href='/a/./b/../c?x=1&amp;y=2#top'><!-- <a href=/no> -->\
        <script>'<a href=/no>'</script><title><a href=/no></title>\
        <a href=\" \n d e \"><a href='http:f'><a href='\\g'><a href='http://user@HOST/h'>\
        <a href='https://host/no'><a href='mailto:no@host'><a href='http://host:80/h'>\
        <a href='gr\u{fc}n?gr\u{fc}n'><base href='/base/'><base href='/no/'>";
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{html}", html.len());
    let (site, server) = (Site::start().unwrap(), Server::start(answer, false));
    let root = "http://Host/".parse().unwrap();
    let options = Options { root, workers: 1, fetches_max: 7, ..server.options(&site) };
    crawl(version, &options);
    let asked = server.stop();
    let paths =
        ["/", "/a/c?x=1&y=2", "/base/d%20e", "/base/f", "/g", "/h", "/base/gr%C3%BCn?gr%C3%BCn"];
    let expected = paths.map(|path| format!("GET {path} HTTP/1.0\r\nHost: host\r\n\r\n"));
    assert_eq!(asked, expected);
    site.stop();
}
