//! The proxy with async: one task owns the listener and all connections, and dropping it ends them.

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_async::combine::timeout;
use api_async::{Task, TcpListener, TcpStream, scope, spawn};
use futures::future::try_join;
use loop_core::{AggregateError, LoopHandle};

use super::{Options, Report, is_an_end, reset_on_close};

// ANCHOR: proxy
/// A proxy that runs.
pub(super) struct Proxy {
    addr: SocketAddr,
    report: Rc<Cell<Report>>,
    running: Task<Result<(), AggregateError<io::Error>>>,
}
// ANCHOR_END: proxy

// ANCHOR: start
impl Proxy {
    /// Listens and passes on.
    pub(super) fn start(handle: &LoopHandle, options: &Options) -> io::Result<Proxy> {
        let listener = TcpListener::bind(handle, options.listen)?;
        let addr = listener.local_addr()?;
        let report = Rc::new(Cell::default());
        let running = spawn(handle, accept(listener, options.clone(), report.clone()));
        Ok(Proxy { addr, report, running })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}
// ANCHOR_END: start

// ANCHOR: stop
impl Proxy {
    /// Closes the listener and all connections.
    pub(super) fn stop(self) -> Report {
        self.running.abort();
        self.report.get()
    }
}
// ANCHOR_END: stop

// ANCHOR: accept
async fn accept(
    listener: TcpListener,
    options: Options,
    report: Rc<Cell<Report>>,
) -> Result<(), AggregateError<io::Error>> {
    let (options, report) = (&options, &*report);
    scope(&listener.handle().clone(), |scope| async move {
        loop {
            let client = match listener.accept().await {
                Ok((client, _peer)) => client,
                Err(error) => {
                    listener.handle().report_error("accept", &error);
                    // An error would end the connections, too.
                    return Ok(());
                }
            };
            scope.spawn(async move {
                end(report, forward(client, options).await);
                Ok(())
            });
        }
    })
    .await
}
// ANCHOR_END: accept

// ANCHOR: forward
/// Connects to the target, and passes on until both directions have ended or one has failed.
pub(super) async fn forward(client: TcpStream, options: &Options) -> io::Result<()> {
    let handle = client.handle();
    let connecting = TcpStream::connect(handle, options.target);
    let target = timeout(handle, options.patience, connecting).await?;
    let half_ended = &Cell::new(false);
    let there = pump(&client, &target, half_ended);
    let both = try_join(there, pump(&target, &client, half_ended)).await;
    both.map(drop).inspect_err(|_| reset_on_close([&client, &target]))
}
// ANCHOR_END: forward

// ANCHOR: pump
/// Passes one direction on, and then its end.
async fn pump(from: &TcpStream, to: &TcpStream, half_ended: &Cell<bool>) -> io::Result<()> {
    while let Some(chunk) = from.read_chunk().await? {
        to.write_chunk(chunk).await?;
    }
    is_an_end(half_ended, from.peer_addr())?;
    to.shutdown(Shutdown::Write).await
}
// ANCHOR_END: pump

// ANCHOR: end
/// Counts a connection that is over; it was closed by the end of its `forward`.
fn end(report: &Cell<Report>, result: io::Result<()>) {
    let Report { ended, failed } = report.get();
    report.set(match result {
        Ok(()) => Report { ended: ended + 1, failed },
        Err(_) => Report { ended, failed: failed + 1 },
    });
}
// ANCHOR_END: end
