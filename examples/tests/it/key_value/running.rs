//! A key-value server that runs beside its test, and a client that knows what it should be told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use examples::Left;
use examples::key_value::{self, Options, Report, Version};

use crate::client::connect;
use crate::server::{PATIENCE, wait_until};
use crate::sockets;

/// A server on a thread of its own.
pub(super) struct Running {
    pub(super) addr: SocketAddr,
    /// Its end is the order to stop.
    pub(super) stop: UnixStream,
    pub(super) thread: JoinHandle<std::io::Result<(Report, Left)>>,
}

impl Running {
    pub(super) fn start(version: Version, grace: Duration) -> Running {
        Running::start_for(version, grace, 100)
    }

    pub(super) fn start_for(version: Version, grace: Duration, clients_max: usize) -> Running {
        let options = Options { listen: "127.0.0.1:0".parse().unwrap(), clients_max, grace };
        let (stop, stopped) = UnixStream::pair().unwrap();
        let (announced, address) = mpsc::channel();
        let announce = move |addr| announced.send(addr).unwrap();
        let thread = thread::spawn(move || key_value::run(version, &options, stopped, announce));
        Running { addr: address.recv_timeout(PATIENCE).unwrap(), stop, thread }
    }

    pub(super) fn client(&self) -> Client {
        Client(connect(self.addr))
    }

    /// Stops the server, and checks that it leaves nothing: neither on its loop nor of its sockets.
    pub(super) fn stop(self) -> Report {
        drop(self.stop);
        let (report, left) = self.thread.join().unwrap().unwrap();
        assert!(left.is_nothing(), "{left:?}");
        // A process that another test is just starting has ours, until it becomes its program.
        let closed = || sockets::open_at(self.addr.port()) == 0;
        wait_until("no socket is left", PATIENCE, closed);
        report
    }
}

/// A client that knows what it should be told.
pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    pub(super) fn expect(&mut self, reply: impl AsRef<[u8]>) {
        let mut told = vec![0; reply.as_ref().len()];
        self.0.read_exact(&mut told).unwrap();
        // Not `assert_eq!`: a mebibyte of numbers helps no reader.
        assert!(told == reply.as_ref(), "{}", told[..told.len().min(200)].escape_ascii());
    }

    pub(super) fn ask(&mut self, request: impl AsRef<[u8]>, reply: impl AsRef<[u8]>) {
        self.send(request);
        self.expect(reply);
    }

    pub(super) fn expect_end(&mut self) {
        assert_eq!(self.0.read(&mut [0; 16]).unwrap(), 0, "there was more");
    }
}

/// Returns a request as programs write it.
pub(super) fn request(arguments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    arguments.iter().for_each(|argument| bytes.extend(bulk(argument)));
    bytes
}

pub(super) fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
