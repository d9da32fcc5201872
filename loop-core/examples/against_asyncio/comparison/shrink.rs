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

/// Returns programs that are smaller by one part, the largest parts first.
fn candidates(program: &Program) -> Vec<Program> {
    let mut found = Vec::new();
    let mut keep = |change: &dyn Fn(&mut Program)| {
        let mut candidate = program.clone();
        change(&mut candidate);
        if candidate != *program {
            found.push(candidate);
        }
    };
    for run in 0..program.runs.len() {
        keep(&|program| _ = program.runs.remove(run));
    }
    for poll in 0..program.polls.len() {
        keep(&|program| _ = program.polls.remove(poll));
    }
    for place in 0..lists(&mut program.clone()).len() {
        keep(&|program| lists(program)[place].clear());
    }
    // Bodies are numbered: only the last can go, when nobody names it.
    let last = program.bodies.len().saturating_sub(1) as u64;
    if !names(program, last) {
        keep(&|program| _ = program.bodies.pop());
    }
    for (place, ops) in lists(&mut program.clone()).iter().enumerate() {
        for (number, op) in ops.iter().enumerate() {
            keep(&|program| _ = lists(program)[place].remove(number));
            for smaller in smaller_ops(op) {
                keep(&|program| lists(program)[place][number] = smaller);
            }
        }
    }
    for run in 0..program.runs.len() {
        keep(&|program| program.runs[run].until_complete = false);
    }
    for (number, poll) in program.polls.iter().enumerate() {
        keep(&|program| program.polls[number].seconds = 0);
        for event in 0..poll.events.len() {
            keep(&|program| _ = program.polls[number].events.remove(event));
            keep(&|program| program.polls[number].events[event].writable = false);
            keep(&|program| program.polls[number].events[event].readable = false);
        }
        for submission in 0..poll.submissions.len() {
            keep(&|program| _ = program.polls[number].submissions.remove(submission));
        }
    }
    // An event of nothing would be read as a submission.
    found.retain(|program| {
        program
            .polls
            .iter()
            .flat_map(|poll| &poll.events)
            .all(|event| event.readable || event.writable)
    });
    found
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
