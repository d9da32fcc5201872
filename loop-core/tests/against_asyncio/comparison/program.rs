//! What is run: bodies of callbacks, the runs of a loop, and what its poll says. One line of text.
//!
//! `soon:1 stop ; work:3 / later:2:0 / forever soon:0 / soon:1 / 2 0r 1rw 1` are, between slashes:
//! the bodies by number, the exception handler's body, the runs with what is done before each, what
//! is done on the closed loop, and the polls. A poll is the seconds that pass if it may wait, the
//! descriptors that are ready, and the bodies that other threads submit meanwhile.

use std::fmt;

/// How many descriptors a program has.
pub(crate) const DESCRIPTORS: u64 = 3;

/// A program for an event loop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Program {
    /// What callbacks do, by number.
    pub(crate) bodies: Vec<Vec<Op>>,
    /// What the exception handler does.
    pub(crate) handler: Vec<Op>,
    pub(crate) runs: Vec<Run>,
    /// What is done when the loop is closed.
    pub(crate) after: Vec<Op>,
    /// What the polls say, one after the other; then nothing is ready any more.
    pub(crate) polls: Vec<Poll>,
}

/// One run of the loop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// Whether it waits for a result, or runs for ever.
    pub(crate) until_complete: bool,
    /// What is done before.
    pub(crate) before: Vec<Op>,
}

/// What one poll says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Poll {
    /// How many seconds pass until it says so, if it may wait.
    pub(crate) seconds: u64,
    pub(crate) events: Vec<Event>,
    /// The bodies that other threads submit while it waits.
    pub(crate) submissions: Vec<u64>,
}

/// A descriptor is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) descriptor: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// One thing that a program does. A `body` is a callback's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Soon {
        body: u64,
    },
    Later {
        delay: u64,
        body: u64,
    },
    At {
        deadline: u64,
        body: u64,
    },
    /// A submission through `Remote` from the loop's own thread.
    Own {
        body: u64,
    },
    /// A submission from another thread, which the next poll sees.
    Thread {
        body: u64,
    },
    /// Cancels what was scheduled last, or so many before it.
    Cancel {
        back: u64,
    },
    Reader {
        descriptor: u64,
        body: u64,
    },
    Writer {
        descriptor: u64,
        body: u64,
    },
    NoReader {
        descriptor: u64,
    },
    NoWriter {
        descriptor: u64,
    },
    Stop,
    /// Gives the run its result.
    Complete,
    /// Takes so many seconds.
    Work {
        seconds: u64,
    },
    /// Fails the callback.
    Fail,
    /// Leaves the run at once.
    Abort,
}

impl Op {
    /// Returns the word of the operation and its numbers.
    pub(crate) fn parts(&self) -> (&'static str, Vec<u64>) {
        match *self {
            Op::Soon { body } => ("soon", vec![body]),
            Op::Later { delay, body } => ("later", vec![delay, body]),
            Op::At { deadline, body } => ("at", vec![deadline, body]),
            Op::Own { body } => ("own", vec![body]),
            Op::Thread { body } => ("thread", vec![body]),
            Op::Cancel { back } => ("cancel", vec![back]),
            Op::Reader { descriptor, body } => ("reader", vec![descriptor, body]),
            Op::Writer { descriptor, body } => ("writer", vec![descriptor, body]),
            Op::NoReader { descriptor } => ("noreader", vec![descriptor]),
            Op::NoWriter { descriptor } => ("nowriter", vec![descriptor]),
            Op::Stop => ("stop", vec![]),
            Op::Complete => ("complete", vec![]),
            Op::Work { seconds } => ("work", vec![seconds]),
            Op::Fail => ("fail", vec![]),
            Op::Abort => ("abort", vec![]),
        }
    }

    /// Makes an operation of its word and its numbers.
    pub(crate) fn from_parts(word: &str, numbers: &[u64]) -> Option<Op> {
        Some(match (word, numbers) {
            ("soon", &[body]) => Op::Soon { body },
            ("later", &[delay, body]) => Op::Later { delay, body },
            ("at", &[deadline, body]) => Op::At { deadline, body },
            ("own", &[body]) => Op::Own { body },
            ("thread", &[body]) => Op::Thread { body },
            ("cancel", &[back]) => Op::Cancel { back },
            ("reader", &[descriptor, body]) => Op::Reader { descriptor, body },
            ("writer", &[descriptor, body]) => Op::Writer { descriptor, body },
            ("noreader", &[descriptor]) => Op::NoReader { descriptor },
            ("nowriter", &[descriptor]) => Op::NoWriter { descriptor },
            ("stop", &[]) => Op::Stop,
            ("complete", &[]) => Op::Complete,
            ("work", &[seconds]) => Op::Work { seconds },
            ("fail", &[]) => Op::Fail,
            ("abort", &[]) => Op::Abort,
            _ => return None,
        })
    }

    fn parse(text: &str) -> Option<Op> {
        let mut parts = text.split(':');
        let word = parts.next()?;
        let numbers: Option<Vec<u64>> = parts.map(|number| number.parse().ok()).collect();
        Op::from_parts(word, &numbers?)
    }
}

impl Program {
    /// Reads a program from its line; `None` if it is none.
    pub(crate) fn parse(line: &str) -> Option<Program> {
        let sections: Vec<&str> = line.split('/').collect();
        let &[bodies, handler, runs, after, polls] = &sections[..] else { return None };
        Some(Program {
            bodies: list(bodies, ops)?,
            handler: ops(handler)?,
            runs: list(runs, Run::parse)?,
            after: ops(after)?,
            polls: list(polls, Poll::parse)?,
        })
    }

    /// Describes the program for a reader, one thing a line.
    pub(crate) fn listing(&self) -> String {
        let mut lines = Vec::new();
        for (number, body) in self.bodies.iter().enumerate() {
            lines.push(format!("callback {number}: {}", joined(body, " ")));
        }
        if !self.handler.is_empty() {
            lines.push(format!("exception handler: {}", joined(&self.handler, " ")));
        }
        for (number, poll) in self.polls.iter().enumerate() {
            lines.push(format!("poll {number}: {poll}"));
        }
        for run in &self.runs {
            lines.push(format!("before the run: {}", joined(&run.before, " ")));
            let kind = if run.until_complete { "run_until_complete" } else { "run_forever" };
            lines.push(kind.to_owned());
        }
        lines.push(format!("close, then: {}", joined(&self.after, " ")));
        lines.into_iter().map(|line| line.trim_end().to_owned() + "\n").collect()
    }
}

fn ops(text: &str) -> Option<Vec<Op>> {
    text.split_whitespace().map(Op::parse).collect()
}

/// Reads items that semicolons end.
fn list<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let mut items: Vec<&str> = text.split(';').collect();
    items.pop().filter(|rest| rest.trim().is_empty())?;
    items.into_iter().map(item).collect()
}

fn joined<T: fmt::Display>(items: &[T], separator: &str) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(separator)
}

fn ended<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(|item| text(item) + ";").collect()
}

impl Run {
    fn parse(text: &str) -> Option<Run> {
        let (kind, before) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let until_complete = match kind {
            "until" => true,
            "forever" => false,
            _ => return None,
        };
        Some(Run { until_complete, before: ops(before)? })
    }
}

impl Poll {
    fn parse(text: &str) -> Option<Poll> {
        let mut words = text.split_whitespace();
        let mut poll = Poll { seconds: words.next()?.parse().ok()?, ..Poll::default() };
        for word in words {
            let number = word.trim_end_matches(['r', 'w']);
            let (readable, writable) = (word.contains('r'), word.contains('w'));
            let number = number.parse().ok()?;
            if readable || writable {
                poll.events.push(Event { descriptor: number, readable, writable });
            } else {
                poll.submissions.push(number);
            }
        }
        Some(poll)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections = [
            ended(&self.bodies, |body| joined(body, " ")),
            joined(&self.handler, " "),
            ended(&self.runs, |run| {
                let kind = if run.until_complete { "until" } else { "forever" };
                format!("{kind} {}", joined(&run.before, " "))
            }),
            joined(&self.after, " "),
            ended(&self.polls, Poll::to_string),
        ];
        f.write_str(&sections.join("/"))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, numbers) = self.parts();
        f.write_str(word)?;
        numbers.iter().try_for_each(|number| write!(f, ":{number}"))
    }
}

impl fmt::Display for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        for event in &self.events {
            let (read, written) =
                (if event.readable { "r" } else { "" }, if event.writable { "w" } else { "" });
            write!(f, " {}{read}{written}", event.descriptor)?;
        }
        self.submissions.iter().try_for_each(|body| write!(f, " {body}"))
    }
}
