//! The echo server of the callbacks wing as a protocol; `api_callbacks::protocol::Echo` is the program.

use std::io;
use std::net::SocketAddr;

use api_callbacks::ServerBuilder;
use api_callbacks::protocol::Echo;

use super::{Options, wing};
use crate::ServerCounts;

pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
) -> io::Result<ServerCounts> {
    wing::serve(options, announce, |handle, addr, on_failure| {
        let server = ServerBuilder::new().on_failure(on_failure);
        Ok(server.serve(handle, addr, |_peer| Echo)?.local_addr())
    })
}
