//! What several tests need: a loop whose reports are kept, a pause, connections.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use api_async::{TcpListener, TcpStream, run_until_complete};
use loop_core::{EventLoop, LoopHandle, ManualClock};

/// A loop whose reports are kept.
pub(crate) struct Lab {
    pub(crate) event_loop: EventLoop,
    pub(crate) handle: LoopHandle,
    pub(crate) reports: Rc<RefCell<Vec<String>>>,
}

/// Makes a loop on a clock that jumps to the next deadline when the loop is idle.
pub(crate) fn lab() -> Lab {
    let clock = ManualClock::new().autojump(std::time::Duration::ZERO);
    let event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    handle.set_exception_handler(move |_, context| seen.borrow_mut().push(context.to_string()));
    Lab { event_loop, handle, reports }
}

/// Is pending once, and wakes itself.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Counts those that are alive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live(Rc<()>);

impl Live {
    /// Returns how many others hold it.
    pub(crate) fn others(&self) -> usize {
        Rc::strong_count(&self.0) - 1
    }
}

/// Both ends of a connection: one on the loop, one that blocks.
pub(crate) fn pair() -> (EventLoop, LoopHandle, TcpStream, std::net::TcpStream) {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (connects, address) = (handle.clone(), listener.local_addr().unwrap());
    let connected = async move { TcpStream::connect(&connects, address).await };
    let stream = run_until_complete(&mut event_loop, connected).unwrap().unwrap();
    (event_loop, handle, stream, listener.accept().unwrap().0)
}

/// A connection of which both ends are on the loop.
pub(crate) async fn connected(handle: &LoopHandle) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let connects = TcpStream::connect(handle, listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    (connects, accepted)
}
