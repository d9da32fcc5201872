//! The crawler with async: workers that are futures of one task, and borrow what they share.

use std::cell::RefCell;

use api_async::combine::timeout;
use api_async::{TcpStream, bytes, within};
use event_listener::Event;
use futures::future::join_all;
use loop_core::LoopHandle;

use super::frontier::{Frontier, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::url::Url;
use super::{Options, Totals};

struct Crawl<'a> {
    handle: &'a LoopHandle,
    options: &'a Options,
    frontier: RefCell<Frontier>,
    /// Told when a page has been fetched: there may be more, or no more.
    changed: Event,
}

// ANCHOR: crawl
/// Crawls a site with so many workers, and returns the totals.
pub(super) async fn crawl(handle: LoopHandle, options: Options) -> Totals {
    let crawl = Crawl {
        handle: &handle,
        options: &options,
        frontier: RefCell::new(Frontier::new(&options)),
        changed: Event::new(),
    };
    let workers = join_all((0..options.workers).map(|_| crawl.work()));
    if within(&handle, options.timeout, workers).await.is_err() {
        crawl.frontier.borrow_mut().give_up();
    }
    crawl.frontier.into_inner().totals()
}
// ANCHOR_END: crawl

impl Crawl<'_> {
    // ANCHOR: work
    /// Fetches pages until there are no more.
    async fn work(&self) {
        loop {
            let next = self.frontier.borrow_mut().next();
            match next {
                Next::Fetch(job) => {
                    let fetch = self.fetch(&job.url);
                    let result = timeout(self.handle, self.options.fetch_timeout, fetch).await;
                    self.frontier.borrow_mut().done(&job, result);
                    self.changed.notify(usize::MAX);
                }
                Next::Wait => self.changed.listen().await,
                Next::Over => return,
            }
        }
    }
    // ANCHOR_END: work

    // ANCHOR: fetch
    /// Fetches a page, in whatever time it takes.
    async fn fetch(&self, url: &Url) -> Result<Response, FetchError> {
        let stream = TcpStream::connect(self.handle, self.options.server).await?;
        bytes::write_all(&stream, request(url)).await.0?;
        self.read(&stream).await
    }
    // ANCHOR_END: fetch

    // ANCHOR: read
    async fn read(&self, stream: &TcpStream) -> Result<Response, FetchError> {
        let mut reader = ResponseReader::new(self.options.answer_bytes_max);
        while let Some(chunk) = stream.read_chunk().await? {
            if let Some(response) = reader.push(&chunk)? {
                return Ok(response);
            }
        }
        reader.end()
    }
    // ANCHOR_END: read
}
