//! The echo server of the promises wing; `api_promises::echo` is the program.

use std::io;
use std::net::SocketAddr;

use api_promises::{TcpListener, echo};

use super::{Options, idle_timeout, wing};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let listener = TcpListener::bind(handle, addr)?;
        let addr = listener.local_addr()?;
        let served = match options.idle_timeout {
            None => echo::serve(listener),
            Some(limit) => idle_timeout::promises(listener, limit),
        };
        served.detach(on_failure);
        Ok(addr)
    })
}
