//! The crawler of *500 Lines or Less* in every style: every page of a site, each once, a few at a time.
//!
//! Rule: whatever a page does, the crawl ends. A page has a deadline and a size, a chain of redirects
//! a length, and the whole a number of fetches and a deadline of its own.

mod async_await;
mod callbacks;
mod failure;
mod fibers;
mod framing;
mod frontier;
mod http;
mod limits;
mod links;
mod naive_async_await;
mod promises;
mod site;
mod threads;
mod url;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use api_async::combine::timeout;
use api_async::run_until_complete;
use clap::{Args, FromArgMatches};
use loop_core::{EventLoop, LoopHandle, RunError};

pub use site::Site;
pub use url::{NotHttp, Url};

use crate::programs::bounds::{MILLISECONDS_MAX, SECONDS_MAX, hold, hold_time, number};
use crate::programs::program::{Program, argument, future_bytes, not_written_in, say};
use crate::{Left, Style};

/// The most pages that are fetched at once: with threads, each of them has one.
pub const WORKERS_MAX: usize = 1000;

/// The most fetches of a crawl.
pub const FETCHES_MAX: usize = 1_000_000;

/// The most redirects that may lead to one page.
pub const REDIRECTS_MAX: usize = 1000;

/// The most bytes that an answer may have.
pub const ANSWER_BYTES_MAX: usize = 1 << 30;

/// The program, for `oneloop list`, `run` and `show`.
pub const PROGRAM: Program = Program {
    name: "crawler",
    sentence: "fetches every page of a site, each once, a few at a time, whatever the pages do",
    sources: [
        include_str!("threads.rs"),
        include_str!("callbacks.rs"),
        include_str!("promises.rs"),
        include_str!("async_await.rs"),
    ],
    protocol: None,
    fibers: Some(include_str!("fibers.rs")),
    naive: ("naive_async_await.rs", include_str!("naive_async_await.rs")),
    future: ("crawl", || future_bytes(|| async_await::crawl(argument(), argument()))),
    page: include_str!("page.md"),
    flags: <Flags as Args>::augment_args,
    run: |style, matches| {
        demonstrate(style, &Flags::from_arg_matches(matches).map_err(io::Error::other)?)
    },
};

/// What the command line says. The site is one of its own.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// How many pages are fetched at once, 1..=1000
    #[arg(long, value_name = "N", default_value = "10", allow_negative_numbers = true)]
    #[arg(value_parser = number(1..=WORKERS_MAX))]
    workers: usize,
    /// The most fetches in all, 0..=1000000
    #[arg(long, value_name = "N", default_value = "10000", allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=FETCHES_MAX))]
    fetches: usize,
    /// Milliseconds that one fetch may take, 0..=86400000
    #[arg(long, value_name = "MS", default_value = "1000", allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=MILLISECONDS_MAX))]
    fetch_timeout: u32,
    /// Seconds that the crawl may take, 0..=86400
    #[arg(long, value_name = "S", default_value = "60", allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=SECONDS_MAX))]
    timeout: u32,
}

/// What to crawl, and how far. Times are at most [`TIME_MAX`](crate::TIME_MAX).
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server of the site is.
    pub server: SocketAddr,
    /// Where to begin; pages of other hosts are not fetched.
    pub root: Url,
    /// How many pages are fetched at once, at most [`WORKERS_MAX`]; 0 counts as 1.
    pub workers: usize,
    /// The most fetches in all, at most [`FETCHES_MAX`].
    pub fetches_max: usize,
    /// The most redirects that lead to one page, at most [`REDIRECTS_MAX`].
    pub redirects_max: usize,
    /// The most bytes of an answer with its header, at most [`ANSWER_BYTES_MAX`].
    pub answer_bytes_max: usize,
    /// How long one fetch may take.
    pub fetch_timeout: Duration,
    /// How long the crawl may take: what is under way then is abandoned.
    pub timeout: Duration,
}

/// What came of a crawl. Each fetch is one of `pages`, `redirects`, `refused`, `broken`, `too_large`,
/// `timed_out` and `abandoned`; printed, that is a line each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many fetches were begun.
    pub fetches: usize,
    /// How many pages came.
    pub pages: usize,
    /// The bytes of all pages.
    pub bytes: usize,
    /// How many answers led elsewhere.
    pub redirects: usize,
    /// How many of these were one too many.
    pub redirects_too_many: usize,
    /// How many pages were refused by the server.
    pub refused: usize,
    /// How many answers could not be had whole, or were no HTTP.
    pub broken: usize,
    /// How many answers had too many bytes.
    pub too_large: usize,
    /// How many fetches took too long.
    pub timed_out: usize,
    /// How many fetches were under way when the time was over.
    pub abandoned: usize,
    /// How many pages were known then and not begun.
    pub unvisited: usize,
    /// How many links led to pages that were known.
    pub duplicates: usize,
    /// How many links led to other hosts, or to what is no page.
    pub foreign: usize,
}

/// The version of the crawler to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The program, in a style; those without a crawler are refused.
    Good(Style),
    /// The typical bug: a queue that waits for pages whose worker has forgotten them.
    Naive,
}

impl Options {
    /// Returns useful limits for a site.
    pub fn for_site(site: &Site) -> Options {
        Options {
            server: site.addr(),
            root: site.root(),
            workers: 10,
            fetches_max: 10_000,
            redirects_max: 5,
            answer_bytes_max: 256 * 1024,
            fetch_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(60),
        }
    }
}

impl Options {
    fn hold(&self) -> io::Result<()> {
        hold("workers", &self.workers, 0..=WORKERS_MAX)?;
        hold("fetches_max", &self.fetches_max, 0..=FETCHES_MAX)?;
        hold("redirects_max", &self.redirects_max, 0..=REDIRECTS_MAX)?;
        hold("answer_bytes_max", &self.answer_bytes_max, 0..=ANSWER_BYTES_MAX)?;
        hold_time("fetch_timeout", self.fetch_timeout)?;
        hold_time("timeout", self.timeout)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { fetches, pages, bytes, redirects, redirects_too_many, .. } = self;
        writeln!(f, "{fetches:5} fetches")?;
        writeln!(f, "{pages:5} pages of {bytes} bytes")?;
        writeln!(f, "{redirects:5} redirects, of which {redirects_too_many} one too many")?;
        let Totals { refused, broken, too_large, timed_out, abandoned, .. } = self;
        writeln!(f, "{refused:5} refused by the server")?;
        writeln!(f, "{broken:5} broken: cut off, reset, of no length, or no HTTP")?;
        writeln!(f, "{too_large:5} too large, in their header or as a whole")?;
        writeln!(f, "{timed_out:5} too late")?;
        writeln!(f, "{abandoned:5} abandoned, with {} unvisited", self.unvisited)?;
        let Totals { duplicates, foreign, .. } = self;
        write!(f, "      {duplicates} links led to what was known, {foreign} to other hosts")
    }
}

/// Crawls a site. What is returned beside the totals is what the loop had left over: nothing, if the
/// program is right.
///
/// # Errors
/// When the system refuses what a loop needs, or a thread; `InvalidInput` when a number is not within its
/// bounds; `TimedOut` when the naive one has not ended by itself.
/// What happens to a page is in the totals.
pub fn run(version: Version, options: &Options) -> io::Result<(Totals, Left)> {
    options.hold()?;
    let options = &Options { workers: options.workers.max(1), ..options.clone() };
    let style = match version {
        Version::Naive => {
            let mut event_loop = EventLoop::new()?;
            let handle = event_loop.handle();
            let crawl = naive_async_await::crawl(handle.clone(), options.clone());
            // It has no idea of its own when to end.
            let crawl = timeout(&handle, options.timeout, async { io::Result::Ok(crawl.await) });
            let totals = run_until_complete(&mut event_loop, crawl).map_err(io::Error::other)??;
            return Ok((totals, Left::on(&mut event_loop)?));
        }
        Version::Good(style) => style,
    };
    match style {
        Style::Threads => Ok((threads::crawl(options)?, Left::default())),
        Style::Callbacks => on_a_loop(|handle, done| callbacks::crawl(handle, options, done)),
        Style::Promises => on_a_loop(|handle, done| {
            let crawled = promises::crawl(handle, options).map(done);
            crawled.detach(|error| panic!("the crawl ended: {error}"));
        }),
        Style::Async => on_a_loop(|handle, done| {
            let crawl = async_await::crawl(handle.clone(), options.clone());
            api_async::spawn(handle, async { done(crawl.await) }).detach();
        }),
        Style::Fibers => on_a_loop(|handle, done| {
            let (inside, options) = (handle.clone(), options.clone());
            let crawl = move || fibers::crawl(&inside, &options).map(done);
            crate::fibers::spawn(handle, crawl).detach();
        }),
        other => Err(not_written_in(other)),
    }
}

/// What a crawl tells that it has ended.
type OnTotals = Box<dyn FnOnce(Totals)>;

/// Runs a loop until the crawl that `start` begins has its totals.
fn on_a_loop(start: impl FnOnce(&LoopHandle, OnTotals)) -> io::Result<(Totals, Left)> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let crawled = event_loop.run_until_complete(|completer| {
        start(&handle, Box::new(|totals| completer.complete(totals)));
    });
    let totals = crawled.map_err(|error| match error {
        RunError::Poll(error) => error,
        error => io::Error::other(error),
    })?;
    let left = Left::on(&mut event_loop)?;
    event_loop.close();
    Ok((totals, left))
}

/// Serves the site, crawls it, and shows the totals.
fn demonstrate(style: Style, flags: &Flags) -> io::Result<()> {
    let site = Site::start()?;
    say(&format!("crawling {}", site.root()));
    let options = Options {
        workers: flags.workers,
        fetches_max: flags.fetches,
        fetch_timeout: Duration::from_millis(flags.fetch_timeout.into()),
        timeout: Duration::from_secs(flags.timeout.into()),
        ..Options::for_site(&site)
    };
    let (totals, _left) = run(Version::Good(style), &options)?;
    say(&totals.to_string());
    site.stop();
    Ok(())
}
