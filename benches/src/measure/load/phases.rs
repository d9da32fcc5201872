//! The phases of a measurement: closed (saturated), paced (idle) and open (a schedule).

use std::thread;
use std::time::Duration;

use super::churn::Churn;
use super::{Generator, Message, Recorder, Schedule, Trouble};

/// The longest single wait: an interrupt and a stall are noticed at least as often.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// The kernel's waits are as coarse as a millisecond: closer than this to the next send, the
/// generator asks again and again instead of sleeping.
const SPIN_BELOW: Duration = Duration::from_micros(1_200);

/// Messages sent in a row by a late sender before replies are looked at again, lest its lateness be
/// charged to the server.
const BURST_MAX: usize = 8;

/// When a closed phase ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// After a time.
    Time(Duration),
    /// After a number of messages over all connections.
    Messages(u64),
}

/// What a closed phase did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    /// Messages echoed from the beginning until all were back.
    pub(crate) messages: u64,
    /// Messages echoed within the window of time.
    pub(crate) within: u64,
    /// The window of time.
    pub(crate) window: Duration,
}

impl Closed {
    /// Returns the messages per second within the window.
    pub(crate) fn rate(&self) -> f64 {
        self.within as f64 / self.window.as_secs_f64()
    }
}

/// What an open phase did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    /// Messages that the schedule asked for.
    pub(crate) offered: u64,
    /// Messages echoed.
    pub(crate) messages: u64,
    /// From the beginning of the schedule to the last reply.
    pub(crate) elapsed: Duration,
}

impl Open {
    /// Returns the messages whose replies had not come when patience ended.
    pub(crate) fn unanswered(&self) -> u64 {
        self.offered - self.messages
    }
}

impl Generator {
    /// Keeps as many messages under way on each connection as the shape says, most often one, until
    /// the limit; then waits for the last replies.
    pub(crate) fn closed(
        &mut self,
        limit: Limit,
        recorder: &mut Recorder,
    ) -> Result<Closed, Trouble> {
        let begun = self.now();
        let (deadline, most) = match limit {
            Limit::Time(length) => (begun + length.as_nanos() as u64, u64::MAX),
            Limit::Messages(most) => (u64::MAX, most),
        };
        let first = ((self.width * self.pipeline) as u64).min(most);
        for number in 0..first as usize {
            let handed = self.now();
            self.send(number % self.width, Message { intended: handed, handed })?;
        }
        let (mut sent, mut messages, mut within, mut last) = (first, 0, 0, begun);
        while messages < sent {
            self.turn(WAIT_MAX, |message, received| {
                recorder.record(message, received);
                messages += 1;
                if received <= deadline {
                    within += 1;
                    last = received;
                }
                let another = received < deadline && sent < most;
                sent += u64::from(another);
                another
            })?;
        }
        let end = if deadline == u64::MAX { last } else { deadline };
        if within == 0 {
            // On a busy machine a short window may be over before the first reply: then all count.
            let window = Duration::from_nanos((self.now() - begun).max(1));
            return Ok(Closed { messages, within: messages, window });
        }
        Ok(Closed { messages, within, window: Duration::from_nanos((end - begun).max(1)) })
    }

    /// Sends one message after the other, each on the next connection and after a pause in which
    /// the server has gone to sleep.
    pub(crate) fn paced(&mut self, count: u64, pause: Duration) -> Result<(), Trouble> {
        for number in 0..count {
            thread::sleep(pause);
            let handed = self.now();
            let connection = number % self.width as u64;
            self.send(connection as usize, Message { intended: handed, handed })?;
            let mut back = false;
            while !back {
                self.turn(WAIT_MAX, |_, _| {
                    back = true;
                    false
                })?;
            }
        }
        Ok(())
    }

    /// Sends at the times of a schedule, whether or not replies come, then waits for the last
    /// replies as long again as the schedule was, and a stall's time.
    ///
    /// Messages without a reply by then are recorded with the time they have waited so far: leaving
    /// them out would flatter the tail.
    pub(crate) fn open(
        &mut self,
        schedule: &Schedule,
        recorder: &mut Recorder,
    ) -> Result<Open, Trouble> {
        let arrivals = schedule.arrivals();
        let begun = self.now() + 1_000_000;
        recorder.course.divide(begun, schedule.length());
        let patience = 2 * schedule.length() + self.stall_limit;
        let (mut next, mut messages) = (0, 0);
        while messages < arrivals.len() as u64 && self.now() < begun + patience.as_nanos() as u64 {
            next = self.send_what_is_due(schedule, begun, next)?;
            let wait = match arrivals.get(next) {
                Some(arrival) => {
                    let ahead = (begun + arrival.at_ns).saturating_sub(self.now());
                    Duration::from_nanos(ahead).saturating_sub(SPIN_BELOW).min(WAIT_MAX)
                }
                None => WAIT_MAX,
            };
            self.turn(wait, |message, received| {
                recorder.record(message, received);
                messages += 1;
                false
            })?;
        }
        let end = self.now();
        for connection in &self.connections {
            connection.waiting().for_each(|&message| recorder.record(message, end));
        }
        let arriving = self.churn.iter().flat_map(Churn::waiting);
        arriving.for_each(|message| recorder.record(message, end));
        for arrival in &arrivals[next..] {
            recorder.record(Message { intended: begun + arrival.at_ns, handed: end }, end);
        }
        let elapsed = Duration::from_nanos(end.saturating_sub(begun));
        Ok(Open { offered: arrivals.len() as u64, messages, elapsed })
    }

    /// Hands over the messages that are due, a burst at most; returns the first that was not sent.
    fn send_what_is_due(
        &mut self,
        schedule: &Schedule,
        begun: u64,
        next: usize,
    ) -> Result<usize, Trouble> {
        let arrivals = &schedule.arrivals()[next..];
        for (sent, arrival) in arrivals.iter().take(BURST_MAX).enumerate() {
            let handed = self.now();
            let intended = begun + arrival.at_ns;
            if intended > handed {
                return Ok(next + sent);
            }
            self.send(arrival.connection as usize, Message { intended, handed })?;
        }
        Ok(next + arrivals.len().min(BURST_MAX))
    }
}
