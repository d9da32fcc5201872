//! The crawler with callbacks: no workers but a number, and a record for each fetch.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use api_callbacks::combine::{Completion, timeout};
use api_callbacks::{Composed, Operation, TcpStream, bytes, sleep};
use loop_core::{Cancelled, LoopHandle};

use super::frontier::{Frontier, Job, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::{OnTotals, Options, Totals};

type Fetched = Completion<Response, FetchError>;

struct Crawl {
    handle: LoopHandle,
    options: Options,
    frontier: RefCell<Frontier>,
    /// What is under way.
    fetches: RefCell<BTreeMap<u64, Operation>>,
    next: Cell<u64>,
    /// The whole's own time.
    deadline: Cell<Option<Operation>>,
    callback: Cell<Option<OnTotals>>,
}

/// Three operations, one after the other, that are cancelled as one.
struct Fetch {
    reader: RefCell<ResponseReader>,
    step: Cell<Option<Operation>>,
    /// What had a result before it was cancelled calls back with that: nothing begins any more.
    cancelled: Cell<bool>,
    done: Cell<Option<Fetched>>,
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
        fetches: RefCell::default(),
        next: Cell::default(),
        deadline: Cell::default(),
        callback: Cell::new(Some(Box::new(callback))),
    });
    let late = crawl.clone();
    let deadline = sleep(handle, options.timeout, move |slept| {
        if slept.is_ok() {
            late.frontier.borrow_mut().give_up();
            late.end();
        }
    });
    crawl.deadline.set(Some(deadline));
    // Not from here: nothing calls back before it has returned.
    handle.call_soon(move || crawl.work());
}
// ANCHOR_END: crawl

impl Crawl {
    // ANCHOR: work
    /// Fetches pages, as many at once as there are workers, until there are no more.
    fn work(self: Rc<Self>) {
        while self.fetches.borrow().len() < self.options.workers {
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
        let number = self.next.replace(self.next.get() + 1);
        let (crawl, request) = (self.clone(), request(&job.url));
        let fetch = |done| Fetch::begin(&self, request, done);
        let limit = self.options.fetch_timeout;
        let fetch = timeout(&self.handle, limit, fetch, move |result| {
            // What the end of the crawl has cancelled calls back as well.
            if crawl.fetches.borrow_mut().remove(&number).is_some() {
                crawl.frontier.borrow_mut().done(&job, result);
                crawl.work();
            }
        });
        self.fetches.borrow_mut().insert(number, fetch);
    }
    // ANCHOR_END: fetch

    /// Abandons what is under way, and calls back.
    fn end(&self) {
        for operation in self.fetches.take().into_values().chain(self.deadline.take()) {
            operation.cancel();
        }
        let totals = self.frontier.borrow().totals();
        if let Some(callback) = self.callback.take() {
            callback(totals);
        }
    }
}

impl Fetch {
    fn begin(crawl: &Crawl, request: Vec<u8>, done: Fetched) -> Operation {
        let fetch = Rc::new(Fetch {
            reader: RefCell::new(ResponseReader::new(crawl.options.answer_bytes_max)),
            step: Cell::default(),
            cancelled: Cell::default(),
            done: Cell::new(Some(done)),
        });
        let asking = fetch.clone();
        let connecting =
            TcpStream::connect(&crawl.handle, crawl.options.server, |connected| match connected {
                Ok(stream) => asking.ask(&stream, request),
                Err(error) => asking.end(Err(error.into())),
            });
        fetch.step.set(Some(connecting));
        Operation::composed(&fetch)
    }

    fn ask(self: Rc<Self>, stream: &TcpStream, request: Vec<u8>) {
        if self.cancelled.get() {
            return self.end(Err(FetchError::Io(Cancelled.into())));
        }
        let fetch = self.clone();
        let asking = bytes::write_all(stream, request, |stream, written, _request| match written {
            Ok(_) => fetch.read(&stream),
            Err(error) => fetch.end(Err(error.into())),
        });
        self.step.set(Some(asking));
    }

    // ANCHOR: read
    fn read(self: Rc<Self>, stream: &TcpStream) {
        if self.cancelled.get() {
            return self.end(Err(FetchError::Io(Cancelled.into())));
        }
        let fetch = self.clone();
        let reading = stream.read_chunk(move |stream, read| {
            let answer = match read {
                Ok(Some(chunk)) => fetch.reader.borrow_mut().push(&chunk),
                Ok(None) => fetch.reader.borrow_mut().end().map(Some),
                Err(error) => Err(error.into()),
            };
            match answer {
                Ok(Some(response)) => fetch.end(Ok(response)),
                Ok(None) => fetch.read(&stream),
                Err(error) => fetch.end(Err(error)),
            }
        });
        self.step.set(Some(reading));
    }
    // ANCHOR_END: read

    fn end(&self, result: Result<Response, FetchError>) {
        let done = self.done.take().expect("each way here is the last");
        done(result);
    }
}

impl Composed for Fetch {
    fn cancel(self: Rc<Self>) -> bool {
        self.cancelled.set(true);
        self.step.take().is_some_and(|step| step.cancel())
    }
}
