//! The echo server on smol's reactor and local executor, as smol's documentation would write it,
//! but for the share after which a connection lets the others have their turn.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::rc::{Rc, Weak};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use smol::future::yield_now;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};
use smol::{Async, LocalExecutor, Timer};

use super::listening::{ACCEPT_PAUSE, Shortage, is_about_one_connection, listen};
use super::tally::Tally;
use super::{BUFFER_BYTES, Options, idle_timeout};
use crate::ServerCounts;

/// How much a connection echoes before the others have their turn: as much as in other styles.
const SHARE_BYTES: usize = 64 * 1024;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    let mut ending = signals()?;
    let listener = TcpListener::try_from(listen(options.listen)?)?;
    announce(listener.local_addr()?);
    let tally = Rc::new(Tally::new(options.counts));
    // The executor drops every task, and with it every connection, when it goes.
    let executor = Rc::new(LocalExecutor::new());
    let accepting =
        accept_forever(Rc::downgrade(&executor), listener, options.idle_timeout, Rc::clone(&tally));
    executor.spawn(accepting).detach();
    // What `run` is given is polled at every wake; a task of its own is polled when it is due.
    let ended = executor.spawn(async move { ending.read_exact(&mut [0]).await });
    smol::block_on(executor.run(ended))?;
    Ok(tally.counts())
}

/// Returns a stream on which a byte arrives with SIGINT or SIGTERM.
fn signals() -> io::Result<Async<UnixStream>> {
    let (ending, told) = UnixStream::pair()?;
    pipe::register(SIGINT, told.try_clone()?)?;
    pipe::register(SIGTERM, told)?;
    Async::new(ending)
}

async fn accept_forever(
    executor: Weak<LocalExecutor<'static>>,
    listener: TcpListener,
    limit: Option<Duration>,
    tally: Rc<Tally>,
) {
    let mut shortage = Shortage::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tally.accepted();
                let tally = Rc::clone(&tally);
                // A task that owned its executor would keep itself.
                let Some(executor) = executor.upgrade() else { return };
                // How a connection ended concerns its peer alone.
                let task = match limit {
                    None => executor.spawn(async move { drop(echo(stream, &tally).await) }),
                    Some(limit) => executor.spawn(async move {
                        drop(idle_timeout::smol(stream, limit, &tally).await);
                    }),
                };
                task.detach();
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                shortage.report(&error);
                Timer::after(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn echo(mut stream: TcpStream, tally: &Tally) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut share = SHARE_BYTES;
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return stream.shutdown(Shutdown::Write);
        }
        tally.read();
        stream.write_all(&buffer[..length]).await?;
        tally.written();
        // A socket that is always ready would keep the thread: smol has no budget of its own.
        share = share.saturating_sub(length);
        if share == 0 {
            yield_now().await;
            share = SHARE_BYTES;
        }
    }
}
