//! The echo server of the callbacks wing as a protocol; `api_callbacks::protocol::Echo` is the program.

use std::io;
use std::net::SocketAddr;

use api_callbacks::ServerBuilder;
use api_callbacks::protocol::Echo;

use super::{Options, idle_timeout, wing};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let server = ServerBuilder::new().on_failure(on_failure);
        let served = match options.idle_timeout {
            None => server.serve(handle, addr, |_peer| Echo)?,
            Some(limit) => {
                let connections_of = handle.clone();
                let echo = move |_peer| idle_timeout::Protocol::new(&connections_of, limit);
                server.serve(handle, addr, echo)?
            }
        };
        Ok(served.local_addr())
    })
}
