//! The echo server on tokio's current-thread runtime, as tokio's documentation would write it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::listening::{ACCEPT_PAUSE, Shortage, is_about_one_connection, listen};
use super::tally::Tally;
use super::{BUFFER_BYTES, Options, idle_timeout};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    // The runtime drops every task, and with it every connection, when it goes.
    Builder::new_current_thread().enable_all().build()?.block_on(run(options, announce))
}

async fn run(options: &Options, announce: impl FnOnce(SocketAddr)) -> io::Result<ServerCounts> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = listen(options.listen)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    announce(listener.local_addr()?);
    let tally = Arc::new(Tally::new(options.counts));
    tokio::select! {
        () = accept_forever(&listener, options.idle_timeout, &tally) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(tally.counts())
}

async fn accept_forever(listener: &TcpListener, limit: Option<Duration>, tally: &Arc<Tally>) {
    let mut shortage = Shortage::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tally.accepted();
                let tally = Arc::clone(tally);
                // How a connection ended concerns its peer alone.
                match limit {
                    None => tokio::spawn(async move { drop(echo(stream, &tally).await) }),
                    Some(limit) => tokio::spawn(async move {
                        drop(idle_timeout::tokio(stream, limit, &tally).await);
                    }),
                };
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                shortage.report(&error);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn echo(mut stream: TcpStream, tally: &Tally) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return stream.shutdown().await;
        }
        tally.read();
        stream.write_all(&buffer[..length]).await?;
        tally.written();
    }
}
