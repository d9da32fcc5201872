//! The crawler with fibers: workers that share a frontier, as threads do, without a lock.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use api_callbacks::CancellationToken;
use loop_core::transfer::WriteAll;
use loop_core::{Elapsed, LoopHandle};

use super::frontier::{Frontier, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::url::Url;
use super::{Options, Totals};
use crate::fibers::{TcpStream, all, timeout, wait};

/// What the workers share. Nothing of it is borrowed while one waits: no compiler says so.
struct Crawl {
    handle: LoopHandle,
    options: Options,
    frontier: RefCell<Frontier>,
    /// Cancelled, and made anew, when a page has been fetched: there may be more, or no more.
    changed: RefCell<CancellationToken>,
}

// ANCHOR: crawl
/// Crawls a site with so many workers, and returns the totals.
pub(super) fn crawl(handle: &LoopHandle, options: &Options) -> io::Result<Totals> {
    let crawl = Rc::new(Crawl {
        handle: handle.clone(),
        options: options.clone(),
        frontier: RefCell::new(Frontier::new(options)),
        changed: RefCell::default(),
    });
    let worker = |_| {
        let crawl = crawl.clone();
        move || crawl.work()
    };
    match timeout(handle, options.timeout, || Ok(all(handle, (0..options.workers).map(worker)))) {
        Ok(worked) => drop(worked?),
        Err(Elapsed) => crawl.frontier.borrow_mut().give_up(),
    }
    Ok(crawl.frontier.borrow().totals())
}
// ANCHOR_END: crawl

impl Crawl {
    // ANCHOR: work
    /// Fetches pages until there are no more.
    fn work(&self) -> io::Result<()> {
        loop {
            let next = self.frontier.borrow_mut().next();
            match next {
                Next::Fetch(job) => {
                    let limit = self.options.fetch_timeout;
                    let result = timeout(&self.handle, limit, || self.fetch(&job.url));
                    self.frontier.borrow_mut().done(&job, result);
                    self.changed.take().cancel();
                }
                Next::Wait => {
                    let changed = self.changed.borrow().clone();
                    wait(|resume| changed.cancelled(&self.handle, |told| resume.with(told)))?;
                }
                Next::Over => return Ok(()),
            }
        }
    }
    // ANCHOR_END: work

    // ANCHOR: fetch
    /// Fetches a page, in whatever time it takes.
    fn fetch(&self, url: &Url) -> Result<Response, FetchError> {
        let stream = TcpStream::connect(&self.handle, self.options.server)?;
        stream.transfer(WriteAll::new(request(url))).0?;
        read(&stream, ResponseReader::new(self.options.answer_bytes_max))
    }
    // ANCHOR_END: fetch
}

// ANCHOR: read
fn read(stream: &TcpStream, mut reader: ResponseReader) -> Result<Response, FetchError> {
    while let Some(chunk) = stream.read_chunk()? {
        if let Some(response) = reader.push(&chunk)? {
            return Ok(response);
        }
    }
    reader.end()
}
// ANCHOR_END: read
