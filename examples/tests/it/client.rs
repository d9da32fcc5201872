//! The clients of the suite: blocking sockets that give up, and bytes that tell their position.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::server::PATIENCE;

/// Connects, with every later wait bounded.
pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a message and checks that it comes back.
pub(crate) fn ping(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(message).unwrap();
    expect(stream, message);
}

/// Reads as many bytes as are expected, and compares them.
pub(crate) fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut echo = vec![0; expected.len()];
    stream.read_exact(&mut echo).unwrap();
    // Not `assert_eq!`: a mebibyte of numbers helps no reader.
    assert!(echo == expected, "{} bytes came back changed", expected.len());
}

/// Reads the end of the stream.
pub(crate) fn expect_end(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0, "more came back than was sent");
}

/// Ends our side, and checks that the server ends its own.
pub(crate) fn close_gently(mut stream: TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
    expect_end(&mut stream);
}

/// Closes so that the server sees a reset.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Returns bytes of which each depends on its position in the stream.
pub(crate) fn pattern(position: usize, length: usize) -> Vec<u8> {
    (position..position + length).map(byte_at).collect()
}

/// A multiplicative hash: no short period in which a lost or doubled block could hide.
fn byte_at(position: usize) -> u8 {
    ((position as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}
