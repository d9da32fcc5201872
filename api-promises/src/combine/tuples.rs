//! Promises of values of different types as one.

use std::cell::Cell;
use std::rc::Rc;

use loop_core::LoopHandle;

use super::all;
use crate::promise::{Promise, Reason};

/// A tuple of two to six promises that have one type of reason.
pub trait Together {
    /// What they are settled with: a tuple of their values.
    type Values: 'static;
    /// Why they fail.
    type Reason: Reason;

    /// Is fulfilled with the values of all; see [`all_of`].
    fn together(self, handle: &LoopHandle) -> Promise<Self::Values, Self::Reason>;
}

/// Is fulfilled with the values of all promises of a tuple, which may differ in type.
///
/// ```
/// use api_promises::{Promise, combine::all_of};
/// use std::io;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let number = Promise::<u32, io::Error>::resolve(&handle, 7);
/// let word = Promise::<&str, io::Error>::resolve(&handle, "seven");
/// let both = all_of(&handle, (number, word)).run_until_complete(&mut event_loop);
/// assert_eq!(both.unwrap()?, (7, "seven"));
/// # Ok::<(), io::Error>(())
/// ```
///
/// # Errors
/// The first rejection; what is pending still is cancelled.
///
/// ECMAScript: `Promise.all`, whose array may hold values of any type.
#[track_caller]
pub fn all_of<P: Together>(handle: &LoopHandle, promises: P) -> Promise<P::Values, P::Reason> {
    promises.together(handle)
}

macro_rules! together {
    ($($value:ident $index:tt),+) => {
        impl<E: Reason, $($value: 'static),+> Together for ($(Promise<$value, E>,)+) {
            type Values = ($($value,)+);
            type Reason = E;

            #[track_caller]
            fn together(self, handle: &LoopHandle) -> Promise<Self::Values, E> {
                let slots: Rc<($(Cell<Option<$value>>,)+)> = Rc::default();
                let kept = [$({
                    let slots = slots.clone();
                    self.$index.map(move |value| slots.$index.set(Some(value)))
                }),+];
                all(handle, kept).map(move |_| {
                    ($(slots.$index.take().expect("every promise has kept its value"),)+)
                })
            }
        }
    };
}

together!(A 0, B 1);
together!(A 0, B 1, C 2);
together!(A 0, B 1, C 2, D 3);
together!(A 0, B 1, C 2, D 3, F 4);
together!(A 0, B 1, C 2, D 3, F 4, G 5);
