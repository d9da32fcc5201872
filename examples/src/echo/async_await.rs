//! The echo server of the async wing; `api_async::echo` is the program.

use std::io;
use std::net::SocketAddr;

use api_async::{TcpListener, echo, spawn};

use super::{Options, wing};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let listener = TcpListener::bind(handle, addr)?;
        let addr = listener.local_addr()?;
        let server = async {
            let Err(error) = echo::serve(listener).await;
            on_failure(error);
        };
        spawn(handle, server).detach();
        Ok(addr)
    })
}
