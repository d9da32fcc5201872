//! What a program reports to its loop's exception handler.

use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use crate::handle::LoopHandle;
use crate::report::errors::{Context, is_cancelled, is_ended_by_peer};
use crate::report::unwinding::drop_payload;

impl LoopHandle {
    /// Gives failures to `handler` in place of the default, which prints them to stderr.
    ///
    /// # Limits
    /// The default handler never panics and never waits: what stderr does not take at once is left out.
    /// It prints ten reports at once, then one a second, for the whole process, and says with the next
    /// one how many it has left out. A report is cut off after 4,000 bytes. The standard library's own
    /// panic hook prints each panic besides, without such a limit; `std::panic::set_hook` replaces it.
    ///
    /// asyncio: `BaseEventLoop.set_exception_handler`.
    pub fn set_exception_handler(&self, handler: impl FnMut(&LoopHandle, &Context) + 'static) {
        self.state.set_exception_handler(Some(Box::new(handler)));
    }

    /// Gives failures to the default handler again.
    pub fn reset_exception_handler(&self) {
        self.state.set_exception_handler(None);
    }

    /// Sets whether the styles tell more of what goes wrong, at some cost. asyncio: `set_debug`.
    pub fn set_debug(&self, debug: bool) {
        self.state.reporting().set_debug(debug);
    }

    /// Tells whether more is told of what goes wrong. asyncio: `get_debug`.
    pub fn is_debug(&self) -> bool {
        self.state.reporting().is_debug()
    }

    /// Notes where the work of the [`Job`](crate::Job) that runs now began, for a style: the report of a
    /// panic of the program's code names that line of the program, and not one of the style's.
    #[inline]
    pub fn job_began_at(&self, place: Option<&'static Location<'static>>) {
        self.state.reporting().job_began_at(place);
    }

    /// Tells the exception handler of a failure that nothing else will hear of.
    ///
    /// asyncio: `BaseEventLoop.call_exception_handler`.
    pub fn report(&self, context: &Context) {
        self.state.report(context);
    }

    /// Tells the exception handler that `what` failed with an error that nothing else will hear
    /// of. A cancelled operation is passed over: the program wanted it so.
    #[track_caller]
    pub fn report_error(&self, what: &str, error: &io::Error) {
        if is_cancelled(error) {
            return;
        }
        // An error of a program's own may fail to say what it is.
        self.report_failure(what, error);
    }

    /// Tells the exception handler that the connection of a served client failed. As
    /// [`LoopHandle::report_error`], but an [ordinary end by the peer](is_ended_by_peer) is passed over,
    /// unless the loop is in [debug mode](LoopHandle::set_debug).
    ///
    /// asyncio: `_SelectorTransport._fatal_error`.
    #[track_caller]
    pub fn report_connection_error(&self, what: &str, error: &io::Error) {
        if is_cancelled(error) || is_ended_by_peer(error) && !self.is_debug() {
            return;
        }
        self.report_failure(what, error);
    }

    #[track_caller]
    fn report_failure(&self, what: &str, error: &io::Error) {
        let message = catch_unwind(AssertUnwindSafe(|| format!("{what}: {error}")));
        let message = message.unwrap_or_else(|payload| {
            drop_payload(payload);
            format!("{what}: an error that panics when it is displayed")
        });
        self.report(&Context::new(message));
    }
}
