//! Where the callback of an operation waits, from its call to its end.

use std::cell::Cell;
use std::io;
use std::panic::Location;

use loop_core::{Context, LoopHandle};

use crate::user_code::{discard, tell};

/// Where the program called an operation: what a report names.
pub(crate) type Caller = &'static Location<'static>;

/// Where the callback of an operation waits; one at a time.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | free | waits | [`put`](Pending::put) | an operation begins; it gets the next number |
/// | 2 | waits | cancelled | [`cancel`](Pending::cancel) | its `Operation` asks; the target then queues its job |
/// | 3 | waits, cancelled | free | [`take`](Pending::take) | the job runs: it calls back, or goes on with 4 |
/// | 4 | free | waits | [`put_back`](Pending::put_back) | the socket would have blocked: the job is parked again |
/// | 5 | waits, cancelled | the same | [`with`](Pending::with) | something looks at what waits: 3 and 4 in one |
/// | 6 | waits, cancelled | free | [`drop_uncalled`](Pending::drop_uncalled) | the owner is dropped: nothing will call back, which is reported |
/// | 7 | any | closed | [`close`](Pending::close) | the program closes the owner: what waits is taken out, and nothing is put in any more |
pub(crate) struct Pending<C> {
    /// There while the operation is not free.
    callback: Cell<Option<C>>,
    /// Where the operation was called, while its callback waits: looking at the callback would take
    /// it out.
    called_at: Cell<Option<Caller>>,
    /// Whether the operation that waits, or was just taken out, is to end as cancelled.
    cancelled: Cell<bool>,
    /// Whether no operation may begin here any more.
    closed: Cell<bool>,
    /// How many operations began here, so that an old handle does not cancel a new one.
    number: Cell<u64>,
}

impl<C> Pending<C> {
    /// Tells whether an operation may begin here.
    pub(crate) fn is_free(&self) -> bool {
        self.called_at.get().is_none()
    }

    /// Puts the callback of a new operation in, and returns the operation's number.
    #[inline]
    #[track_caller]
    pub(crate) fn put(&self, callback: C) -> u64 {
        if let Some(before) = self.callback.replace(Some(callback)) {
            occupied(before);
        }
        self.called_at.set(Some(Location::caller()));
        self.cancelled.set(false);
        let number = self.number.get() + 1;
        self.number.set(number);
        number
    }

    /// Returns where the operation was called whose callback waits here.
    pub(crate) fn called_at(&self) -> Option<Caller> {
        self.called_at.get()
    }

    /// Takes the callback out.
    #[inline]
    pub(crate) fn take(&self) -> Option<C> {
        self.called_at.set(None);
        self.callback.take()
    }

    /// Takes the callback out, to be called by the job that runs: a report of its panic names the line
    /// that began the operation.
    #[inline]
    pub(crate) fn take_to_call(&self, handle: &LoopHandle) -> Option<C> {
        handle.job_began_at(self.called_at.take());
        self.callback.take()
    }

    /// Puts a callback back that has to wait on.
    pub(crate) fn put_back(&self, callback: C, called_at: Option<Caller>) {
        self.called_at.set(called_at);
        self.callback.set(Some(callback));
    }

    /// Lets `work` have what waits here; it waits on if `work` gives it back, as one operation.
    pub(crate) fn with<R>(&self, work: impl FnOnce(C) -> (Option<C>, R)) -> Option<R> {
        let callback = self.callback.take()?;
        let called_at = self.called_at.take();
        let (waiting, result) = work(callback);
        if waiting.is_some() {
            self.callback.set(waiting);
            self.called_at.set(called_at);
        }
        Some(result)
    }

    /// Marks the operation as cancelled, if it is the one with this number and waits still.
    pub(crate) fn cancel(&self, number: u64) -> bool {
        self.waits_as(number) && !self.cancelled.replace(true)
    }

    /// Tells whether the operation with this number waits here.
    pub(crate) fn waits_as(&self, number: u64) -> bool {
        self.called_at.get().is_some() && self.number.get() == number
    }

    /// Returns the number of the operation that began here last.
    pub(crate) fn last(&self) -> u64 {
        self.number.get()
    }

    /// Lets no operation begin here any more. Takes the callback out that waits here, and no handle of
    /// its operation reaches anything from here on.
    pub(crate) fn close(&self) -> Option<(C, Caller)> {
        let waiting = self.callback.take().zip(self.called_at.get());
        self.closed.set(true);
        self.number.set(self.number.get() + 1);
        self.stay_closed();
        waiting
    }

    /// Takes the place again, if it is closed: it looks free to what has found nothing here.
    #[cold]
    #[track_caller]
    pub(crate) fn stay_closed(&self) {
        if self.closed.get() {
            self.called_at.set(Some(Location::caller()));
        }
    }

    /// Tells whether no operation may begin here any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Returns the error of an operation that may not begin here.
    #[cold]
    pub(crate) fn refusal(&self) -> io::Error {
        match self.closed.get() {
            true => io::Error::new(io::ErrorKind::NotConnected, "this stream was closed"),
            false => already_pending(),
        }
    }

    /// Tells whether the operation that waits, or was just taken out, is cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

impl<C: 'static> Pending<C> {
    /// Drops what waits here, since nothing will call back any more, and reports it.
    pub(crate) fn drop_uncalled(&self, handle: &LoopHandle) {
        let called_at = self.called_at();
        if let (Some(callback), Some(called_at)) = (self.take(), called_at) {
            report_dropped(handle, called_at);
            discard(handle, callback);
        }
    }
}

impl<C> Default for Pending<C> {
    fn default() -> Pending<C> {
        Pending {
            callback: Cell::new(None),
            called_at: Cell::new(None),
            cancelled: Cell::new(false),
            closed: Cell::new(false),
            number: Cell::new(0),
        }
    }
}

/// Ends an operation that began where another waits. Apart, so that [`Pending::put`] has nothing to
/// unwind.
#[cold]
fn occupied<C>(before: C) -> ! {
    drop(before);
    panic!("one operation at a time waits in a place");
}

/// The error of an operation that began while another of its kind was pending on the same socket.
pub(crate) fn already_pending() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "such an operation is pending on this socket")
}

/// Tells the loop's exception handler of a callback that is dropped uncalled.
pub(crate) fn report_dropped(handle: &LoopHandle, called_at: Caller) {
    tell(handle, &Context::new("a callback was dropped uncalled").created_at(called_at));
}
