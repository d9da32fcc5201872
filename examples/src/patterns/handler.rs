//! Handlers of requests, in the two forms that a trait with an `async fn` has.
//!
//! The native form is free: the future is part of the caller's. But it has no objects, so that a
//! server is compiled for one handler. The form of `async-trait` has objects, and its future is boxed:
//! one allocation a request. A native handler is one of the other form as
//! well. What both cost is held by a test.

use std::convert::Infallible;
use std::io;
use std::net::Shutdown;
use std::rc::Rc;

use api_async::{TcpListener, TcpStream, spawn};
use async_trait::async_trait;
use loop_core::Chunk;

/// Answers requests, and is known when the server is compiled.
#[expect(async_fn_in_trait, reason = "nothing is sent to another thread here")]
pub trait Handler {
    /// Answers a request; an error ends the connection.
    ///
    /// # Errors
    /// Whatever makes it impossible to go on.
    async fn respond(&self, request: Chunk) -> io::Result<Chunk>;
}

/// Answers requests, and may be chosen while the program runs: `dyn DynHandler`.
#[async_trait(?Send)]
pub trait DynHandler {
    /// Answers a request; an error ends the connection.
    ///
    /// # Errors
    /// Whatever makes it impossible to go on.
    async fn respond_boxed(&self, request: Chunk) -> io::Result<Chunk>;
}

/// Answers with the request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Handler for Echo {
    async fn respond(&self, request: Chunk) -> io::Result<Chunk> {
        Ok(request)
    }
}

#[async_trait(?Send)]
impl<H: Handler> DynHandler for H {
    async fn respond_boxed(&self, request: Chunk) -> io::Result<Chunk> {
        self.respond(request).await
    }
}

/// Accepts connections and lets a handler answer each; ends when accepting has failed.
///
/// # Errors
/// Why accepting has failed.
pub async fn serve<H: Handler + 'static>(
    listener: TcpListener,
    handler: Rc<H>,
) -> io::Result<Infallible> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        spawn(listener.handle(), answer(stream, handler.clone())).detach();
    }
}

/// Accepts connections and lets a handler answer each that was chosen while the program runs.
///
/// # Errors
/// Why accepting has failed.
pub async fn serve_dyn(
    listener: TcpListener,
    handler: Rc<dyn DynHandler>,
) -> io::Result<Infallible> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        spawn(listener.handle(), answer_dyn(stream, handler.clone())).detach();
    }
}

async fn answer<H: Handler>(stream: TcpStream, handler: Rc<H>) -> io::Result<()> {
    while let Some(request) = stream.read_chunk().await? {
        stream.write_chunk(handler.respond(request).await?).await?;
    }
    stream.shutdown(Shutdown::Write).await
}

async fn answer_dyn(stream: TcpStream, handler: Rc<dyn DynHandler>) -> io::Result<()> {
    while let Some(request) = stream.read_chunk().await? {
        stream.write_chunk(handler.respond_boxed(request).await?).await?;
    }
    stream.shutdown(Shutdown::Write).await
}
