//! Echo servers with faults.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Serves every connection with `behave` until the test process ends.
pub(crate) fn server(behave: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            thread::spawn(move || behave(socket));
        }
    });
    addr
}

/// Echoes with the fifth chunk changed by one bit.
pub(crate) fn flip_a_bit(mut socket: TcpStream) {
    let mut buffer = [0; 4_096];
    let mut chunks = 0;
    while let Ok(length @ 1..) = socket.read(&mut buffer) {
        chunks += 1;
        if chunks == 5 {
            buffer[length / 2] ^= 4;
        }
        if socket.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Reads once and leaves.
pub(crate) fn hang_up(mut socket: TcpStream) {
    let _ = socket.read(&mut [0; 16]);
}

/// Reads for ever.
pub(crate) fn never_answer(mut socket: TcpStream) {
    while let Ok(1..) = socket.read(&mut [0; 4_096]) {}
}
