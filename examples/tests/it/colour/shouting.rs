//! A protocol that answers in capitals, and a client that hears it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use api_callbacks::Protocol;
use api_callbacks::protocol::{Frames, write_frame};

/// The protocol that both kinds of connection run: each frame comes back in capitals.
pub(super) fn shouting() -> impl Protocol {
    Frames::new(1024, |transport, frame| write_frame(transport, &frame.to_ascii_uppercase()))
}

/// Says a frame, ends this side, and returns what comes back.
pub(super) fn say(mut stream: TcpStream) -> Vec<u8> {
    stream.write_all(b"\0\0\0\x05hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}
