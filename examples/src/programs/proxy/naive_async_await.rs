//! The proxy with the typical bug: the first direction that ends takes the other along.
//!
//! `select` reads as "until the connection ends", and it is right for clients that never end their
//! side before they have the whole reply. For the others the tail of the reply is lost.

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::rc::Rc;

use api_async::{CancellationToken, TcpListener, TcpStream, spawn};
use futures::future::select;
use loop_core::{Cancelled, LoopHandle};

use super::{Options, Report};

pub(super) struct Proxy {
    addr: SocketAddr,
    ended: Rc<Cell<usize>>,
    token: CancellationToken,
}

impl Proxy {
    pub(super) fn start(handle: &LoopHandle, options: &Options) -> io::Result<Proxy> {
        let listener = TcpListener::bind(handle, options.listen)?;
        let addr = listener.local_addr()?;
        let (ended, token) = (Rc::<Cell<usize>>::default(), CancellationToken::new());
        let serving = accept(listener, options.target, ended.clone(), token.clone());
        let (stopped, token) = (token.clone(), token);
        spawn(handle, async move { drop(stopped.guard(serving).await) }).detach();
        Ok(Proxy { addr, ended, token })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn stop(self) -> Report {
        self.token.cancel();
        Report { ended: self.ended.get(), failed: 0 }
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    ended: Rc<Cell<usize>>,
    token: CancellationToken,
) -> io::Result<()> {
    loop {
        let (client, _peer) = listener.accept().await?;
        let (ended, token) = (ended.clone(), token.clone());
        spawn(&listener.handle().clone(), async move {
            if let Err(Cancelled) = token.guard(forward(client, target)).await {
                return;
            }
            ended.set(ended.get() + 1);
        })
        .detach();
    }
}

async fn forward(client: TcpStream, target: SocketAddr) -> io::Result<()> {
    let target = TcpStream::connect(client.handle(), target).await?;
    let there = pin!(pump(&client, &target));
    let back = pin!(pump(&target, &client));
    select(there, back).await;
    Ok(())
}

async fn pump(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    while let Some(chunk) = from.read_chunk().await? {
        to.write_chunk(chunk).await?;
    }
    to.shutdown(Shutdown::Write).await
}
