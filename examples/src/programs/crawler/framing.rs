//! Where an answer ends: RFC 9112, section 6.
//!
//! Rule: an answer ends where its status, its coding or its length says, in this order; where none of them
//! says anything, it ends with its connection. What contradicts itself has no end, and is refused.

use httparse::{Header, Status};

use super::failure::FetchError;
use super::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX};

/// The longest line that announces a chunk, with its extensions, which mean nothing here.
const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;

/// What the header of an answer says.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) body: Body,
}

/// How a body ends.
#[derive(Debug)]
pub(super) enum Body {
    /// There is none, or it has so many bytes.
    Length(usize),
    /// It comes in chunks.
    Chunked(Chunks),
    /// It ends with its connection.
    UntilTheEnd,
}

/// A body that comes in chunks, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    body: Vec<u8>,
    expecting: Expecting,
}

#[derive(Clone, Copy, Debug, Default)]
enum Expecting {
    #[default]
    Size,
    Data(usize),
    /// The fields behind the last chunk, and the empty line.
    Trailer,
    Nothing,
}

/// Parses a header, if all of it is there; returns its length, too.
pub(super) fn head(bytes: &[u8]) -> Result<Option<(Head, usize)>, FetchError> {
    let mut fields = [httparse::EMPTY_HEADER; HEADER_FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = httparse::ParserConfig::default()
        // A field on several lines is deprecated, and a client is to read it as one.
        .allow_obsolete_multiline_headers_in_responses(true)
        .parse_response(&mut response, &bytes[..bytes.len().min(HEADER_BYTES_MAX)])?;
    let Status::Complete(length) = parsed else {
        let too_long = bytes.len() >= HEADER_BYTES_MAX;
        return if too_long { Err(FetchError::HeaderTooLong) } else { Ok(None) };
    };
    let status = response.code.ok_or(FetchError::Garbage)?;
    let body = match status {
        // It was not asked to go on in another protocol.
        101 => return Err(FetchError::Garbage),
        100..=199 | 204 | 304 => Body::Length(0),
        _ => body(response.headers, response.version == Some(0))?,
    };
    let location = values(response.headers, "Location").next();
    let location = location.map(|location| String::from_utf8_lossy(location).into_owned());
    Ok(Some((Head { status, location, body }, length)))
}

/// Finds out how the body ends that a header announces.
fn body(fields: &[Header<'_>], is_first_version: bool) -> Result<Body, FetchError> {
    let mut codings = list(fields, "Transfer-Encoding").peekable();
    if codings.peek().is_some() {
        // The first version has no codings, so that a part on the way may not have understood them.
        if is_first_version {
            return Err(FetchError::Coding);
        }
        // A coding comes before any length, which may be wrong then.
        return match (codings.next(), codings.next()) {
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => {
                Ok(Body::Chunked(Chunks::default()))
            }
            _ => Err(FetchError::Coding),
        };
    }
    let mut length = None;
    for text in list(fields, "Content-Length") {
        let said = number(text).ok_or(FetchError::Length)?;
        if length.replace(said).is_some_and(|before| before != said) {
            return Err(FetchError::Length);
        }
    }
    Ok(length.map_or(Body::UntilTheEnd, Body::Length))
}

/// Lists the values of a field, however often it is there.
fn values<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let named = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value.trim_ascii())
}

/// Lists the values of a field that is a list.
fn list<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    values(fields, name).flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
}

/// Reads a length: digits and nothing else. One that no memory can hold is as long as can be.
fn number(text: &[u8]) -> Option<usize> {
    let digit = |length: usize, byte: &u8| {
        length.saturating_mul(10).saturating_add(usize::from(byte - b'0'))
    };
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, digit))
}

impl Head {
    pub(super) fn is_interim(&self) -> bool {
        self.status < 200
    }
}

impl Body {
    /// Tells whether all has come. What has been understood of chunks is taken out of `bytes`; a body
    /// that says of itself that it has more than `bytes_max` is refused at once.
    pub(super) fn has_ended(
        &mut self,
        bytes: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<bool, FetchError> {
        match self {
            Body::Length(length) if *length > bytes_max => Err(FetchError::TooLarge),
            Body::Length(length) => Ok(bytes.len() >= *length),
            Body::Chunked(chunks) => chunks.take(bytes, bytes_max),
            Body::UntilTheEnd => Ok(false),
        }
    }

    /// Returns the body, which has ended; what came behind it is left out.
    pub(super) fn into_bytes(self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Body::Length(length) => {
                bytes.truncate(length);
                bytes
            }
            Body::Chunked(chunks) => chunks.body,
            Body::UntilTheEnd => bytes,
        }
    }
}

impl Chunks {
    /// Takes the chunks out of what has come; tells whether the last one was among them.
    fn take(&mut self, bytes: &mut Vec<u8>, bytes_max: usize) -> Result<bool, FetchError> {
        let mut at = 0;
        while let Some(length) = self.step(&bytes[at..], bytes_max)? {
            at += length;
        }
        bytes.drain(..at);
        Ok(matches!(self.expecting, Expecting::Nothing))
    }

    /// Understands the next part, if all of it is there; returns how long it is.
    fn step(&mut self, rest: &[u8], bytes_max: usize) -> Result<Option<usize>, FetchError> {
        match self.expecting {
            Expecting::Size => {
                let Some((length, size)) = chunk_size(rest)? else { return Ok(None) };
                if size > bytes_max {
                    return Err(FetchError::TooLarge);
                }
                self.expecting = if size == 0 { Expecting::Trailer } else { Expecting::Data(size) };
                Ok(Some(length))
            }
            Expecting::Data(size) => {
                let Some((data, end)) = rest.split_at_checked(size) else { return Ok(None) };
                let Some(end) = end.first_chunk() else { return Ok(None) };
                if end != b"\r\n" {
                    return Err(FetchError::Chunk);
                }
                self.body.extend_from_slice(data);
                self.expecting = Expecting::Size;
                Ok(Some(size + 2))
            }
            Expecting::Trailer => {
                let Some(length) = trailer(rest)? else { return Ok(None) };
                self.expecting = Expecting::Nothing;
                Ok(Some(length))
            }
            Expecting::Nothing => Ok(None),
        }
    }
}

/// Reads the line that announces a chunk: its length, and the chunk's.
fn chunk_size(rest: &[u8]) -> Result<Option<(usize, usize)>, FetchError> {
    let line = &rest[..rest.len().min(CHUNK_LINE_BYTES_MAX)];
    // The parser would take no digit for a zero, and a line break for a part of an extension.
    if line.first().is_some_and(|first| !first.is_ascii_hexdigit()) {
        return Err(FetchError::Chunk);
    }
    let end = line.iter().position(|&byte| byte == b'\n');
    let Some(end) = end else {
        let too_long = line.len() == CHUNK_LINE_BYTES_MAX;
        return if too_long { Err(FetchError::Chunk) } else { Ok(None) };
    };
    match httparse::parse_chunk_size(&line[..=end]) {
        Ok(Status::Complete((length, size))) => {
            Ok(Some((length, usize::try_from(size).unwrap_or(usize::MAX))))
        }
        _ => Err(FetchError::Chunk),
    }
}

/// Passes over the fields behind the last chunk; returns how long they are with their empty line.
fn trailer(rest: &[u8]) -> Result<Option<usize>, FetchError> {
    let mut fields = [httparse::EMPTY_HEADER; HEADER_FIELDS_MAX];
    match httparse::parse_headers(&rest[..rest.len().min(HEADER_BYTES_MAX)], &mut fields)? {
        Status::Complete((length, _fields)) => Ok(Some(length)),
        Status::Partial if rest.len() >= HEADER_BYTES_MAX => Err(FetchError::HeaderTooLong),
        Status::Partial => Ok(None),
    }
}
