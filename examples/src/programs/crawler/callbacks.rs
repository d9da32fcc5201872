//! The crawler with callbacks: no workers but a number, and a token under which all of it is done.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;

use api_callbacks::combine::{Completion, Sequence, timeout};
use api_callbacks::{CancellationToken, Operation, TcpStream, bytes, sleep};
use loop_core::LoopHandle;

use super::frontier::{Frontier, Job, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::{OnTotals, Options, Totals};

/// What tells the end of a step of a fetch.
type Done<T> = Completion<T, FetchError>;

/// A connection, and the answer as far as it has come.
type Reading = (TcpStream, ResponseReader);

struct Crawl {
    handle: LoopHandle,
    options: Options,
    frontier: RefCell<Frontier>,
    /// How many fetches are under way.
    fetches: Cell<usize>,
    /// Ends the fetches, and the time of the whole.
    token: CancellationToken,
    /// Gone when the crawl has ended.
    callback: Cell<Option<OnTotals>>,
}

// ANCHOR: crawl
/// Crawls a site with so many fetches at once, and calls back with the totals.
pub(super) fn crawl(
    handle: &LoopHandle,
    options: &Options,
    callback: impl FnOnce(Totals) + 'static,
) {
    let crawl = Rc::new(Crawl {
        handle: handle.clone(),
        options: options.clone(),
        frontier: RefCell::new(Frontier::new(options)),
        fetches: Cell::default(),
        token: CancellationToken::new(),
        callback: Cell::new(Some(Box::new(callback))),
    });
    let late = crawl.clone();
    let whole_time = |done: Completion<_, _>| sleep(handle, options.timeout, done);
    crawl.token.guard(handle, whole_time, move |slept| {
        if slept.is_ok() {
            late.frontier.borrow_mut().give_up();
            late.end();
        }
    });
    // Not from here: nothing calls back before it has returned.
    handle.call_soon(move || crawl.work());
}
// ANCHOR_END: crawl

impl Crawl {
    // ANCHOR: work
    /// Fetches pages, as many at once as there are workers, until there are no more.
    fn work(self: Rc<Self>) {
        while self.fetches.get() < self.options.workers {
            let next = self.frontier.borrow_mut().next();
            match next {
                Next::Fetch(job) => self.clone().fetch(job),
                // Whatever is under way comes by here when it ends.
                Next::Wait => return,
                Next::Over => return self.end(),
            }
        }
    }
    // ANCHOR_END: work

    // ANCHOR: fetch
    /// Fetches a page within its time.
    fn fetch(self: Rc<Self>, job: Job) {
        let (page, limit) = (self.page(&job), self.options.fetch_timeout);
        let page = |done: Done<_>| timeout(&self.handle, limit, |done| page.start(done), done);
        self.fetches.set(self.fetches.get() + 1);
        let crawl = self.clone();
        self.token.guard(&self.handle, page, move |result| {
            crawl.fetches.set(crawl.fetches.get() - 1);
            crawl.frontier.borrow_mut().done(&job, result);
            crawl.work();
        });
    }

    /// Returns the steps of a fetch, of which none has begun.
    fn page(&self, job: &Job) -> Sequence<Response, FetchError> {
        let (handle, server, request) =
            (self.handle.clone(), self.options.server, request(&job.url));
        let reader = ResponseReader::new(self.options.answer_bytes_max);
        Sequence::new(&self.handle, move |done: Done<TcpStream>| {
            TcpStream::connect(&handle, server, |made| done(made.map_err(FetchError::from)))
        })
        .then(move |stream, done: Done<Reading>| {
            bytes::write_all(&stream, request, |stream, written, _request| {
                done(written.map(|_| (stream, reader)).map_err(FetchError::from));
            })
        })
        .repeat(read)
    }
    // ANCHOR_END: fetch

    /// Ends what is under way, and calls back, once.
    fn end(&self) {
        self.token.cancel();
        let totals = self.frontier.borrow().totals();
        if let Some(callback) = self.callback.take() {
            callback(totals);
        }
    }
}

// ANCHOR: read
/// Reads what has come, and again, until the answer is whole.
fn read((stream, mut reader): Reading, done: Done<ControlFlow<Response, Reading>>) -> Operation {
    stream.read_chunk(move |stream, read| {
        let answer = match read {
            Ok(Some(chunk)) => reader.push(&chunk),
            Ok(None) => reader.end().map(Some),
            Err(error) => Err(error.into()),
        };
        done(answer.map(|answer| match answer {
            Some(response) => ControlFlow::Break(response),
            None => ControlFlow::Continue((stream, reader)),
        }));
    })
}
// ANCHOR_END: read
