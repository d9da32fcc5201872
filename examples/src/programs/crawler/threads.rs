//! The crawler with threads: workers that share a frontier and a condition.

use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::frontier::{Frontier, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::url::Url;
use super::{Options, Totals};

struct Crawl<'a> {
    options: &'a Options,
    deadline: Instant,
    frontier: Mutex<Frontier>,
    /// Told when a page has been fetched: there may be more, or no more.
    changed: Condvar,
}

// ANCHOR: crawl
/// Crawls a site with so many workers, and returns the totals.
pub(super) fn crawl(options: &Options) -> io::Result<Totals> {
    let crawl = Crawl {
        options,
        deadline: Instant::now() + options.timeout,
        frontier: Mutex::new(Frontier::new(options)),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 0..options.workers {
            let worker = thread::Builder::new().spawn_scoped(scope, || crawl.work());
            // Those that work already are to find nothing more to do.
            worker.inspect_err(|_| crawl.give_up())?;
        }
        Ok(())
    })
    .map(|()| crawl.frontier().totals())
}
// ANCHOR_END: crawl

impl Crawl<'_> {
    // ANCHOR: work
    /// Fetches pages until there are no more.
    fn work(&self) {
        let mut frontier = self.frontier();
        loop {
            match frontier.next() {
                Next::Fetch(job) => {
                    drop(frontier);
                    let result = self.fetch(&job.url);
                    frontier = self.frontier();
                    // Nothing can end a thread that is blocked: it looks at the clock when it is not.
                    if Instant::now() >= self.deadline {
                        frontier.give_up();
                    }
                    frontier.done(&job, result);
                    self.changed.notify_all();
                }
                Next::Wait => {
                    frontier = self.changed.wait(frontier).expect("nothing panics while it waits");
                }
                Next::Over => return,
            }
        }
    }
    // ANCHOR_END: work

    // ANCHOR: fetch
    /// Fetches a page within its time: what is left of it bounds every wait.
    fn fetch(&self, url: &Url) -> Result<Response, FetchError> {
        let deadline = self.deadline.min(Instant::now() + self.options.fetch_timeout);
        let mut stream = TcpStream::connect_timeout(&self.options.server, until(deadline)?)?;
        stream.set_write_timeout(Some(until(deadline)?))?;
        stream.write_all(&request(url))?;
        self.read(&mut stream, deadline)
    }
    // ANCHOR_END: fetch

    // ANCHOR: read
    fn read(&self, stream: &mut TcpStream, deadline: Instant) -> Result<Response, FetchError> {
        let mut reader = ResponseReader::new(self.options.answer_bytes_max);
        let mut buffer = [0; 16 * 1024];
        loop {
            stream.set_read_timeout(Some(until(deadline)?))?;
            let length = match stream.read(&mut buffer) {
                Ok(0) => return reader.end(),
                Ok(length) => length,
                // The system's clock is coarser than ours: whether the time is over, ours says.
                Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(response) = reader.push(&buffer[..length])? {
                return Ok(response);
            }
        }
    }
    // ANCHOR_END: read

    fn give_up(&self) {
        self.frontier().give_up();
        self.changed.notify_all();
    }

    fn frontier(&self) -> MutexGuard<'_, Frontier> {
        self.frontier.lock().expect("nothing panics while it holds the frontier")
    }
}

/// Returns how long it is until a deadline that has not passed.
fn until(deadline: Instant) -> Result<Duration, FetchError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(FetchError::TimedOut) } else { Ok(left) }
}
