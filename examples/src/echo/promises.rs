//! The echo server of the promises wing; `api_promises::echo` is the program.

use std::io;
use std::net::SocketAddr;

use api_promises::{TcpListener, echo};

use super::{Options, wing};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let listener = TcpListener::bind(handle, addr)?;
        let addr = listener.local_addr()?;
        echo::serve(listener).detach(on_failure);
        Ok(addr)
    })
}
