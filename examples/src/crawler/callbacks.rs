//! The crawler with callbacks: no workers but a number, and a record for each fetch.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use api_callbacks::{Operation, TcpStream, bytes, sleep};
use loop_core::LoopHandle;

use super::frontier::{Frontier, Job, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::{OnTotals, Options, Totals};

struct Crawl {
    handle: LoopHandle,
    options: Options,
    frontier: RefCell<Frontier>,
    /// What is under way.
    fetches: RefCell<BTreeMap<u64, Rc<Fetch>>>,
    next: Cell<u64>,
    /// The whole's own time.
    deadline: Cell<Option<Operation>>,
    callback: Cell<Option<OnTotals>>,
}

struct Fetch {
    crawl: Rc<Crawl>,
    number: u64,
    job: Job,
    reader: RefCell<ResponseReader>,
    /// What is pending: to be cancelled when the fetch ends.
    step: Cell<Option<Operation>>,
    deadline: Cell<Option<Operation>>,
    /// Whether it has ended, so that nothing begins any more: what had a result before it was
    /// cancelled calls back with that.
    over: Cell<bool>,
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
        let fetch = Rc::new(Fetch {
            crawl: self.clone(),
            number,
            job,
            reader: RefCell::new(ResponseReader::new(self.options.answer_bytes_max)),
            step: Cell::default(),
            deadline: Cell::default(),
            over: Cell::new(false),
        });
        self.fetches.borrow_mut().insert(number, fetch.clone());
        let late = fetch.clone();
        let deadline = sleep(&self.handle, self.options.fetch_timeout, move |slept| {
            if slept.is_ok() {
                late.end(Err(FetchError::TimedOut));
            }
        });
        fetch.deadline.set(Some(deadline));
        fetch.connect();
    }
    // ANCHOR_END: fetch

    /// Abandons what is under way, and calls back.
    fn end(&self) {
        let fetches = self.fetches.take().into_values();
        fetches.for_each(|fetch| fetch.cancel());
        if let Some(deadline) = self.deadline.take() {
            deadline.cancel();
        }
        if let Some(callback) = self.callback.take() {
            callback(self.frontier.borrow().totals());
        }
    }
}

impl Fetch {
    fn connect(self: Rc<Self>) {
        let (fetch, server) = (self.clone(), self.crawl.options.server);
        let step = TcpStream::connect(&self.crawl.handle, server, |connected| match connected {
            Ok(stream) => fetch.ask(&stream),
            Err(error) => fetch.end(Err(error.into())),
        });
        self.step.set(Some(step));
    }

    fn ask(self: Rc<Self>, stream: &TcpStream) {
        if self.over.get() {
            return;
        }
        let fetch = self.clone();
        let asked =
            bytes::write_all(stream, request(&self.job.url), |stream, written, _request| {
                match written {
                    Ok(_) => fetch.read(&stream),
                    Err(error) => fetch.end(Err(error.into())),
                }
            });
        self.step.set(Some(asked));
    }

    // ANCHOR: read
    fn read(self: Rc<Self>, stream: &TcpStream) {
        if self.over.get() {
            return;
        }
        let fetch = self.clone();
        let step = stream.read_chunk(move |stream, read| {
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
        self.step.set(Some(step));
    }
    // ANCHOR_END: read

    /// Says what came of the page, once: what is cancelled here calls back as well.
    fn end(&self, result: Result<Response, FetchError>) {
        if self.crawl.fetches.borrow_mut().remove(&self.number).is_none() {
            return;
        }
        self.cancel();
        self.crawl.frontier.borrow_mut().done(&self.job, result);
        self.crawl.clone().work();
    }

    fn cancel(&self) {
        self.over.set(true);
        for operation in [self.step.take(), self.deadline.take()].into_iter().flatten() {
            operation.cancel();
        }
    }
}
