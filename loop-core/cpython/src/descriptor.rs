//! Python's descriptors are numbers; the loop wants to share their ownership.
//!
//! A number can be made an owner in unsafe code alone, since any owner may have it. So Python sends the
//! descriptor through a pair of sockets, as to another process, and what is received is an owned
//! descriptor of the same open file: ready when Python's is.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// Returns an owned descriptor of the file that Python's number `descriptor` stands for.
pub(crate) fn shared(py: Python<'_>, descriptor: i32) -> PyResult<OwnedFd> {
    let (ours, theirs) = UnixStream::pair()?;
    // The module in C, since tests put mocks in the place of the other.
    let socket = py.import("_socket")?;
    let number = PyDict::new(py);
    number.set_item("fileno", theirs.into_raw_fd())?;
    let theirs = socket.getattr("socket")?.call((), Some(&number))?;
    let rights = (
        socket.getattr("SOL_SOCKET")?,
        socket.getattr("SCM_RIGHTS")?,
        PyBytes::new(py, &descriptor.to_ne_bytes()),
    );
    let sent = theirs.call_method1("sendmsg", ([PyBytes::new(py, &[0])], [rights]));
    theirs.call_method0("close")?;
    sent?;
    Ok(received(&ours)?)
}

fn received(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let bytes = &mut [IoSliceMut::new(&mut byte)];
    recvmsg(socket, bytes, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    descriptor.ok_or_else(|| io::Error::other("no descriptor was received"))
}
