//! What is known, what is to be fetched, and what came of the rest: the crawl without its sockets.
//!
//! Rule: a page is known from the moment when it is first seen, not from when it was fetched; so
//! nothing is fetched twice, however many fetch at once. The crawl is over when nothing waits *and*
//! nothing is under way, since what is under way may bring more.

use std::collections::{HashSet, VecDeque};

use super::http::{FetchError, Response};
use super::links::links;
use super::url::Url;
use super::{Options, Totals};

#[derive(Debug)]
pub(super) struct Frontier {
    options: Options,
    seen: HashSet<Url>,
    waiting: VecDeque<Job>,
    under_way: usize,
    totals: Totals,
    /// Whether the time of the crawl is over.
    given_up: bool,
}

/// A page that is to be fetched.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) url: Url,
    /// How many redirects have led here.
    redirects: usize,
}

/// What a worker is to do.
#[derive(Debug)]
pub(super) enum Next {
    Fetch(Job),
    /// Nothing, until a page that is under way has brought more.
    Wait,
    /// Nothing any more.
    Over,
}

impl Frontier {
    pub(super) fn new(options: &Options) -> Frontier {
        let mut frontier = Frontier {
            options: options.clone(),
            seen: HashSet::new(),
            waiting: VecDeque::new(),
            under_way: 0,
            totals: Totals::default(),
            given_up: false,
        };
        frontier.add(options.root.clone(), 0);
        frontier
    }

    /// Hands out the next page; whoever takes it says what came of it.
    pub(super) fn next(&mut self) -> Next {
        if self.given_up {
            return Next::Over;
        }
        if self.totals.fetches < self.options.fetches_max
            && let Some(job) = self.waiting.pop_front()
        {
            self.totals.fetches += 1;
            self.under_way += 1;
            return Next::Fetch(job);
        }
        if self.under_way > 0 { Next::Wait } else { Next::Over }
    }

    /// Takes what came of a page, good or bad.
    pub(super) fn done(&mut self, job: &Job, result: Result<Response, FetchError>) {
        // What came too late was counted as abandoned.
        if self.given_up {
            return;
        }
        self.under_way -= 1;
        match result {
            Ok(response) => self.answered(job, &response),
            Err(FetchError::TimedOut) => self.totals.timed_out += 1,
            Err(FetchError::TooLarge) => self.totals.too_large += 1,
            Err(FetchError::Io(_) | FetchError::Garbage | FetchError::Truncated) => {
                self.totals.broken += 1;
            }
        }
    }

    /// Ends the crawl as it is: what is under way is abandoned.
    pub(super) fn give_up(&mut self) {
        if !self.given_up {
            self.given_up = true;
            self.totals.abandoned = self.under_way;
        }
    }

    pub(super) fn totals(&self) -> Totals {
        Totals { unvisited: self.waiting.len(), ..self.totals }
    }

    fn answered(&mut self, job: &Job, response: &Response) {
        match (response.status, &response.location) {
            (200..=299, _) => {
                self.totals.pages += 1;
                self.totals.bytes += response.body.len();
                for link in links(&String::from_utf8_lossy(&response.body)) {
                    match job.url.join(&link) {
                        Some(url) => self.add(url, 0),
                        None => self.totals.foreign += 1,
                    }
                }
            }
            (300..=399, Some(location)) => {
                self.totals.redirects += 1;
                match job.url.join(location) {
                    _ if job.redirects == self.options.redirects_max => {
                        self.totals.redirects_too_many += 1;
                    }
                    Some(url) => self.add(url, job.redirects + 1),
                    None => self.totals.foreign += 1,
                }
            }
            _ => self.totals.refused += 1,
        }
    }

    fn add(&mut self, url: Url, redirects: usize) {
        if url.authority() != self.options.root.authority() {
            self.totals.foreign += 1;
        } else if self.seen.insert(url.clone()) {
            self.waiting.push_back(Job { url, redirects });
        } else {
            self.totals.duplicates += 1;
        }
    }
}
