//! A proxy that runs beside its test, and the ends of its connections.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use examples::Left;
use examples::proxy::{self, Options, Report, Version};

use crate::client::{connect, expect, expect_end};
use crate::server::{PATIENCE, wait_until};
use crate::sockets;

/// A proxy on a thread of its own, and the target behind it, which the test plays.
pub(super) struct Running {
    pub(super) addr: SocketAddr,
    pub(super) target: TcpListener,
    /// Its end is the order to stop.
    pub(super) stop: UnixStream,
    pub(super) thread: JoinHandle<std::io::Result<(Report, Left)>>,
}

impl Running {
    pub(super) fn start(version: Version) -> Running {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        Running::before(version, target)
    }

    pub(super) fn before(version: Version, target: TcpListener) -> Running {
        let options = Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            target: target.local_addr().unwrap(),
            patience: PATIENCE,
        };
        let (stop, stopped) = UnixStream::pair().unwrap();
        let (announced, address) = mpsc::channel();
        let announce = move |addr| announced.send(addr).unwrap();
        let thread = thread::spawn(move || proxy::run(version, &options, stopped, announce));
        Running { addr: address.recv_timeout(PATIENCE).unwrap(), target, stop, thread }
    }

    /// Connects through the proxy; returns both ends.
    pub(super) fn ends(&self) -> (TcpStream, TcpStream) {
        let client = connect(self.addr);
        let (target, _) = self.target.accept().unwrap();
        target.set_nodelay(true).unwrap();
        target.set_read_timeout(Some(PATIENCE)).unwrap();
        target.set_write_timeout(Some(PATIENCE)).unwrap();
        (client, target)
    }

    /// Stops the proxy once every connection is over, and checks as [`Running::stop`] does.
    pub(super) fn finish(self) -> Report {
        let port = self.addr.port();
        let all_but_the_listener = || sockets::open_at(port) <= 1;
        wait_until("the connections are over", PATIENCE, all_but_the_listener);
        self.stop()
    }

    /// Stops the proxy, and checks that it leaves nothing: neither on its loop nor of its sockets.
    pub(super) fn stop(self) -> Report {
        drop(self.stop);
        let (report, left) = self.thread.join().unwrap().unwrap();
        assert!(left.is_nothing(), "{left:?}");
        assert_eq!(sockets::open_at(self.addr.port()), 0, "sockets are left");
        let target = self.target.local_addr().unwrap();
        assert_eq!(sockets::open_to(target.port()), 0, "sockets to the target are left");
        report
    }
}

/// Sends from one end to the other while the other reads.
pub(super) fn send(from: &mut TcpStream, to: &mut TcpStream, message: &[u8]) {
    thread::scope(|scope| {
        scope.spawn(|| from.write_all(message).unwrap());
        expect(to, message);
    });
}

/// Ends both sides, and reads both ends.
pub(super) fn end(client: &mut TcpStream, target: &mut TcpStream) {
    client.shutdown(Shutdown::Write).unwrap();
    expect_end(target);
    target.shutdown(Shutdown::Write).unwrap();
    expect_end(client);
}

/// Reads until a connection has ended in whatever way.
pub(super) fn expect_over(stream: &mut TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(1..) => {}
            Ok(0) => return,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset) => return,
            Err(error) => panic!("the connection goes on: {error}"),
        }
    }
}
