//! Which connections are silent for too long.
//!
//! Rule: a message costs a note of its turn's time, and no change of the heap: a connection that has spoken when
//! it is looked at is looked at again when it would have been silent for too long since.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use mio::Token;

use super::row_of;

pub(super) struct Silence {
    /// After how long it is too long.
    limit: Duration,
    /// When this turn began.
    now: Instant,
    /// When each row's connection has spoken last.
    heard_at: Vec<Instant>,
    /// When each connection is looked at; the earliest is on top.
    looks: BinaryHeap<Reverse<(Instant, Token)>>,
}

impl Silence {
    pub(super) fn of(limit: Duration) -> Silence {
        Silence { limit, now: Instant::now(), heard_at: Vec::new(), looks: BinaryHeap::new() }
    }

    /// Asks the clock once for all that happens in a turn.
    pub(super) fn begin_turn(&mut self) {
        self.now = Instant::now();
    }

    /// Watches a connection, which is new.
    pub(super) fn watch(&mut self, token: Token) {
        let row = row_of(token);
        self.heard_at.resize(self.heard_at.len().max(row + 1), self.now);
        self.heard_at[row] = self.now;
        self.looks.push(Reverse((self.now + self.limit, token)));
    }

    /// Notes that a connection has spoken.
    pub(super) fn hear(&mut self, token: Token) {
        self.heard_at[row_of(token)] = self.now;
    }

    /// How long there is nothing to look at.
    pub(super) fn patience(&self) -> Option<Duration> {
        let &Reverse((look, _)) = self.looks.peek()?;
        Some(look.saturating_duration_since(Instant::now()))
    }

    /// Finds a live connection that has been silent for too long, and watches it no more.
    pub(super) fn find(&mut self, mut is_live: impl FnMut(Token) -> bool) -> Option<Token> {
        while let Some(&Reverse((_, token))) = self.looks.peek().filter(|it| it.0.0 <= self.now) {
            self.looks.pop();
            let next = self.heard_at[row_of(token)] + self.limit;
            if !is_live(token) {
                continue;
            }
            if next <= self.now {
                return Some(token);
            }
            self.looks.push(Reverse((next, token)));
        }
        None
    }
}
