//! Addresses that answer, refuse and stall.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

pub(super) fn listening() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

pub(super) fn address_of(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap()
}

/// Asserts that no client has connected.
pub(super) fn assert_untouched(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// An address that refuses: it is bound, so that no other socket listens there, and does not listen itself.
pub(super) struct Refusing {
    pub(super) address: SocketAddr,
    _bound: Socket,
}

impl Refusing {
    pub(super) fn new() -> Refusing {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Refusing { address, _bound: socket }
    }
}

/// An address that does not answer: its queue is full, and no server accepts.
pub(super) struct Stalled {
    pub(super) address: SocketAddr,
    _listener: Socket,
    _filling: Vec<TcpStream>,
}

impl Stalled {
    pub(super) fn new() -> Stalled {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100));
        let filling: Vec<_> = std::iter::from_fn(|| connect().ok()).take(16).collect();
        assert!(filling.len() < 16, "the kernel's queue has an end");
        Stalled { address, _listener: listener, _filling: filling }
    }

    /// Asserts that no socket of this machine is still trying to connect here.
    pub(super) fn assert_abandoned(&self) {
        let Ok(table) = std::fs::read_to_string("/proc/net/tcp") else {
            return eprintln!("skipped: this system has no /proc to look into");
        };
        const SYN_SENT: &str = "02";
        let remote = format!("0100007F:{:04X}", self.address.port());
        // The sockets that tests have left behind may be tens of thousands.
        let trying = table.lines().filter(|line| line.contains(&remote)).filter(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            columns[2] == remote && columns[3] == SYN_SENT
        });
        assert_eq!(trying.count(), 0, "an attempt at {} is pending", self.address);
    }
}
