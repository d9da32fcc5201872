//! The crawler with promises: a fetch is a chain, and whichever ends begins others in its place.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use api_promises::combine::race;
use api_promises::{Promise, PromiseGroup, TcpStream, bytes, sleep};
use loop_core::LoopHandle;

use super::frontier::{Frontier, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::url::Url;
use super::{Options, Totals};

struct Crawl {
    handle: LoopHandle,
    options: Options,
    frontier: RefCell<Frontier>,
    /// What is under way.
    fetches: PromiseGroup<io::Error>,
}

// ANCHOR: crawl
/// Crawls a site, so many pages at once, and is fulfilled with the totals.
pub(super) fn crawl(handle: &LoopHandle, options: &Options) -> Promise<Totals, io::Error> {
    let crawl = Rc::new(Crawl {
        handle: handle.clone(),
        options: options.clone(),
        frontier: RefCell::new(Frontier::new(options)),
        fetches: PromiseGroup::new(handle),
    });
    crawl.work();
    let ended = race(handle, [crawl.fetches.on_empty(), sleep(handle, options.timeout)]);
    let ending = crawl.clone();
    let totals = ended.map(move |()| {
        crawl.frontier.borrow_mut().give_up();
        crawl.frontier.borrow().totals()
    });
    totals.finally(move || {
        ending.fetches.abort_all();
    })
}
// ANCHOR_END: crawl

impl Crawl {
    // ANCHOR: work
    /// Begins fetches until so many are under way, or nothing waits; each that ends comes here again.
    fn work(self: &Rc<Self>) {
        while self.frontier.borrow().under_way() < self.options.workers {
            let Next::Fetch(job) = self.frontier.borrow_mut().next() else { return };
            let (crawl, fetch) = (self.clone(), self.fetch(&job.url));
            let fetched = fetch.timeout(self.options.fetch_timeout).then_result(move |result| {
                crawl.frontier.borrow_mut().done(&job, result);
                crawl.work();
                Ok(())
            });
            self.fetches.add(fetched);
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
