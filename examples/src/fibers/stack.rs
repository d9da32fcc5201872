//! Stacks: coroutines of the crate `generator`, which are used again and given back.
//!
//! Rule: a coroutine runs one body after the other, and returns before it is dropped: the crate would end it
//! by a panic, and have no panic of the process told meanwhile.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::panic::catch_unwind;
use std::ptr;

use generator::{Generator, Gn, co_yield_with};
use loop_core::{LoopHandle, Spares, panic_message};

/// What runs on a stack, or is told why it cannot.
pub(super) type Body = Box<dyn FnOnce(io::Result<()>)>;

/// A stack, and the frames of a body that is suspended on it, if one is.
pub(super) struct Stack {
    coroutine: Generator<'static, (), Pause>,
    /// A spare serves what asks for as many bytes.
    bytes: usize,
}

/// Why a stack gave the processor back.
pub(super) enum Pause {
    /// The body waits.
    Suspended,
    /// The body has ended, and the stack is free.
    Ended,
}

/// How many attempts at sockets a body makes before the others have their turn: as many as a task of the async
/// wing. What it reads byte by byte may all be there.
const ATTEMPTS: u32 = 128;

thread_local! {
    static SPARES: RefCell<Spares<Stack>> = const { RefCell::new(Spares::new()) };
    /// What the coroutine that is resumed next is to run.
    static BODY: Cell<Option<Body>> = const { Cell::new(None) };
    /// How many attempts are left to the body that runs.
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

impl Stack {
    /// Takes a spare stack, or has the system map one.
    ///
    /// # Errors
    /// `OutOfMemory`, when it has no room for the stack or for the page that guards it.
    pub(super) fn take(handle: &LoopHandle, bytes: usize) -> io::Result<Stack> {
        handle.give_back_with(give_back);
        let spare = SPARES.with_borrow_mut(|spares| spares.take_if(|stack| stack.bytes == bytes));
        spare.map_or_else(|| Stack::new(bytes), Ok)
    }

    fn new(bytes: usize) -> io::Result<Stack> {
        // The crate panics where the system refuses. It would fill all of an odd number of words.
        let words = (bytes / size_of::<usize>()).next_multiple_of(2);
        let made = catch_unwind(|| Gn::<()>::new_opt(words, work));
        let mut coroutine = made.map_err(|payload| {
            let message = format!("no stack for a fiber: {}", panic_message(&*payload));
            io::Error::new(ErrorKind::OutOfMemory, message)
        })?;
        // Any address but null makes it what `co_yield_with` suspends, from however deep a call.
        coroutine.set_local_data(ptr::dangling_mut());
        Ok(Stack { coroutine, bytes })
    }

    /// Runs a body, or the one that is suspended, until it waits or ends; nothing if the stack has overflowed.
    pub(super) fn resume(&mut self, body: Option<Body>) -> Option<Pause> {
        if body.is_some() {
            BODY.set(body);
        }
        LEFT.set(ATTEMPTS);
        self.coroutine.resume()
    }

    /// Keeps the stack, whose body has ended, for another.
    pub(super) fn keep(self) {
        SPARES.with_borrow_mut(|spares| spares.keep(self));
    }
}

/// Takes one of the attempts that the body has until it is suspended; tells whether one was left.
pub(super) fn take_attempt() -> bool {
    let left = LEFT.get().checked_sub(1);
    left.is_some_and(|left| {
        LEFT.set(left);
        true
    })
}

/// Gives the processor back to what has resumed the stack that this is called on.
pub(super) fn suspend() {
    co_yield_with(Pause::Suspended);
}

fn work() -> Pause {
    while let Some(body) = BODY.try_with(Cell::take).ok().flatten() {
        body(Ok(()));
        co_yield_with(Pause::Ended);
    }
    Pause::Ended
}

fn give_back() {
    while let Some(surplus) = SPARES.with_borrow_mut(Spares::take_surplus) {
        drop(surplus);
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // It finds no body, and returns.
        self.coroutine.resume();
    }
}
