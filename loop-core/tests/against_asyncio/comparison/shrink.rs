//! Makes a short program of one that shows a difference.

use super::program::{Op, Program};

/// Returns a program that still `differs`, and of which no single part can be left out and no
/// number made smaller.
///
/// # Errors
/// What `differs` says.
pub(crate) fn shrink<E>(
    program: Program,
    mut differs: impl FnMut(&Program) -> Result<bool, E>,
) -> Result<Program, E> {
    let mut shortest = program;
    loop {
        let mut shorter = None;
        for candidate in candidates(&shortest) {
            if differs(&candidate)? {
                shorter = Some(candidate);
                break;
            }
        }
        match shorter {
            Some(program) => shortest = program,
            None => return Ok(shortest),
        }
    }
}

/// Programs that are smaller than one.
struct Smaller<'a> {
    program: &'a Program,
    found: Vec<Program>,
}

/// Returns programs that are smaller by one part, the largest parts first.
fn candidates(program: &Program) -> Vec<Program> {
    let mut smaller = Smaller { program, found: Vec::new() };
    smaller.by_a_whole();
    smaller.by_an_op();
    smaller.by_a_part_of_a_poll();
    smaller.found
}

impl Smaller<'_> {
    fn keep(&mut self, change: impl Fn(&mut Program)) {
        let mut candidate = self.program.clone();
        change(&mut candidate);
        if candidate != *self.program {
            self.found.push(candidate);
        }
    }

    fn by_a_whole(&mut self) {
        for run in 0..self.program.runs.len() {
            self.keep(|program| _ = program.runs.remove(run));
            self.keep(|program| program.runs[run].until_complete = false);
        }
        for poll in 0..self.program.polls.len() {
            self.keep(|program| _ = program.polls.remove(poll));
        }
        for place in 0..lists(&mut self.program.clone()).len() {
            self.keep(|program| lists(program)[place].clear());
        }
        // Bodies are numbered: only the last can go, when no other names it.
        let last = self.program.bodies.len().saturating_sub(1) as u64;
        if !names(self.program, last) {
            self.keep(|program| _ = program.bodies.pop());
        }
    }

    fn by_an_op(&mut self) {
        for (place, ops) in lists(&mut self.program.clone()).iter().enumerate() {
            for (number, op) in ops.iter().enumerate() {
                self.keep(|program| _ = lists(program)[place].remove(number));
                for smaller in smaller_ops(op) {
                    self.keep(|program| lists(program)[place][number] = smaller);
                }
            }
        }
    }

    fn by_a_part_of_a_poll(&mut self) {
        for (number, poll) in self.program.polls.iter().enumerate() {
            self.keep(|program| program.polls[number].seconds = 0);
            for (place, event) in poll.events.iter().enumerate() {
                self.keep(|program| _ = program.polls[number].events.remove(place));
                if event.readable && event.writable {
                    self.keep(|program| program.polls[number].events[place].writable = false);
                    self.keep(|program| program.polls[number].events[place].readable = false);
                }
            }
            for submission in 0..poll.submissions.len() {
                self.keep(|program| _ = program.polls[number].submissions.remove(submission));
            }
        }
    }
}

/// Returns all lists of operations of a program.
fn lists(program: &mut Program) -> Vec<&mut Vec<Op>> {
    let runs = program.runs.iter_mut().map(|run| &mut run.before);
    let others = [&mut program.handler, &mut program.after];
    program.bodies.iter_mut().chain(runs).chain(others).collect()
}

/// Returns the operation with one of its numbers made smaller.
fn smaller_ops(op: &Op) -> Vec<Op> {
    let (word, numbers) = op.parts();
    let mut smaller = Vec::new();
    for (place, &number) in numbers.iter().enumerate().filter(|(_, number)| **number > 0) {
        for less in [0, number / 2, number - 1] {
            let mut numbers = numbers.clone();
            numbers[place] = less;
            smaller.extend(Op::from_parts(word, &numbers));
        }
    }
    smaller
}

/// Tells whether something schedules a body.
fn names(program: &Program, body: u64) -> bool {
    let mut program = program.clone();
    let submitted = program.polls.iter().any(|poll| poll.submissions.contains(&body));
    let scheduled = |op: &Op| match *op {
        Op::Cancel { .. } | Op::NoReader { .. } | Op::NoWriter { .. } | Op::Work { .. } => false,
        op => op.parts().1.last() == Some(&body),
    };
    submitted || lists(&mut program).into_iter().any(|ops| ops.iter().any(scheduled))
}
