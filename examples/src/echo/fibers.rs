//! The echo server in fibers; `fibers::echo` is the program.

use std::io;
use std::net::SocketAddr;

use super::{Options, idle_timeout, wing};
use crate::ServerCounts;
use crate::fibers::{TcpListener, echo, spawn};

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let listener = TcpListener::bind(handle, addr)?;
        let addr = listener.local_addr()?;
        let limit = options.idle_timeout;
        let server = move || {
            let Err(error) = match limit {
                None => echo::serve(&listener),
                Some(limit) => idle_timeout::fibers(&listener, limit),
            };
            on_failure(error);
            Ok(())
        };
        spawn(handle, server).detach();
        Ok(addr)
    })
}
