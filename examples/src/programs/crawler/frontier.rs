//! What is known, what is to be fetched, and what came of the rest: the crawl without its sockets.
//!
//! Rule: a page is known from the moment when it is first seen, not from when it was fetched; so
//! nothing is fetched twice, however many fetch at once. The crawl is over when nothing waits *and*
//! nothing is under way, since what is under way may bring more.

use std::collections::{HashSet, VecDeque};

use super::http::{FetchError, Response};
use super::links::Links;
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

    /// Hands out the next page; what takes it says what came of it.
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

    /// Returns how many pages were handed out and are not done.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
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
            Err(error) if error.is_a_limit() => self.totals.too_large += 1,
            Err(_) => self.totals.broken += 1,
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
                let links = Links::of(&response.body);
                let base = job.url.base(links.base.as_deref());
                for link in links.targets {
                    match base.join(&link) {
                        Some(url) => self.add(url, 0),
                        None => self.totals.foreign += 1,
                    }
                }
            }
            (301..=303 | 307 | 308, Some(location)) => {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn frontier() -> Frontier {
        Frontier::new(&Options {
            server: "127.0.0.1:80".parse().unwrap(),
            root: "http://host/".parse().unwrap(),
            workers: 2,
            fetches_max: 3,
            redirects_max: 1,
            answer_bytes_max: 1000,
            fetch_timeout: Duration::ZERO,
            timeout: Duration::ZERO,
        })
    }

    fn page(html: &str) -> Result<Response, FetchError> {
        Ok(Response { status: 200, location: None, body: html.into() })
    }

    fn fetch(frontier: &mut Frontier) -> Job {
        match frontier.next() {
            Next::Fetch(job) => job,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_over_when_nothing_waits_and_nothing_is_under_way() {
        let mut frontier = frontier();
        let root = fetch(&mut frontier);
        assert!(matches!(frontier.next(), Next::Wait), "the root may bring more");
        frontier.done(&root, page("<a href=/a><a href=/b>"));
        let (a, b) = (fetch(&mut frontier), fetch(&mut frontier));
        frontier.done(&a, Err(FetchError::Garbage));
        assert!(matches!(frontier.next(), Next::Wait));
        frontier.done(&b, page(""));
        assert!(matches!(frontier.next(), Next::Over));
    }

    #[test]
    fn what_was_seen_is_not_fetched_again_though_it_has_not_come() {
        let mut frontier = frontier();
        let root = fetch(&mut frontier);
        frontier.done(&root, page("<a href=/a><a href=/a#x><a href=/>"));
        let a = fetch(&mut frontier);
        assert!(matches!(frontier.next(), Next::Wait));
        frontier.done(&a, page("<a href=/a>"));
        assert!(matches!(frontier.next(), Next::Over));
        assert_eq!((frontier.totals().fetches, frontier.totals().duplicates), (2, 3));
    }

    #[test]
    fn what_comes_after_the_end_changes_nothing() {
        let mut frontier = frontier();
        let root = fetch(&mut frontier);
        frontier.give_up();
        let given_up = frontier.totals();
        assert_eq!((given_up.fetches, given_up.abandoned), (1, 1));
        frontier.done(&root, page("<a href=/a>"));
        frontier.give_up();
        assert!(matches!(frontier.next(), Next::Over));
        assert_eq!(frontier.totals(), given_up);
    }
}
