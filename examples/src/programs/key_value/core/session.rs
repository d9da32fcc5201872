//! One client: what it has sent, and what it is to be told.

use std::mem;
use std::time::Duration;

use super::commands::{Next, execute};
use super::{REPLY_BYTES_AT_ONCE, Requests, Store, reply};

/// A buffer of replies that is larger than this is let go once it was written.
const REPLIES_KEPT: usize = 2 * REPLY_BYTES_AT_ONCE;

/// What a client is told that comes when there are too many.
const TOO_MANY_CLIENTS: &[u8] = b"-ERR max number of clients reached\r\n";

/// The conversation with one client.
///
/// Take in what the client sends; write what [`Session::answer`] returns until it returns nothing;
/// only then read on. So a client that takes no replies makes no work, and costs no memory but for
/// the replies that it is given already.
///
/// ```
/// use std::time::Duration;
/// use examples::key_value::core::{Session, Store};
///
/// let (mut session, mut store) = (Session::new(), Store::new());
/// session.take_in(b"PING\r\nGET nobody\r\n");
/// let replies = session.answer(&mut store, Duration::ZERO);
/// assert_eq!(replies.as_deref(), Some(&b"+PONG\r\n$-1\r\n"[..]));
/// assert_eq!(session.answer(&mut store, Duration::ZERO), None);
/// ```
#[derive(Debug, Default)]
pub struct Session {
    requests: Requests,
    /// The buffer of the replies before, for the next ones.
    spare: Vec<u8>,
    over: bool,
}

impl Session {
    /// Begins a conversation.
    pub fn new() -> Session {
        Session::default()
    }

    /// Makes the conversation with a client that comes when there are too many: it is told so, and
    /// that is all.
    pub fn turned_away() -> Session {
        Session { spare: TOO_MANY_CLIENTS.to_vec(), over: true, ..Session::default() }
    }

    /// Takes in what the client has sent.
    pub fn take_in(&mut self, bytes: &[u8]) {
        self.requests.take_in(bytes);
    }

    /// Answers what was taken in, as far as it makes a good mouthful of replies; returns nothing when
    /// all is answered.
    pub fn answer(&mut self, store: &mut Store, now: Duration) -> Option<Vec<u8>> {
        let mut replies = mem::take(&mut self.spare);
        while !self.over && replies.len() < REPLY_BYTES_AT_ONCE {
            match self.requests.next_request() {
                Ok(Some(request)) => {
                    self.over = execute(&request, store, now, &mut replies) != Next::Continue;
                }
                Ok(None) => break,
                Err(error) => {
                    reply::error(&mut replies, format!("ERR Protocol error: {error}").as_bytes());
                    self.over = true;
                }
            }
        }
        if replies.is_empty() {
            self.spare = replies;
            return None;
        }
        Some(replies)
    }

    /// Takes the buffer of replies that were written back, to use it again.
    pub fn give_back(&mut self, mut replies: Vec<u8>) {
        if replies.capacity() <= REPLIES_KEPT {
            replies.clear();
            self.spare = replies;
        }
    }

    /// Tells whether the client is to be closed once it has its replies: it has said good-bye, or
    /// what it said cannot be understood, or is HTTP.
    pub fn is_over(&self) -> bool {
        self.over
    }
}
