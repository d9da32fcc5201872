//! The commands, and what they reply.

use std::time::Duration;

use super::store::{Lifetime, Refused};
use super::{Request, Store, number, reply};

const SYNTAX: &[u8] = b"ERR syntax error";
const NOT_AN_INTEGER: &[u8] = b"ERR value is not an integer or out of range";
const NOT_A_SMALL_INTEGER: &[u8] =
    b"ERR value is out of range, value must between -2147483648 and 2147483647";
const OVERFLOW: &[u8] = b"ERR increment or decrement would overflow";
const NO_ROOM: &[u8] = b"OOM command not allowed when used memory > 'maxmemory'.";

/// The longest name of a command.
const NAME_BYTES_MAX: usize = 8;

/// When this was written, roughly: no time is passed in that would say it more exactly.
const MILLISECONDS_SINCE_1970: i64 = 1_790_000_000_000;

/// How much of a command that is not known is told back.
const TOLD_BYTES_MAX: usize = 128;

/// What is to be done with the client when it has its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    Close,
    /// This is another protocol: nothing that follows is for us, and no client waits for a reply.
    Leave,
}

/// A command that is being executed: its arguments, and all that it may touch.
struct Call<'a> {
    request: &'a Request<'a>,
    store: &'a mut Store,
    now: Duration,
    replies: &'a mut Vec<u8>,
}

/// Executes a command, and appends its reply.
pub(super) fn execute(
    request: &Request<'_>,
    store: &mut Store,
    now: Duration,
    replies: &mut Vec<u8>,
) -> Next {
    let (mut name, count) = ([0; NAME_BYTES_MAX], request.len());
    let name = in_capitals(request.name(), &mut name);
    let mut call = Call { request, store, now, replies };
    match (name, count) {
        (b"GET", 1) => call.get(),
        (b"SET", 2..) => call.set(),
        (b"DEL", 1..) => call.count(Store::remove),
        (b"EXISTS", 1..) => call.count(Store::contains),
        (b"INCR", 1) => call.increment(),
        (b"EXPIRE", 2) => call.expire(),
        (b"PERSIST", 1) => call.persist(),
        (b"TTL", 1) => call.time_to_live(),
        (b"DBSIZE", 0) => reply::integer(call.replies, call.store.len() as i64),
        (b"PING", 0) => reply::simple(call.replies, "PONG"),
        (b"PING" | b"ECHO", 1) => reply::bulk(call.replies, request.argument(1)),
        (b"SELECT", 1) => call.select(),
        // Clients ask for these before anything else; an answer keeps them quiet.
        (b"COMMAND", _) => reply::array(call.replies, 0),
        (b"CONFIG", 2..) if request.argument(1).eq_ignore_ascii_case(b"GET") => {
            call.configuration()
        }
        // Redis: `securityWarningCommand`. A browser that is made to post here sends commands as its body.
        (b"POST" | b"HOST:", _) => {
            call.store.warn(now);
            return Next::Leave;
        }
        (b"QUIT", _) => {
            reply::simple(call.replies, "OK");
            return Next::Close;
        }
        (
            b"GET" | b"SET" | b"DEL" | b"EXISTS" | b"INCR" | b"EXPIRE" | b"PERSIST" | b"TTL"
            | b"DBSIZE" | b"PING" | b"ECHO" | b"SELECT" | b"CONFIG",
            _,
        ) => call.wrong_number(),
        _ => call.unknown(),
    }
    Next::Continue
}

/// Writes a name in capitals; one that is too long for a command becomes none.
fn in_capitals<'a>(written: &[u8], room: &'a mut [u8; NAME_BYTES_MAX]) -> &'a [u8] {
    let Some(name) = room.get_mut(..written.len()) else { return &[] };
    name.copy_from_slice(written);
    name.make_ascii_uppercase();
    name
}

impl Call<'_> {
    fn get(&mut self) {
        match self.store.get(self.request.argument(1), self.now) {
            Some(value) => reply::bulk(self.replies, value),
            None => reply::null(self.replies),
        }
    }

    /// `SET key value [NX | XX] [EX seconds | PX milliseconds | KEEPTTL]`, in any order. As in Redis an
    /// option may be said again, and a time is only looked at when all options are known.
    fn set(&mut self) {
        let mut options = self.request.arguments().skip(2).peekable();
        let (mut keeps, mut time, mut only_if) = (false, None, None);
        while let Some(option) = options.next() {
            let (name, is_last) = (option.to_ascii_uppercase(), options.peek().is_none());
            let other_unit = time.is_some_and(|(unit, _)| unit != time_unit(&name));
            match name.as_slice() {
                b"NX" if only_if != Some(true) => only_if = Some(false),
                b"XX" if only_if != Some(false) => only_if = Some(true),
                b"KEEPTTL" if time.is_none() => keeps = true,
                b"EX" | b"PX" if !keeps && !other_unit && !is_last => {
                    time = options.next().map(|amount| (time_unit(&name), amount));
                }
                _ => return self.refuse(SYNTAX),
            }
        }
        let lifetime = match time {
            None if keeps => Lifetime::Kept,
            None => Lifetime::Endless,
            Some((unit, amount)) => {
                let Some(amount) = number::parse(amount) else {
                    return self.refuse(NOT_AN_INTEGER);
                };
                let millis = amount.checked_mul(unit).filter(|&millis| millis > 0);
                let Some(end) = millis.and_then(|millis| self.after(millis)) else {
                    return self.invalid_time();
                };
                Lifetime::Until(end)
            }
        };
        let key = self.request.argument(1);
        if only_if.is_some_and(|there| self.store.contains(key, self.now) != there) {
            return reply::null(self.replies);
        }
        match self.store.set(key, self.request.argument(2), lifetime, self.now) {
            Ok(()) => reply::simple(self.replies, "OK"),
            Err(refused) => self.refused(refused),
        }
    }

    /// Replies for how many of its keys `f` is true.
    fn count(&mut self, f: fn(&mut Store, &[u8], Duration) -> bool) {
        let count = self.request.arguments().filter(|key| f(self.store, key, self.now)).count();
        reply::integer(self.replies, count as i64);
    }

    fn increment(&mut self) {
        match self.store.increment(self.request.argument(1), self.now) {
            Ok(value) => reply::integer(self.replies, value),
            Err(refused) => self.refused(refused),
        }
    }

    fn expire(&mut self) {
        let Some(seconds) = number::parse(self.request.argument(2)) else {
            return self.refuse(NOT_AN_INTEGER);
        };
        let deadline = seconds.checked_mul(1000).and_then(|millis| self.after(millis));
        if deadline.is_none() {
            return self.invalid_time();
        }
        let set = self.store.expire(self.request.argument(1), deadline, self.now);
        reply::integer(self.replies, i64::from(set));
    }

    fn persist(&mut self) {
        let key = self.request.argument(1);
        let ends = self.store.deadline(key, self.now).is_some_and(|deadline| deadline.is_some());
        if ends {
            self.store.expire(key, None, self.now);
        }
        reply::integer(self.replies, i64::from(ends));
    }

    /// Replies how many seconds a key has left, rounded; -1 when it stays, and -2 when it is not there.
    fn time_to_live(&mut self) {
        let left = match self.store.deadline(self.request.argument(1), self.now) {
            None => -2,
            Some(None) => -1,
            Some(Some(deadline)) => {
                let millis = deadline.saturating_sub(self.now).as_millis();
                i64::try_from((millis + 500) / 1000).unwrap_or(i64::MAX)
            }
        };
        reply::integer(self.replies, left);
    }

    /// There is one database, and its number is 0.
    fn select(&mut self) {
        match number::parse(self.request.argument(1)) {
            Some(0) => reply::simple(self.replies, "OK"),
            Some(number) if i32::try_from(number).is_err() => self.refuse(NOT_A_SMALL_INTEGER),
            Some(_) => self.refuse(b"ERR DB index is out of range"),
            None => self.refuse(NOT_AN_INTEGER),
        }
    }

    /// `CONFIG GET name`: nothing is kept on a disk, and that is what benchmarks want to know.
    fn configuration(&mut self) {
        let name = self.request.argument(2);
        let value: &[u8] = match name.to_ascii_lowercase().as_slice() {
            b"save" => b"",
            b"appendonly" => b"no",
            _ => return reply::array(self.replies, 0),
        };
        reply::array(self.replies, 2);
        reply::bulk(self.replies, name);
        reply::bulk(self.replies, value);
    }

    /// Returns the moment that is so many milliseconds from now; what lies before is now. There is none
    /// that Redis could not count in milliseconds since 1970.
    fn after(&self, millis: i64) -> Option<Duration> {
        millis.checked_add(MILLISECONDS_SINCE_1970)?;
        Some(self.now.saturating_add(Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
    }

    fn refused(&mut self, refused: Refused) {
        self.refuse(match refused {
            Refused::NoRoom => NO_ROOM,
            Refused::NotAnInteger => NOT_AN_INTEGER,
            Refused::Overflow => OVERFLOW,
        });
    }

    fn refuse(&mut self, error: &[u8]) {
        reply::error(self.replies, error);
    }

    fn invalid_time(&mut self) {
        let name = self.request.name().to_ascii_lowercase();
        self.refuse(&[b"ERR invalid expire time in '", &name[..], b"' command"].concat());
    }

    fn wrong_number(&mut self) {
        let name = self.request.name().to_ascii_lowercase();
        self.refuse(&[b"ERR wrong number of arguments for '", &name[..], b"' command"].concat());
    }

    fn unknown(&mut self) {
        let mut arguments = Vec::new();
        for argument in self.request.arguments() {
            let Some(room) = TOLD_BYTES_MAX.checked_sub(arguments.len() + 1) else { break };
            arguments.extend([b"'", told(argument, room + 1), b"' "].concat());
        }
        let name = told(self.request.name(), TOLD_BYTES_MAX);
        let [before, between] = [b"ERR unknown command '", &b"', with args beginning with: "[..]];
        self.refuse(&[before, name, between, &arguments].concat());
    }
}

/// Returns how many milliseconds the unit of an option has.
fn time_unit(option: &[u8]) -> i64 {
    if option == b"EX" { 1000 } else { 1 }
}

/// Cuts what is told back as Redis does: at its limit, and at a zero, where its texts end.
fn told(text: &[u8], room: usize) -> &[u8] {
    let text = &text[..text.len().min(room)];
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}
