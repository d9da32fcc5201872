//! A small site with all that a crawler meets: pages and redirects, and those that do not behave.
//!
//! Rule: it is no example of a server. It has a thread for each connection, counts what it is asked
//! for, and gives up a connection when its peer does.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

use super::url::Url;

/// How long a slow page lets wait.
const SLOW: Duration = Duration::from_millis(30);
/// Between two bytes of a page that trickles.
const TRICKLE: Duration = Duration::from_millis(5);
/// After that, a peer that neither reads nor leaves is left alone.
const PATIENCE: Duration = Duration::from_secs(20);

const PLAIN_PAGES: usize = 20;
const SLOW_PAGES: usize = 8;

/// A site that is served on this machine, from a thread of its own.
#[derive(Debug)]
pub struct Site {
    addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    thread: JoinHandle<()>,
}

/// What the site was asked for.
#[derive(Debug, Default)]
struct Seen {
    hits: BTreeMap<String, usize>,
    open: usize,
    open_max: usize,
    stopping: bool,
}

/// How the site answers.
enum Answer {
    /// With these bytes.
    Whole(Vec<u8>),
    /// With these bytes, after a while.
    Slow(Vec<u8>),
    /// With these bytes over and over again.
    Endless(Vec<u8>),
    /// With single bytes, for ever.
    Trickle,
    /// Not at all.
    Stall,
    /// With a reset in the middle.
    Reset,
}

impl Site {
    /// Serves the site on a port that the system chooses.
    ///
    /// # Errors
    /// When there is no port, or no thread.
    pub fn start() -> io::Result<Site> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (addr, seen) = (listener.local_addr()?, Arc::<Mutex<Seen>>::default());
        let serving = seen.clone();
        let thread = thread::Builder::new().spawn(move || accept(&listener, &serving))?;
        Ok(Site { addr, seen, thread })
    }

    /// Returns where the site is served.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the address of the page that leads to all others.
    pub fn root(&self) -> Url {
        self.url("/")
    }

    /// Returns the address of a page.
    pub fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.addr).parse().expect("a path makes an address")
    }

    /// Returns how often each page was asked for.
    pub fn hits(&self) -> BTreeMap<String, usize> {
        lock(&self.seen).hits.clone()
    }

    /// Returns how many connections were open at once, at most.
    pub fn open_max(&self) -> usize {
        lock(&self.seen).open_max
    }

    /// Ends the site when its connections have ended.
    pub fn stop(self) {
        lock(&self.seen).stopping = true;
        // Only a connection ends a blocked accept.
        drop(TcpStream::connect(self.addr));
        drop(self.thread.join());
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("nothing panics while it holds the counts")
}

fn accept(listener: &TcpListener, seen: &Mutex<Seen>) {
    thread::scope(|scope| {
        while let Ok((stream, _peer)) = listener.accept() {
            if lock(seen).stopping {
                return;
            }
            let serve = move || {
                let mut counts = lock(seen);
                counts.open += 1;
                counts.open_max = counts.open_max.max(counts.open);
                drop(counts);
                // How a connection ended is the crawler's concern.
                drop(serve(stream, seen));
            };
            // A client without a thread is not served: the connection is closed.
            drop(thread::Builder::new().spawn_scoped(scope, serve));
        }
    });
}

fn serve(mut stream: TcpStream, seen: &Mutex<Seen>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let path = read_path(&mut stream)?;
    *lock(seen).hits.entry(path.clone()).or_default() += 1;
    let answered = write(&mut stream, answer(&path));
    // Before the peer knows that it was answered: it opens the next connection then.
    lock(seen).open -= 1;
    answered?;
    stream.shutdown(Shutdown::Write)?;
    wait_for_end(&mut stream)
}

/// Reads a request, and returns the path that it asks for.
fn read_path(stream: &mut TcpStream) -> io::Result<String> {
    let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
    while !request.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..length]);
    }
    let request = String::from_utf8_lossy(&request);
    Ok(request.split(' ').nth(1).unwrap_or_default().to_owned())
}

fn write(stream: &mut TcpStream, answer: Answer) -> io::Result<()> {
    match answer {
        Answer::Whole(bytes) => stream.write_all(&bytes),
        Answer::Slow(bytes) => {
            thread::sleep(SLOW);
            stream.write_all(&bytes)
        }
        Answer::Endless(bytes) => loop {
            stream.write_all(&bytes)?;
        },
        Answer::Trickle => {
            stream.write_all(b"HTTP/1.0 200 OK\r\nX-Trickle: ")?;
            loop {
                stream.write_all(b"x")?;
                thread::sleep(TRICKLE);
            }
        }
        Answer::Stall => wait_for_end(stream),
        Answer::Reset => {
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n<a href='/never'>")?;
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

/// Waits until the peer has ended its side.
fn wait_for_end(stream: &mut TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 1024])? > 0 {}
    Ok(())
}

/// Returns what the site answers to a request of a path.
fn answer(path: &str) -> Answer {
    let number = |prefix: &str| path.strip_prefix(prefix)?.parse::<usize>().ok();
    if let Some(number) = number("/plain/").filter(|number| *number <= PLAIN_PAGES) {
        let next = format!("<a href='{}'>", (number + 1).min(PLAIN_PAGES));
        return Answer::Whole(page(&format!("{next}<a href='/plain/{}'>", number.div_ceil(2))));
    }
    if number("/slow/").is_some() {
        return Answer::Slow(page("<p>well"));
    }
    if let Some(number) = number("/hop/") {
        return Answer::Whole(redirect(&format!("/hop/{}", number + 1)));
    }
    match path {
        "/" => Answer::Whole(page(&contents())),
        "/slow/" => Answer::Whole(page(&list("/slow/", SLOW_PAGES))),
        "/stalls/" => {
            Answer::Whole(page("<a href='/stall?1'><a href='/stall?2'><a href='/stall?3'>"))
        }
        "/redirect" => Answer::Whole(redirect("plain/3")),
        "/away" => Answer::Whole(redirect("http://elsewhere.invalid/")),
        "/loop/a" => Answer::Whole(redirect("b")),
        "/loop/b" => Answer::Whole(redirect("a")),
        "/broken" => {
            Answer::Whole(b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n<a href='/x'>".into())
        }
        "/garbage" => Answer::Whole(b"\x16\x03\x01 this is no page\r\n\r\n".into()),
        "/reset" => Answer::Reset,
        "/empty" => Answer::Whole(Vec::new()),
        "/huge" => Answer::Whole(b"HTTP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n".into()),
        "/endless" => Answer::Endless(page("<a href='/endless'>").repeat(100)),
        "/trickle" => Answer::Trickle,
        path if path.starts_with("/stall") => Answer::Stall,
        _ => Answer::Whole(b"HTTP/1.0 404 Not Found\r\n\r\n<a href='/never'>".into()),
    }
}

/// Links to every page that there is, some of them in several ways.
fn contents() -> String {
    let others = [
        "slow/",
        "/redirect",
        "/away",
        "/loop/a",
        "/hop/1",
        "/missing",
        "/broken",
        "/garbage",
        "/reset",
        "/empty",
        "/huge",
        "/endless",
        "/trickle",
        "/stall",
        "plain/1#here",
        "./plain/../plain/1",
        "http://elsewhere.invalid/",
        "mailto:ann@elsewhere.invalid",
    ];
    let others: String = others.iter().map(|link| format!("<a href=\"{link}\">")).collect();
    list("/plain/", 1) + &others
}

fn list(prefix: &str, count: usize) -> String {
    (1..=count).map(|number| format!("<li><a href='{prefix}{number}'>{number}</a>")).collect()
}

/// A page whose header does not say how long it is: it ends with its connection.
fn page(body: &str) -> Vec<u8> {
    format!("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n{body}").into_bytes()
}

fn redirect(location: &str) -> Vec<u8> {
    format!("HTTP/1.0 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}
