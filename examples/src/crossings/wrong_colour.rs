//! The wrong colour, case by case: what the compiler refuses, and what it lets pass (claim C12).
//!
//! Each refusal stands beside its twin that compiles, so that it is refused for its colour alone.
//!
//! # Refused
//!
//! A future in the place of its value:
//!
//! ```compile_fail,E0308
//! async fn answer() -> u32 { 42 }
//! async fn ask() -> u32 { let value: u32 = answer(); value }
//! ```
//! ```
//! async fn answer() -> u32 { 42 }
//! async fn ask() -> u32 { let value: u32 = answer().await; value }
//! ```
//!
//! Waiting in a plain function:
//!
//! ```compile_fail,E0728
//! async fn answer() -> u32 { 42 }
//! fn ask() -> u32 { answer().await }
//! ```
//! ```
//! async fn answer() -> u32 { 42 }
//! fn ask() -> Result<u32, api_async::InsideLoop> { api_async::block_on(answer()) }
//! assert_eq!(ask(), Ok(42));
//! ```
//!
//! Waiting for what is there already:
//!
//! ```compile_fail,E0277
//! fn answer() -> u32 { 42 }
//! async fn ask() -> u32 { answer().await }
//! ```
//! ```
//! fn answer() -> u32 { 42 }
//! async fn ask() -> u32 { std::future::ready(answer()).await }
//! ```
//!
//! A future where a callback is asked for:
//!
//! ```compile_fail,E0277
//! fn later(handle: &loop_core::LoopHandle) { drop(handle.call_soon(async {})); }
//! ```
//! ```
//! fn later(handle: &loop_core::LoopHandle) { drop(handle.call_soon(|| {})); }
//! ```
//!
//! A plain value where a handler is to return a promise or a `Result`:
//!
//! ```compile_fail
//! use api_promises::Promise;
//! fn next(promise: Promise<u32, std::io::Error>) -> Promise<u32, std::io::Error> {
//!     promise.then(|value| value + 1)
//! }
//! ```
//! ```
//! use api_promises::Promise;
//! fn next(promise: Promise<u32, std::io::Error>) -> Promise<u32, std::io::Error> {
//!     promise.map(|value| value + 1)
//! }
//! ```
//!
//! Two handlers for one promise, which is moved to the first:
//!
//! ```compile_fail,E0382
//! use api_promises::{Fault, Promise};
//! fn twice(promise: Promise<u32, Fault>) { drop((promise.map(drop), promise.map(drop))); }
//! ```
//! ```
//! use api_promises::{Fault, Promise};
//! fn twice(promise: Promise<u32, Fault>) {
//!     let promise = promise.share();
//!     drop((promise.promise().map(drop), promise.promise().map(drop)));
//! }
//! ```
//!
//! Reading from a stream of the async wing that was closed, which is to drop it:
//!
//! ```compile_fail,E0382
//! async fn late(stream: api_async::TcpStream) { drop(stream); drop(stream.read_chunk().await); }
//! ```
//! ```
//! async fn late(stream: api_async::TcpStream) { drop(stream.read_chunk().await); drop(stream); }
//! ```
//!
//! # Let pass
//!
//! A future that is discarded: `unused_must_use` warns, and nothing happens. Only a crate that denies the
//! warning is safe:
//!
//! ```
//! async fn greet() { unreachable!("nothing awaits it") }
//! async fn forget() { greet(); }
//! # api_async::block_on(forget()).unwrap();
//! ```
//! ```compile_fail
//! #![deny(unused_must_use)]
//! async fn greet() {}
//! async fn forget() { greet(); }
//! ```
//!
//! A call that blocks, in a function of any colour:
//!
//! ```
//! async fn rest() { std::thread::sleep(std::time::Duration::ZERO); }
//! # api_async::block_on(rest()).unwrap();
//! ```
