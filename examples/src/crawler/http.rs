//! What is said to a server, and what it answers: HTTP/1.0 without a socket.
//!
//! Rule: an answer has no more bytes than it may have, and one that ends too early is known as such.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use loop_core::Elapsed;

use super::url::Url;

const HEADERS_MAX: usize = 64;

/// What a server has answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

/// An answer as far as it has come.
#[derive(Debug)]
pub(super) struct ResponseReader {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// What the header says, once it has come.
    head: Option<Head>,
}

#[derive(Debug)]
struct Head {
    status: u16,
    location: Option<String>,
    /// Where the body begins, and where it ends if the header says so.
    start: usize,
    end: Option<usize>,
}

/// Why a page could not be had.
#[derive(Debug)]
pub(super) enum FetchError {
    Io(io::Error),
    /// It is no HTTP.
    Garbage,
    /// It ended before its end.
    Truncated,
    TooLarge,
    TimedOut,
}

/// Asks for a page. HTTP/1.0, so that an answer ends with its connection and is in one piece.
pub(super) fn request(url: &Url) -> Vec<u8> {
    format!("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", url.path(), url.authority()).into_bytes()
}

impl ResponseReader {
    pub(super) fn new(bytes_max: usize) -> ResponseReader {
        ResponseReader { bytes: Vec::new(), bytes_max, head: None }
    }

    /// Takes what has come; returns the answer if its header says that this is all.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<Response>, FetchError> {
        self.bytes.extend_from_slice(bytes);
        if self.head.is_none() {
            self.head = parse(&self.bytes)?;
        }
        let end = self.head.as_ref().and_then(|head| head.end);
        if self.bytes.len().max(end.unwrap_or(0)) > self.bytes_max {
            return Err(FetchError::TooLarge);
        }
        Ok(end.filter(|end| self.bytes.len() >= *end).and_then(|end| self.take(end)))
    }

    /// Takes the end of the stream, which is the end of an answer whose header does not say its own.
    pub(super) fn end(&mut self) -> Result<Response, FetchError> {
        if self.head.as_ref().is_some_and(|head| head.end.is_some()) {
            return Err(FetchError::Truncated);
        }
        self.take(self.bytes.len()).ok_or(FetchError::Truncated)
    }

    fn take(&mut self, end: usize) -> Option<Response> {
        let Head { status, location, start, .. } = self.head.take()?;
        Some(Response { status, location, body: self.bytes[start..end].to_vec() })
    }
}

/// Parses a header, if it is there.
fn parse(bytes: &[u8]) -> Result<Option<Head>, FetchError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|_error| FetchError::Garbage)?;
    let httparse::Status::Complete(start) = parsed else { return Ok(None) };
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
    };
    let length = value("Content-Length").map(|length| length.parse::<usize>());
    let length = length.transpose().map_err(|_error| FetchError::Garbage)?;
    Ok(Some(Head {
        status: response.code.ok_or(FetchError::Garbage)?,
        location: value("Location"),
        start,
        end: length.map(|length| start.saturating_add(length)),
    }))
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Io(error) => error.fmt(f),
            FetchError::Garbage => f.write_str("the answer is no HTTP"),
            FetchError::Truncated => f.write_str("the answer ended before its end"),
            FetchError::TooLarge => f.write_str("the answer is too large"),
            FetchError::TimedOut => Elapsed.fmt(f),
        }
    }
}

impl Error for FetchError {}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> FetchError {
        match error.kind() {
            // A blocking socket says the second when its time is over.
            ErrorKind::TimedOut | ErrorKind::WouldBlock => FetchError::TimedOut,
            _ => FetchError::Io(error),
        }
    }
}

impl From<Elapsed> for FetchError {
    fn from(_elapsed: Elapsed) -> FetchError {
        FetchError::TimedOut
    }
}

impl From<api_promises::Fault> for FetchError {
    fn from(fault: api_promises::Fault) -> FetchError {
        FetchError::Io(fault.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.0 302 Found\r\nLOCATION: /there\r\nContent-Length: 5\r\n\r\nhello";

    fn hello() -> Response {
        Response { status: 302, location: Some("/there".to_owned()), body: b"hello".to_vec() }
    }

    #[test]
    fn an_answer_is_there_when_its_last_byte_is() {
        let mut reader = ResponseReader::new(1000);
        let (last, before) = ANSWER.split_last().unwrap();
        for byte in before {
            assert_eq!(reader.push(&[*byte]).unwrap(), None);
        }
        assert_eq!(reader.push(&[*last]).unwrap(), Some(hello()));
    }

    #[test]
    fn an_answer_without_a_length_ends_with_the_stream() {
        let mut reader = ResponseReader::new(1000);
        assert_eq!(reader.push(b"HTTP/1.1 200 OK\r\n\r\nbody").unwrap(), None);
        assert_eq!(reader.end().unwrap().body, b"body");
    }

    #[test]
    fn an_answer_that_ends_too_early_is_truncated() {
        for end in 0..ANSWER.len() {
            let mut reader = ResponseReader::new(1000);
            assert_eq!(reader.push(&ANSWER[..end]).unwrap(), None);
            assert!(matches!(reader.end(), Err(FetchError::Truncated)), "{end}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bytes in ["hello\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: many\r\n\r\n"] {
            let pushed = ResponseReader::new(1000).push(bytes.as_bytes());
            assert!(matches!(pushed, Err(FetchError::Garbage)), "{bytes}");
        }
        // A length that is too large is refused before the bytes have come.
        for bytes in [[b'x'; 11].as_slice(), b"HTTP/1.0 200 OK\r\nContent-Length: 99999\r\n\r\n"] {
            let mut reader = ResponseReader::new(bytes.len().min(60).saturating_sub(1));
            assert!(reader.push(bytes).is_err());
        }
    }
}
