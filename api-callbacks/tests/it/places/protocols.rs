//! Of protocols, of what makes them, and of what connects and serves.

use std::io::{self, Read, Write};
use std::net::TcpStream as StdStream;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::protocol::Echo;
use api_callbacks::{ClientBuilder, Protocol, ServerBuilder, TcpStream, Transport};

use super::{lab, reported};
use crate::serving::any;

/// What panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Made,
    Data,
    Eof,
    Pause,
    Lost,
}

struct Panicking(Method);

impl Panicking {
    fn reach(&self, method: Method) {
        assert!(self.0 != method, "on purpose");
    }
}

impl Protocol for Panicking {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.reach(Method::Made);
        if self.0 == Method::Pause {
            transport.write(&vec![0; 16 << 20]);
        }
    }

    fn data_received(&self, _transport: &dyn Transport, _bytes: &[u8]) {
        self.reach(Method::Data);
    }

    fn eof_received(&self, _transport: &dyn Transport) -> bool {
        self.reach(Method::Eof);
        false
    }

    fn pause_writing(&self, _transport: &dyn Transport) {
        self.reach(Method::Pause);
    }

    fn connection_lost(&self, _error: Option<io::Error>) {
        self.reach(Method::Lost);
    }
}

#[test]
fn of_the_methods_of_a_server_s_protocol() {
    for method in [Method::Made, Method::Data, Method::Eof, Method::Pause, Method::Lost] {
        let (mut event_loop, handle, lines) = lab();
        let served = ServerBuilder::new().serve(&handle, any(), move |_| Panicking(method));
        let line = line!() - 1;
        let mut client = StdStream::connect(served.unwrap().local_addr()).unwrap();
        client.write_all(b"x").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(reported(&mut event_loop, &lines, 1), [line], "{method:?}");
    }
}

#[test]
fn of_a_client_s_protocol_and_its_callback() {
    let (mut event_loop, handle, lines) = lab();
    let server = ServerBuilder::new().serve(&handle, any(), |_| Echo).unwrap();
    let address = server.local_addr();
    ClientBuilder::new().connect(&handle, address, Panicking(Method::Made), |_| {});
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    ClientBuilder::new().connect(&handle, address, Echo, |_| panic!("on purpose"));
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    let impatient = ClientBuilder::new().timeout(Duration::from_secs(60));
    impatient.connect(&handle, address, Echo, |_| panic!("on purpose"));
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    let host = ("localhost", address.port());
    ClientBuilder::new().connect_to_host(&handle, host, Echo, |_| panic!("on purpose"));
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    ClientBuilder::new().connect_to_host(&handle, host, Panicking(Method::Made), |_| {});
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    TcpStream::connect_to_host(&handle, host, |_| panic!("on purpose"));
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
}

#[test]
fn of_what_makes_a_protocol_and_of_the_end_of_serving() {
    let (mut event_loop, handle, lines) = lab();
    let server = ServerBuilder::new().serve(&handle, any(), |_| -> Echo { panic!("on purpose") });
    let of_factory = line!() - 1;
    let server = server.unwrap();
    let _client = StdStream::connect(server.local_addr()).unwrap();
    assert_eq!(reported(&mut event_loop, &lines, 1), [of_factory]);
    server.stop(Duration::from_secs(60), |_| panic!("on purpose"));
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    let server = ServerBuilder::new().serve(&handle, any(), |_| Echo).unwrap();
    let mut client = StdStream::connect(server.local_addr()).unwrap();
    while server.connections().is_empty() {
        event_loop.run_once().unwrap();
    }
    server.stop(Duration::from_secs(60), |_| panic!("on purpose"));
    let of_stop = line!() - 1;
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(reported(&mut event_loop, &lines, 1), [of_stop]);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}
