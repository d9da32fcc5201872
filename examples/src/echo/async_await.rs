//! The echo server of the async wing; `api_async::echo` is the program.

use std::io;
use std::net::SocketAddr;

use api_async::{TcpListener, echo, spawn};

use super::{Options, idle_timeout, wing};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let listener = TcpListener::bind(handle, addr)?;
        let addr = listener.local_addr()?;
        let limit = options.idle_timeout;
        let server = async move {
            let Err(error) = match limit {
                None => echo::serve(listener).await,
                Some(limit) => idle_timeout::async_await(listener, limit).await,
            };
            on_failure(error);
        };
        spawn(handle, server).detach();
        Ok(addr)
    })
}
