//! Several fibers as one: a whole returns when each of its parts has ended or unwound.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;

use loop_core::LoopHandle;

use super::fiber::{Fiber, contained, current, spawn};

/// The parts of a whole. When that is cancelled, they are, too, and unwind from the queue.
struct Parts(Vec<Fiber<()>>);

/// What parts have ended with, each with its number, in the order in which they ended.
type Ends<T> = Vec<(usize, io::Result<T>)>;

/// Runs bodies at once and returns all their values, in the order of the bodies.
///
/// # Errors
/// The first error; the bodies that are to end still are cancelled.
///
/// ECMAScript: `Promise.all`.
#[track_caller]
pub fn all<T: 'static>(
    handle: &LoopHandle,
    bodies: impl IntoIterator<Item = impl FnOnce() -> io::Result<T> + 'static>,
) -> io::Result<Vec<T>> {
    let ends = until(handle, bodies, Result::is_err)?;
    let values = ends.into_iter().map(|(number, end)| Ok((number, end?)));
    let mut values = values.collect::<io::Result<Vec<_>>>()?;
    values.sort_by_key(|(number, _)| *number);
    Ok(values.into_iter().map(|(_, value)| value).collect())
}

/// Runs bodies at once and returns what the first to end has ended with; the others are cancelled.
///
/// # Errors
/// The error of the first, if it ends with one; `InvalidInput` if there is none.
///
/// ECMAScript: `Promise.race`, but one of nothing ends.
#[track_caller]
pub fn race<T: 'static>(
    handle: &LoopHandle,
    bodies: impl IntoIterator<Item = impl FnOnce() -> io::Result<T> + 'static>,
) -> io::Result<T> {
    let first = until(handle, bodies, |_| true)?.into_iter().next();
    let (_, end) =
        first.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a race of nothing"))?;
    end
}

/// Runs bodies at once until all have ended, or one so that it is `enough`; the others are cancelled then.
#[track_caller]
fn until<T: 'static>(
    handle: &LoopHandle,
    bodies: impl IntoIterator<Item = impl FnOnce() -> io::Result<T> + 'static>,
    enough: impl Fn(&io::Result<T>) -> bool,
) -> io::Result<Ends<T>> {
    let (whole, ends) = (current(), Rc::new(RefCell::new(Ends::new())));
    let mut parts = Parts(Vec::new());
    for (number, body) in bodies.into_iter().enumerate() {
        let (whole, ends) = (whole.clone(), ends.clone());
        parts.0.push(spawn(handle, move || {
            let end = contained(body);
            ends.borrow_mut().push((number, end));
            whole.wake();
            Ok(())
        }));
    }
    let mut seen = 0;
    while seen < parts.0.len() && !ends.borrow()[seen..].iter().any(|(_, end)| enough(end)) {
        seen = ends.borrow().len();
        if seen < parts.0.len() {
            whole.suspend(|| ())?;
        }
    }
    parts.cancel();
    parts.0.drain(..).for_each(|part| _ = part.join());
    Ok(ends.take())
}

impl Parts {
    fn cancel(&self) {
        self.0.iter().for_each(|part| _ = part.cancel());
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.cancel();
    }
}
