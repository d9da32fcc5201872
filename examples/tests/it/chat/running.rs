//! A chat that runs beside its test, and its guests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use examples::Left;
use examples::chat::{self, Options, Report, Version};

use crate::sockets;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A chat on a thread of its own.
pub(super) struct Running {
    pub(super) addr: SocketAddr,
    /// Its end is the order to stop.
    pub(super) stop: UnixStream,
    pub(super) thread: JoinHandle<std::io::Result<(Report, Left)>>,
}

/// A guest with a terminal.
pub(super) struct Guest(pub(super) BufReader<TcpStream>);

impl Running {
    pub(super) fn start(version: Version, grace: Duration) -> Running {
        let options = Options { listen: "127.0.0.1:0".parse().unwrap(), grace };
        let (stop, stopped) = UnixStream::pair().unwrap();
        let (announced, address) = mpsc::channel();
        let announce = move |addr| announced.send(addr).unwrap();
        let thread = thread::spawn(move || chat::run(version, &options, stopped, announce));
        Running { addr: address.recv_timeout(PATIENCE).unwrap(), stop, thread }
    }

    pub(super) fn guest(&self, name: &str) -> Guest {
        self.guest_of(TcpStream::connect(self.addr).unwrap(), name)
    }

    pub(super) fn guest_of(&self, stream: TcpStream, name: &str) -> Guest {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut guest = Guest(BufReader::new(stream));
        guest.expect("* who are you?");
        guest.say(name);
        assert!(guest.hear().starts_with("* here with you:"));
        guest
    }

    /// Stops the chat, and checks that it leaves nothing: neither on its loop nor of its sockets.
    pub(super) fn stop(self) -> Report {
        drop(self.stop);
        let (report, left) = self.thread.join().unwrap().unwrap();
        assert!(left.is_nothing(), "{left:?}");
        assert_eq!(sockets::open_at(self.addr.port()), 0, "sockets are left");
        report
    }
}

impl Guest {
    pub(super) fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    pub(super) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the stream ended after {line:?}");
        line.trim_end().to_owned()
    }

    pub(super) fn expect(&mut self, line: &str) {
        assert_eq!(self.hear(), line);
    }

    pub(super) fn expect_end(&mut self) {
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0, "there was more");
    }
}
