//! The echo server of the callbacks wing; `api_callbacks::echo` is the program.

use std::io;
use std::net::SocketAddr;

use api_callbacks::{TcpListener, echo};

use super::{Options, wing};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let listener = TcpListener::bind(handle, addr)?;
        let addr = listener.local_addr()?;
        echo::serve(listener, on_failure);
        Ok(addr)
    })
}
