//! The members of the room and what is said to each: the whole chat but its connections.
//!
//! Rule: the room says what is to be delivered and delivers nothing. It knows no stream, no clock
//! and no style.

use std::collections::BTreeMap;

use super::Report;
use super::lines::{Line, TooLong};

const NAME_CHARS_MAX: usize = 16;

/// Every member.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// By the number of their connection; those who have not said their name have none.
    members: BTreeMap<u64, Option<String>>,
    next: u64,
    report: Report,
}

/// A line on its way.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) to: u64,
    pub(super) line: Line,
}

/// Why a client is there no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Left,
    LineTooLong,
    TooSlow,
    Stopping,
}

/// What follows from a line.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) deliveries: Vec<Delivery>,
    /// Why the client is to leave, if it is.
    pub(super) ending: Option<Ending>,
}

impl Ending {
    /// Returns what the client itself is told.
    pub(super) fn notice(self) -> Line {
        line(match self {
            Ending::Left => "* bye",
            Ending::LineTooLong => "* you are dropped: that line was too long",
            Ending::TooSlow => "* you are dropped: you did not keep up",
            Ending::Stopping => "* the chat ends",
        })
    }

    /// Returns what the others are told.
    fn news(self, name: &str) -> String {
        match self {
            Ending::Left | Ending::Stopping => format!("* {name} left"),
            Ending::LineTooLong => format!("* {name} was dropped: a line was too long"),
            Ending::TooSlow => format!("* {name} was dropped: it did not keep up"),
        }
    }
}

impl Room {
    /// Lets a client in, and returns its number and the question for its name.
    pub(super) fn enter(&mut self) -> (u64, Vec<Delivery>) {
        self.next += 1;
        self.members.insert(self.next, None);
        (self.next, vec![Delivery { to: self.next, line: line("* who are you?") }])
    }

    /// Takes a line of a client's: its name first, then what it says. One that has left says nothing.
    pub(super) fn hear(&mut self, id: u64, line: Result<String, TooLong>) -> Heard {
        let ends = |ending| Heard { deliveries: Vec::new(), ending: Some(ending) };
        let text = match line.as_deref() {
            Ok("/quit") => return ends(Ending::Left),
            Err(TooLong) => return ends(Ending::LineTooLong),
            Ok(text) => text,
        };
        let deliveries = match self.members.get(&id) {
            None => Vec::new(),
            Some(None) => self.introduce(id, text.trim()),
            Some(Some(name)) => {
                let said = format!("{name}: {text}");
                self.report.lines += 1;
                self.to_others(id, &said)
            }
        };
        Heard { deliveries, ending: None }
    }

    /// Lets a client out, and returns what the others are told; nothing if it has left before.
    pub(super) fn leave(&mut self, id: u64, ending: Ending) -> Vec<Delivery> {
        let Some(member) = self.members.remove(&id) else { return Vec::new() };
        if ending == Ending::TooSlow {
            self.report.dropped += 1;
        }
        match member {
            Some(name) if ending != Ending::Stopping => self.to_others(id, &ending.news(&name)),
            _ => Vec::new(),
        }
    }

    /// Notes that a client had not taken everything when its grace was over.
    pub(super) fn cut_off(&mut self) {
        self.report.cut_off += 1;
    }

    pub(super) fn report(&self) -> Report {
        self.report
    }

    fn introduce(&mut self, id: u64, name: &str) -> Vec<Delivery> {
        let to_it = |text: &str| vec![Delivery { to: id, line: line(text) }];
        let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
        if !fits || !name.chars().all(char::is_alphanumeric) {
            return to_it("* a name is 1 to 16 letters or digits; who are you?");
        }
        let names: Vec<_> = self.members.values().flatten().map(String::as_str).collect();
        if names.contains(&name) {
            return to_it("* that name is taken; who are you?");
        }
        let others = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        let mut deliveries = to_it(&format!("* here with you: {others}"));
        self.report.joined += 1;
        deliveries.extend(self.to_others(id, &format!("* {name} joined")));
        self.members.insert(id, Some(name.to_owned()));
        deliveries
    }

    /// Says something to all that have a name, but for one.
    fn to_others(&self, id: u64, text: &str) -> Vec<Delivery> {
        let line = line(text);
        let others = self.members.iter().filter(|(to, name)| **to != id && name.is_some());
        others.map(|(to, _)| Delivery { to: *to, line: line.clone() }).collect()
    }
}

fn line(text: &str) -> Line {
    format!("{text}\n").into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(room: &mut Room, id: u64, text: &str) -> Vec<(u64, String)> {
        told(room.hear(id, Ok(text.to_owned())).deliveries)
    }

    fn told(deliveries: Vec<Delivery>) -> Vec<(u64, String)> {
        let text = |line: &Line| String::from_utf8(line.trim_ascii().to_vec()).unwrap();
        deliveries.iter().map(|delivery| (delivery.to, text(&delivery.line))).collect()
    }

    #[test]
    fn who_has_no_name_hears_nothing_and_is_not_heard() {
        let mut room = Room::default();
        let ids: Vec<_> = (0..3).map(|_| room.enter().0).collect();
        assert_eq!(say(&mut room, ids[0], "ada"), [(ids[0], "* here with you: nobody".to_owned())]);
        assert_eq!(say(&mut room, ids[0], "is there nobody?"), []);
        assert_eq!(say(&mut room, ids[1], "bob")[1], (ids[0], "* bob joined".to_owned()));
        assert_eq!(told(room.leave(ids[2], Ending::Left)), []);
        assert_eq!(say(&mut room, ids[1], "hello"), [(ids[0], "bob: hello".to_owned())]);
    }

    #[test]
    fn one_leaves_once_and_its_name_is_free_again() {
        let mut room = Room::default();
        let (ada, bob) = (room.enter().0, room.enter().0);
        say(&mut room, ada, "ada");
        say(&mut room, bob, "bob");
        let news = told(room.leave(bob, Ending::TooSlow));
        assert_eq!(news, [(ada, "* bob was dropped: it did not keep up".to_owned())]);
        assert_eq!(told(room.leave(bob, Ending::Left)), []);
        assert_eq!(say(&mut room, bob, "am I still here?"), []);
        let other = room.enter().0;
        assert_eq!(say(&mut room, other, "bob")[0].0, other);
        assert_eq!(room.report(), Report { joined: 3, lines: 0, dropped: 1, cut_off: 0 });
    }
}
