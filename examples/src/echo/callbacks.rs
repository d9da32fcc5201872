//! The echo server of the callbacks wing; `api_callbacks::echo` is the program.

use std::io;
use std::net::SocketAddr;

use api_callbacks::{TcpListener, echo};

use super::{Options, idle_timeout, wing};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let listener = TcpListener::bind(handle, addr)?;
        let addr = listener.local_addr()?;
        match options.idle_timeout {
            None => echo::serve(listener, on_failure),
            Some(limit) => idle_timeout::callbacks(listener, limit, on_failure),
        }
        Ok(addr)
    })
}
