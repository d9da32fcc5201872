//! The crawler with promises: workers that are chains, each of which begins itself again.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use api_promises::combine::{all, race, timeout};
use api_promises::{Promise, Resolver, TcpStream, bytes, sleep};
use loop_core::LoopHandle;

use super::frontier::{Frontier, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::url::Url;
use super::{Options, Totals};

struct Crawl {
    handle: LoopHandle,
    options: Options,
    frontier: RefCell<Frontier>,
    /// Resolved when a page has been fetched: there may be more, or no more.
    changed: RefCell<Vec<Resolver<(), io::Error>>>,
}

// ANCHOR: crawl
/// Crawls a site with so many workers, and resolves to the totals.
pub(super) fn crawl(handle: &LoopHandle, options: &Options) -> Promise<Totals, io::Error> {
    let crawl = Rc::new(Crawl {
        handle: handle.clone(),
        options: options.clone(),
        frontier: RefCell::new(Frontier::new(options)),
        changed: RefCell::default(),
    });
    let workers: Vec<_> = (0..options.workers).map(|_| crawl.clone().work()).collect();
    let (late, workers) = (crawl.clone(), all(handle, workers).map(drop));
    let over = sleep(handle, options.timeout).map(move |()| late.frontier.borrow_mut().give_up());
    race(handle, [workers, over]).map(move |()| crawl.frontier.borrow().totals())
}
// ANCHOR_END: crawl

impl Crawl {
    // ANCHOR: work
    /// Fetches pages until there are no more.
    fn work(self: Rc<Self>) -> Promise<(), io::Error> {
        let next = self.frontier.borrow_mut().next();
        match next {
            Next::Fetch(job) => {
                let fetch = self.fetch(&job.url);
                let result = timeout(&self.handle, self.options.fetch_timeout, fetch);
                let result = result.then_or(|response| Ok(Ok(response)), |error| Ok(Err(error)));
                result.then(move |result| {
                    self.frontier.borrow_mut().done(&job, result);
                    self.changed.take().into_iter().for_each(|changed| changed.resolve(()));
                    self.work()
                })
            }
            Next::Wait => {
                let (promise, changed) = Promise::with_resolvers(&self.handle);
                self.changed.borrow_mut().push(changed);
                promise.then(move |()| self.work())
            }
            Next::Over => Promise::resolve(&self.handle, ()),
        }
    }
    // ANCHOR_END: work

    // ANCHOR: fetch
    /// Fetches a page, in whatever time it takes.
    fn fetch(&self, url: &Url) -> Promise<Response, FetchError> {
        let request = request(url);
        let connected = TcpStream::connect(&self.handle, self.options.server);
        let asked =
            connected.then(|stream| bytes::write_all(&stream, request).err_into().map(|_| stream));
        let reader = ResponseReader::new(self.options.answer_bytes_max);
        asked.err_into().then(|stream| read(stream, reader))
    }
    // ANCHOR_END: fetch
}

// ANCHOR: read
fn read(stream: TcpStream, mut reader: ResponseReader) -> Promise<Response, FetchError> {
    stream.read_chunk().err_into().then(move |chunk| {
        let handle = stream.handle().clone();
        let Some(chunk) = chunk else { return Promise::settled(&handle, reader.end()) };
        match reader.push(&chunk) {
            Ok(Some(response)) => Promise::resolve(&handle, response),
            Ok(None) => read(stream, reader),
            Err(error) => Promise::reject(&handle, error),
        }
    })
}
// ANCHOR_END: read
