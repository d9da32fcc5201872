//! Cuts what a client sends into requests, however it comes in pieces.
//!
//! No byte is looked at twice: what is understood of a request that has not all come is kept.

use std::fmt;
use std::ops::Range;

use super::{ARGUMENT_BYTES_MAX, ARGUMENTS_MAX, LINE_BYTES_MAX, REQUEST_BYTES_MAX};
use super::{inline, number};

/// The longest line that announces a number of arguments or a length: a sign and 20 digits.
const HEADER_BYTES_MAX: usize = 32;

/// An empty buffer is no larger than this, so that an idle client holds little.
const BUFFER_BYTES_KEPT: usize = 64 << 10;

/// The requests of one client.
#[derive(Debug, Default)]
pub struct Requests {
    buffer: Vec<u8>,
    /// Where in the buffer the request at hand begins; the places below count from here.
    start: usize,
    /// How much of the request is understood.
    understood: usize,
    /// How far the end of a line was looked for in vain.
    searched: usize,
    /// The arguments that are understood.
    arguments: Vec<Range<usize>>,
    expecting: Expecting,
}

/// What comes next of the request at hand.
#[derive(Clone, Copy, Debug, Default)]
enum Expecting {
    /// Its first line.
    #[default]
    Beginning,
    /// The line with the length of an argument; so many are to come.
    Length { left: usize },
    /// An argument of this length, the first of those that are to come.
    Argument { left: usize, length: usize },
}

/// What an attempt to understand more has come to.
enum Progress {
    /// There is too little to understand.
    None,
    /// A part was understood, and another follows.
    Part,
    /// The request is understood.
    Whole,
}

/// A command and its arguments; there is at least the command's name.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    bytes: &'a [u8],
    arguments: &'a [Range<usize>],
}

/// Why nothing that follows can be understood. Says what Redis says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An inline command has no end within its limit.
    LineTooLong,
    /// The line with the number of arguments has none.
    CountTooLong,
    /// The line with the length of an argument has none.
    LengthTooLong,
    /// The quotes of an inline command are not in order.
    UnbalancedQuotes,
    /// The number of arguments is none, or over the limit.
    ArgumentCount,
    /// There is something else than an argument: this.
    NoArgument(u8),
    /// The length of an argument is none, or over the limit.
    ArgumentLength,
    /// The arguments are too long together.
    RequestTooLong,
}

impl Requests {
    /// Takes in what came next.
    pub fn take_in(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            // What is left is the end of the piece that came last: it is moved once.
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next request that has all come.
    ///
    /// # Errors
    /// When what came is no request. What follows is not understood either: to be asked no more.
    pub fn next_request(&mut self) -> Result<Option<Request<'_>>, ProtocolError> {
        loop {
            let progress = match self.expecting {
                Expecting::Beginning => self.begin()?,
                Expecting::Length { left } => self.length(left)?,
                Expecting::Argument { left, length } => self.argument(left, length),
            };
            match progress {
                Progress::Part => {}
                Progress::None => {
                    self.let_go();
                    return Ok(None);
                }
                Progress::Whole => {
                    let start = self.start;
                    self.start += self.understood;
                    (self.understood, self.searched) = (0, 0);
                    self.expecting = Expecting::Beginning;
                    if !self.arguments.is_empty() {
                        let (bytes, arguments) = (&self.buffer[start..], &self.arguments[..]);
                        return Ok(Some(Request { bytes, arguments }));
                    }
                }
            }
        }
    }

    /// Empties the buffer when all of it is understood, and keeps no large one.
    fn let_go(&mut self) {
        if self.start == self.buffer.len() {
            self.start = 0;
            self.buffer.clear();
            self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        }
    }

    /// Understands the first line, which may be all.
    fn begin(&mut self) -> Result<Progress, ProtocolError> {
        self.arguments.clear();
        let announces = self.buffer.get(self.start) == Some(&b'*');
        let line = match announces {
            true => self.line(HEADER_BYTES_MAX, ProtocolError::CountTooLong)?,
            false => self.line(LINE_BYTES_MAX, ProtocolError::LineTooLong)?,
        };
        let Some(line) = line else { return Ok(Progress::None) };
        let place = self.start + line.start..self.start + line.end;
        let line = &mut self.buffer[place];
        if !announces {
            return match inline::split(line, &mut self.arguments) {
                true => Ok(Progress::Whole),
                false => Err(ProtocolError::UnbalancedQuotes),
            };
        }
        match number::parse(&line[1..]) {
            Some(count) if count > ARGUMENTS_MAX as i64 => Err(ProtocolError::ArgumentCount),
            Some(count @ 1..) => {
                self.expecting = Expecting::Length { left: count as usize };
                Ok(Progress::Part)
            }
            // No arguments, no command, no reply.
            Some(_) => Ok(Progress::Whole),
            None => Err(ProtocolError::ArgumentCount),
        }
    }

    fn length(&mut self, left: usize) -> Result<Progress, ProtocolError> {
        let Some(&first) = self.buffer.get(self.start + self.understood) else {
            return Ok(Progress::None);
        };
        if first != b'$' {
            return Err(ProtocolError::NoArgument(first));
        }
        let line = self.line(HEADER_BYTES_MAX, ProtocolError::LengthTooLong)?;
        let Some(line) = line else { return Ok(Progress::None) };
        let length = &self.buffer[self.start + line.start + 1..self.start + line.end];
        match number::parse(length).map(usize::try_from) {
            Some(Ok(length)) if length <= ARGUMENT_BYTES_MAX => {
                if self.understood + length > REQUEST_BYTES_MAX {
                    return Err(ProtocolError::RequestTooLong);
                }
                self.expecting = Expecting::Argument { left, length };
                Ok(Progress::Part)
            }
            _ => Err(ProtocolError::ArgumentLength),
        }
    }

    /// Passes an argument and the line break behind it, at which Redis does not look either.
    fn argument(&mut self, left: usize, length: usize) -> Progress {
        let end = self.understood + length;
        if self.buffer.len() < self.start + end + 2 {
            return Progress::None;
        }
        self.arguments.push(self.understood..end);
        self.understood = end + 2;
        self.searched = self.understood;
        self.expecting = Expecting::Length { left: left - 1 };
        if left == 1 { Progress::Whole } else { Progress::Part }
    }

    /// Passes the next line, if all of it has come, and returns its place without the line break.
    fn line(
        &mut self,
        limit: usize,
        too_long: ProtocolError,
    ) -> Result<Option<Range<usize>>, ProtocolError> {
        let from = self.searched.max(self.understood);
        let rest = &self.buffer[self.start + from..];
        let start = self.understood;
        match rest.iter().position(|&byte| byte == b'\n') {
            Some(length) if from + length - start <= limit => {
                let end = from + length;
                self.understood = end + 1;
                self.searched = self.understood;
                let returns = end > start && self.buffer[self.start + end - 1] == b'\r';
                Ok(Some(start..end - usize::from(returns)))
            }
            None if from + rest.len() - start <= limit => {
                self.searched = from + rest.len();
                Ok(None)
            }
            _ => Err(too_long),
        }
    }
}

impl<'a> Request<'a> {
    /// Returns the command's name, in whatever case the client has written it.
    pub fn name(&self) -> &'a [u8] {
        self.argument(0)
    }

    /// Returns how many arguments follow the name.
    pub fn len(&self) -> usize {
        self.arguments.len() - 1
    }

    /// Tells whether no argument follows the name.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns an argument; the first one behind the name is 1.
    ///
    /// # Panics
    /// When there is none.
    pub fn argument(&self, number: usize) -> &'a [u8] {
        &self.bytes[self.arguments[number].clone()]
    }

    /// Returns what follows the name.
    pub fn arguments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.arguments[1..].iter().map(move |place| &bytes[place.clone()])
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lossy = self.arguments.iter().map(|place| self.bytes[place.clone()].escape_ascii());
        f.debug_list().entries(lossy.map(|text| text.to_string())).finish()
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProtocolError::LineTooLong => f.write_str("too big inline request"),
            ProtocolError::CountTooLong => f.write_str("too big mbulk count string"),
            ProtocolError::LengthTooLong => f.write_str("too big bulk count string"),
            ProtocolError::UnbalancedQuotes => f.write_str("unbalanced quotes in request"),
            ProtocolError::ArgumentCount => f.write_str("invalid multibulk length"),
            ProtocolError::NoArgument(byte) => {
                write!(f, "expected '$', got '{}'", byte.escape_ascii())
            }
            ProtocolError::ArgumentLength => f.write_str("invalid bulk length"),
            ProtocolError::RequestTooLong => f.write_str("too big request"),
        }
    }
}
