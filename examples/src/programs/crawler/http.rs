//! What is said to a server, and what it answers: HTTP without a socket, framed by RFC 9112.
//!
//! Rule: an answer has no more bytes than it may have; one that ends too early, or of which no reader can
//! say where it ends, is none.

use super::framing::{Body, Head, head};
use super::limits::HEADER_BYTES_MAX;
use super::url::Url;

pub(super) use super::failure::FetchError;

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
    /// What is not understood yet.
    bytes: Vec<u8>,
    /// How many bytes have come, and how many may.
    count: usize,
    bytes_max: usize,
    /// How far the end of a header was looked for in vain.
    searched: usize,
    /// What the header says, once it has come.
    head: Option<Head>,
}

/// Asks for a page. HTTP/1.0, so that an answer ends with its connection, and no server sends chunks that
/// keeps to the protocol. What comes in chunks is understood all the same.
pub(super) fn request(url: &Url) -> Vec<u8> {
    format!("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", url.path(), url.authority()).into_bytes()
}

impl ResponseReader {
    pub(super) fn new(bytes_max: usize) -> ResponseReader {
        ResponseReader { bytes: Vec::new(), count: 0, bytes_max, searched: 0, head: None }
    }

    /// Takes what has come; returns the answer if its framing says that this is all.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<Response>, FetchError> {
        // What comes after an answer is not read.
        let room = self.bytes_max - self.count;
        let (fits, exceeds) = (&bytes[..bytes.len().min(room)], bytes.len() > room);
        self.bytes.extend_from_slice(fits);
        self.count += fits.len();
        let response = self.understand()?;
        if response.is_none() && exceeds { Err(FetchError::TooLarge) } else { Ok(response) }
    }

    /// Takes the end of the stream, which is the end of an answer whose framing does not say its own.
    pub(super) fn end(&mut self) -> Result<Response, FetchError> {
        match self.head.take() {
            Some(head) if matches!(head.body, Body::UntilTheEnd) => Ok(self.response(head)),
            _ => Err(FetchError::Truncated),
        }
    }

    fn understand(&mut self) -> Result<Option<Response>, FetchError> {
        while self.head.is_none() {
            if !self.header_may_have_ended() {
                return Ok(None);
            }
            let Some((head, length)) = head(&self.bytes)? else { return Ok(None) };
            self.bytes.drain(..length);
            self.searched = 0;
            // An interim answer announces the real one.
            self.head = Some(head).filter(|head| !head.is_interim());
        }
        let Some(mut head) = self.head.take() else { return Ok(None) };
        let room = self.bytes_max - self.count + self.bytes.len();
        if head.body.has_ended(&mut self.bytes, room)? {
            return Ok(Some(self.response(head)));
        }
        self.head = Some(head);
        Ok(None)
    }

    /// Tells whether it is worth a look: a header ends with an empty line, and nothing is searched twice.
    fn header_may_have_ended(&mut self) -> bool {
        let begins = self.searched == 0 && !self.bytes.is_empty();
        let lines = self.bytes[self.searched.min(self.bytes.len())..].contains(&b'\n');
        self.searched = self.bytes.len();
        if begins || lines {
            return true;
        }
        self.bytes.len() > HEADER_BYTES_MAX
    }

    fn response(&mut self, head: Head) -> Response {
        let body = head.body.into_bytes(std::mem::take(&mut self.bytes));
        Response { status: head.status, location: head.location, body }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::HEADER_FIELDS_MAX;
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.0 302 Found\r\nLOCATION: /there\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
        3;a=\"b\"\r\nhel\r\n0002 \r\nlo\r\n00\r\nTrailer: yes\r\n\r\n";

    fn answer(status: u16, location: Option<&str>, body: &[u8]) -> Response {
        Response { status, location: location.map(str::to_owned), body: body.to_vec() }
    }

    /// Takes an answer that comes at once and is then cut off.
    fn taken(bytes: &[u8]) -> Result<Response, FetchError> {
        let mut reader = ResponseReader::new(100_000);
        reader.push(bytes)?.map_or_else(|| reader.end(), Ok)
    }

    fn body_of(fields: &str, body: &str) -> Result<Vec<u8>, FetchError> {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}");
        taken(answer.as_bytes()).map(|response| response.body)
    }

    #[test]
    fn an_answer_is_there_when_its_last_byte_is() {
        let found = answer(302, Some("/there"), b"hello");
        for (bytes, expected) in [(ANSWER, found), (CHUNKED, answer(200, None, b"hello"))] {
            let mut reader = ResponseReader::new(1000);
            let (last, before) = bytes.split_last().unwrap();
            for byte in before {
                assert_eq!(reader.push(&[*byte]).unwrap(), None);
            }
            assert_eq!(reader.push(&[*last]).unwrap().as_ref(), Some(&expected));
            // What comes after it is not read.
            assert_eq!(taken(&[bytes, b"HTTP/1.1"].concat()).unwrap(), expected);
        }
    }

    #[test]
    fn an_answer_without_a_length_ends_with_the_stream() {
        let mut reader = ResponseReader::new(1000);
        assert_eq!(reader.push(b"HTTP/1.1 200 OK\r\n\r\nbody").unwrap(), None);
        assert_eq!(reader.end().unwrap().body, b"body");
    }

    #[test]
    fn an_answer_that_ends_too_early_is_truncated() {
        for bytes in [ANSWER, CHUNKED] {
            for end in 0..bytes.len() {
                let mut reader = ResponseReader::new(1000);
                assert_eq!(reader.push(&bytes[..end]).unwrap(), None);
                assert!(matches!(reader.end(), Err(FetchError::Truncated)), "{end}");
            }
        }
    }

    #[test]
    fn an_answer_that_cannot_have_a_body_waits_for_none() {
        for (status, length) in [(204, 5), (304, 5), (204, 0)] {
            let bytes = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n");
            assert_eq!(taken(bytes.as_bytes()).unwrap(), answer(status, None, b""));
        }
        let interim = "HTTP/1.1 103 Early\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n".repeat(3);
        let bytes = [interim.as_bytes(), ANSWER].concat();
        assert_eq!(taken(&bytes).unwrap(), answer(302, Some("/there"), b"hello"));
        assert!(matches!(taken(interim.as_bytes()), Err(FetchError::Truncated)));
        let switched = b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n";
        assert!(matches!(taken(switched), Err(FetchError::Garbage)));
    }

    #[test]
    fn a_length_is_digits_and_one() {
        for length in ["5", "005", " 5\t", "5, 5", "5,05", "5\r\nContent-Length: 5"] {
            let fields = format!("Content-Length:{length}\r\n");
            assert_eq!(body_of(&fields, "hello").unwrap(), b"hello", "{length}");
        }
        for length in [
            "+5",
            "-5",
            "5x",
            "0x5",
            "5 5",
            "",
            "5,",
            ",5",
            "5, 6",
            "5\r\nContent-Length: 6",
            "5.0",
        ] {
            let body = body_of(&format!("Content-Length: {length}\r\n"), "hello");
            assert!(matches!(body, Err(FetchError::Length)), "{length}: {body:?}");
        }
        for length in ["100001", "18446744073709551615", "18446744073709551616", &"9".repeat(99)] {
            let body = body_of(&format!("Content-Length: {length}\r\n"), "hello");
            assert!(matches!(body, Err(FetchError::TooLarge)), "{length}: {body:?}");
        }
    }

    #[test]
    fn chunks_are_put_together_and_count_more_than_a_length() {
        let chunks = "5\r\nhello\r\n0\r\n\r\n";
        for fields in [
            "Transfer-Encoding: chunked\r\n",
            "transfer-encoding:CHUNKED\r\nContent-Length: 3\r\n",
            "Content-Length: +3\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_eq!(body_of(fields, chunks).unwrap(), b"hello", "{fields}");
        }
        for coding in ["gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "", "identity"]
        {
            let body = body_of(&format!("Transfer-Encoding: {coding}\r\n"), chunks);
            assert!(matches!(body, Err(FetchError::Coding)), "{coding}: {body:?}");
        }
        let old = format!("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        assert!(matches!(taken(old.as_bytes()), Err(FetchError::Coding)));
    }

    #[test]
    fn a_chunk_that_is_none_is_refused() {
        let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(5000));
        for chunks in [
            "\r\n",
            " \r\n",
            ";\r\n",
            "+5\r\nhello\r\n",
            "5\nhello\r\n",
            "5\r\nhello!\r\n",
            "5\r\nhello\n0",
            "0x5\r\nhello\r\n",
            "5 5\r\n",
            "5;a\nb\r\nhello\r\n",
            "12345678901234567\r\n",
            &long,
        ] {
            let body = body_of("Transfer-Encoding: chunked\r\n", chunks);
            assert!(matches!(body, Err(FetchError::Chunk)), "{chunks:?}: {body:?}");
        }
        for size in ["ffffffffffffffff", "186a1"] {
            let body = body_of("Transfer-Encoding: chunked\r\n", &format!("{size}\r\n"));
            assert!(matches!(body, Err(FetchError::TooLarge)), "{size}: {body:?}");
        }
    }

    #[test]
    fn a_header_has_its_limits_and_says_which() {
        let fields =
            |count: usize, width: usize| format!("A: {}\r\n", "x".repeat(width)).repeat(count);
        assert!(body_of(&fields(HEADER_FIELDS_MAX, 10), "").is_ok());
        assert!(matches!(
            body_of(&fields(HEADER_FIELDS_MAX + 1, 10), ""),
            Err(FetchError::TooManyFields)
        ));
        for (count, width) in [(1, HEADER_BYTES_MAX), (9, HEADER_BYTES_MAX / 8)] {
            let body = body_of(&fields(count, width), "");
            assert!(matches!(body, Err(FetchError::HeaderTooLong)), "{body:?}");
        }
        let trailer = |fields| format!("0\r\n{fields}\r\n");
        let chunked = "Transfer-Encoding: chunked\r\n";
        assert!(body_of(chunked, &trailer(fields(3, 10))).is_ok());
        let many = body_of(chunked, &trailer(fields(HEADER_FIELDS_MAX + 1, 10)));
        assert!(matches!(many, Err(FetchError::TooManyFields)));
        let long = body_of(chunked, &trailer(fields(1, HEADER_BYTES_MAX)));
        assert!(matches!(long, Err(FetchError::HeaderTooLong)));
    }

    #[test]
    fn a_field_on_several_lines_is_read_as_one() {
        let location =
            taken(b"HTTP/1.1 302 Found\r\nLocation: /a\r\n /b\r\nContent-Length:\r\n 0\r\n\r\n");
        let location = location.unwrap().location.unwrap();
        assert_eq!(location, "/a\r\n /b");
        assert!(matches!(body_of("Content-Length: 1\r\n 2\r\n", ""), Err(FetchError::Length)));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bytes in ["hello\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length : 0\r\n\r\n"] {
            assert!(matches!(taken(bytes.as_bytes()), Err(FetchError::Garbage)), "{bytes}");
        }
        let mut reader = ResponseReader::new(10);
        assert!(matches!(reader.push(&[b'x'; 11]), Err(FetchError::Garbage)));
        let mut reader = ResponseReader::new(30);
        assert_eq!(reader.push(b"HTTP/1.0 200 OK\r\n\r\n12345678901").unwrap(), None);
        assert!(matches!(reader.push(b"x"), Err(FetchError::TooLarge)));
    }
}
