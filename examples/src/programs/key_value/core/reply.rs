//! Replies as the protocol writes them, appended to one buffer.

use std::io::Write;

/// What a vector that is written to cannot do.
const NEVER_FAILS: &str = "writing to a vector never fails";

pub(super) fn simple(replies: &mut Vec<u8>, text: &str) {
    replies.push(b'+');
    replies.extend_from_slice(text.as_bytes());
    replies.extend_from_slice(b"\r\n");
}

/// Writes an error; a line break in it would end it early, and becomes a space.
pub(super) fn error(replies: &mut Vec<u8>, text: &[u8]) {
    replies.push(b'-');
    let blank = |&byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
    replies.extend(text.iter().map(blank));
    replies.extend_from_slice(b"\r\n");
}

pub(super) fn integer(replies: &mut Vec<u8>, value: i64) {
    write!(replies, ":{value}\r\n").expect(NEVER_FAILS);
}

pub(super) fn bulk(replies: &mut Vec<u8>, bytes: &[u8]) {
    write!(replies, "${}\r\n", bytes.len()).expect(NEVER_FAILS);
    replies.extend_from_slice(bytes);
    replies.extend_from_slice(b"\r\n");
}

/// Writes that there is nothing.
pub(super) fn null(replies: &mut Vec<u8>) {
    replies.extend_from_slice(b"$-1\r\n");
}

/// Begins an array, whose items follow.
pub(super) fn array(replies: &mut Vec<u8>, length: usize) {
    write!(replies, "*{length}\r\n").expect(NEVER_FAILS);
}
