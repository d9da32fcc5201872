//! The typical bug, in the style where it is typical: a queue that is joined, and workers that say
//! `task_done` where a page has come, but not where it has not. One page that fails, and the join
//! never ends. The error is handled, nothing is reported, all workers wait in good order.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::pin::pin;

use api_async::combine::timeout;
use api_async::{TcpStream, bytes};
use event_listener::Event;
use futures::future::{join_all, select};
use loop_core::LoopHandle;

use super::http::{FetchError, Response, ResponseReader, request};
use super::links::Links;
use super::url::Url;
use super::{Options, Totals};

/// Pages to fetch, and how many of them are not done. asyncio: `Queue`.
#[derive(Default)]
struct Queue {
    waiting: RefCell<Vec<Url>>,
    unfinished: Cell<usize>,
    changed: Event,
}

struct Crawl {
    handle: LoopHandle,
    options: Options,
    queue: Queue,
    seen: RefCell<HashSet<Url>>,
    totals: Cell<Totals>,
}

impl Queue {
    fn put(&self, url: Url) {
        self.waiting.borrow_mut().push(url);
        self.unfinished.set(self.unfinished.get() + 1);
        self.changed.notify(usize::MAX);
    }

    async fn take(&self) -> Url {
        loop {
            let url = self.waiting.borrow_mut().pop();
            match url {
                Some(url) => return url,
                None => self.changed.listen().await,
            }
        }
    }

    fn task_done(&self) {
        self.unfinished.set(self.unfinished.get() - 1);
        self.changed.notify(usize::MAX);
    }

    async fn join(&self) {
        while self.unfinished.get() > 0 {
            self.changed.listen().await;
        }
    }
}

pub(super) async fn crawl(handle: LoopHandle, options: Options) -> Totals {
    let crawl = Crawl {
        queue: Queue::default(),
        seen: RefCell::new(HashSet::from([options.root.clone()])),
        totals: Cell::default(),
        handle,
        options,
    };
    crawl.queue.put(crawl.options.root.clone());
    let workers = pin!(join_all((0..crawl.options.workers).map(|_| crawl.work())));
    select(pin!(crawl.queue.join()), workers).await;
    crawl.totals.get()
}

impl Crawl {
    async fn work(&self) {
        loop {
            let url = self.queue.take().await;
            let fetch = self.fetch(&url);
            let fetched = timeout(&self.handle, self.options.fetch_timeout, fetch).await;
            // Here is the bug: what goes on from here has forgotten the page.
            let Ok(response) = fetched else { continue };
            let links = Links::of(&response.body).targets;
            let targets = links.iter().chain(&response.location).filter_map(|link| url.join(link));
            for target in targets.filter(|target| target.authority() == url.authority()) {
                if self.seen.borrow_mut().insert(target.clone()) {
                    self.queue.put(target);
                }
            }
            let totals = self.totals.get();
            self.totals.set(Totals { pages: totals.pages + 1, ..totals });
            self.queue.task_done();
        }
    }

    async fn fetch(&self, url: &Url) -> Result<Response, FetchError> {
        let stream = TcpStream::connect(&self.handle, self.options.server).await?;
        bytes::write_all(&stream, request(url)).await.0?;
        let mut reader = ResponseReader::new(self.options.answer_bytes_max);
        while let Some(chunk) = stream.read_chunk().await? {
            if let Some(response) = reader.push(&chunk)? {
                return Ok(response);
            }
        }
        reader.end()
    }
}
