//! The crawler with async: fetches that are futures of one task, so many at once.

use api_async::combine::timeout;
use api_async::{TcpStream, bytes, within};
use futures::stream::{FuturesUnordered, StreamExt};
use loop_core::LoopHandle;

use super::frontier::{Frontier, Next};
use super::http::{FetchError, Response, ResponseReader, request};
use super::url::Url;
use super::{Options, Totals};

// ANCHOR: crawl
/// Crawls a site, so many pages at once, and returns the totals.
pub(super) async fn crawl(handle: LoopHandle, options: Options) -> Totals {
    let mut frontier = Frontier::new(&options);
    let working = work(&handle, &options, &mut frontier);
    if within(&handle, options.timeout, working).await.is_err() {
        frontier.give_up();
    }
    frontier.totals()
}
// ANCHOR_END: crawl

// ANCHOR: work
/// Fetches pages until there are no more.
async fn work(handle: &LoopHandle, options: &Options, frontier: &mut Frontier) {
    let mut fetches = FuturesUnordered::new();
    loop {
        while fetches.len() < options.workers
            && let Next::Fetch(job) = frontier.next()
        {
            fetches.push(async move {
                let fetch = fetch(handle, options, &job.url);
                let result = timeout(handle, options.fetch_timeout, fetch).await;
                (job, result)
            });
        }
        let Some((job, result)) = fetches.next().await else { return };
        frontier.done(&job, result);
    }
}
// ANCHOR_END: work

// ANCHOR: fetch
/// Fetches a page, in whatever time it takes.
async fn fetch(handle: &LoopHandle, options: &Options, url: &Url) -> Result<Response, FetchError> {
    let stream = TcpStream::connect(handle, options.server).await?;
    bytes::write_all(&stream, request(url)).await.0?;
    read(&stream, ResponseReader::new(options.answer_bytes_max)).await
}
// ANCHOR_END: fetch

// ANCHOR: read
async fn read(stream: &TcpStream, mut reader: ResponseReader) -> Result<Response, FetchError> {
    while let Some(chunk) = stream.read_chunk().await? {
        if let Some(response) = reader.push(&chunk)? {
            return Ok(response);
        }
    }
    reader.end()
}
// ANCHOR_END: read
