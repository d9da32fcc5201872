//! Programs from seeds. The same seed gives the same program on every machine.

use super::program::{DESCRIPTORS, Event, Op, Poll, Program, Run};

/// Deadlines around the start of the clock at 100, few, so that many are equal.
const DEADLINES: [u64; 9] = [0, 90, 99, 100, 101, 102, 103, 105, 120];
const DELAYS: [u64; 6] = [0, 0, 1, 2, 3, 20];
/// A deadline in 300 years, and a delay beyond the longest wait: once in a while.
const FAR: u64 = 9_460_800_000;
const LONG: u64 = 100_000;

/// SplitMix64 (Steele, Lea and Flood, 2014): its numbers will not change under us.
struct Chance(u64);

/// Where an operation stands: not everything is allowed everywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the callback of this number.
    Body(u64),
    Handler,
    BeforeRun,
    Closed,
}

/// Draws the program of a seed.
pub(crate) fn draw(seed: u64) -> Program {
    let mut chance = Chance(seed);
    let bodies = 2 + chance.below(7);
    let mut program = Program::default();
    for number in 0..bodies {
        program.bodies.push(chance.ops(Place::Body(number), bodies, 5));
    }
    if chance.below(3) == 0 {
        program.handler = chance.ops(Place::Handler, bodies, 2);
    }
    for _ in 0..1 + chance.below(3) {
        let mut before = chance.ops(Place::BeforeRun, bodies, 7);
        // A run without anything to do shows little.
        before.push(Op::Soon { body: chance.below(bodies) });
        program.runs.push(Run { until_complete: chance.below(4) == 0, before });
    }
    if chance.below(4) == 0 {
        program.after = chance.ops(Place::Closed, bodies, 4);
    }
    for _ in 0..chance.below(8) {
        program.polls.push(chance.poll(bodies));
    }
    program
}

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `limit`; that some come 2^-60 more often does not matter.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_of(&mut self, numbers: &[u64]) -> u64 {
        numbers[self.below(numbers.len() as u64) as usize]
    }

    fn ops(&mut self, place: Place, bodies: u64, most: u64) -> Vec<Op> {
        let count = self.below(most + 1);
        (0..count).map(|_| self.op(place, bodies)).collect()
    }

    fn op(&mut self, place: Place, bodies: u64) -> Op {
        loop {
            let body = self.body(place, bodies);
            let op = self.any_op(body);
            let allowed = match op {
                Op::Fail => matches!(place, Place::Body(_)),
                Op::Abort => matches!(place, Place::Body(_) | Place::Handler),
                Op::Later { .. } | Op::At { .. } => place != Place::Closed,
                _ => true,
            };
            if allowed {
                return op;
            }
        }
    }

    /// Returns the number of a body to schedule: a callback's own are mostly the later ones, so
    /// that most programs do not go round for ever.
    fn body(&mut self, place: Place, bodies: u64) -> u64 {
        match place {
            Place::Body(own) if own + 1 < bodies && self.below(8) > 0 => {
                own + 1 + self.below(bodies - own - 1)
            }
            _ => self.below(bodies),
        }
    }

    fn any_op(&mut self, body: u64) -> Op {
        let descriptor = self.below(DESCRIPTORS);
        match self.below(100) {
            0..16 => Op::Soon { body },
            16 => Op::At { deadline: FAR, body },
            17 => Op::Later { delay: LONG, body },
            18..27 => Op::Later { delay: self.one_of(&DELAYS), body },
            27..38 => Op::At { deadline: self.one_of(&DEADLINES), body },
            38..42 => Op::Own { body },
            42..46 => Op::Thread { body },
            46..59 => Op::Cancel { back: self.below(6) },
            59..70 => Op::Reader { descriptor, body },
            70..78 => Op::Writer { descriptor, body },
            78..83 => Op::NoReader { descriptor },
            83..87 => Op::NoWriter { descriptor },
            87..90 => Op::Stop,
            90..92 => Op::Complete,
            92..95 => Op::Work { seconds: 1 + self.below(3) },
            95..98 => Op::Fail,
            _ => Op::Abort,
        }
    }

    fn poll(&mut self, bodies: u64) -> Poll {
        let mut poll = Poll { seconds: self.below(4), ..Poll::default() };
        let first = self.below(DESCRIPTORS);
        for next in 0..DESCRIPTORS {
            let (readable, writable) = (self.below(2) == 0, self.below(3) == 0);
            if readable || writable {
                // Starting anywhere, so that the order is not that of the numbers.
                let descriptor = (first + next) % DESCRIPTORS;
                poll.events.push(Event { descriptor, readable, writable });
            }
        }
        if self.below(4) == 0 {
            poll.submissions = (0..1 + self.below(2)).map(|_| self.below(bodies)).collect();
        }
        poll
    }
}
