//! What a server does when the system has no more to give.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use examples::{Server, Style};

use crate::client::{connect, ping};
use crate::process::cpu;
use crate::server::{PATIENCE, serve, start, start_with, stop, wait_until};

const DESCRIPTORS: &str = "40";
/// Few enough that the waiting ones fit in when the first ones leave: one shortage, not two.
const CLIENTS: usize = 46;

pub(super) fn a_server_out_of_descriptors_recovers(style: Style) {
    let server = start_with(style, &["--descriptors", DESCRIPTORS]);
    // The kernel completes all of these; the server can accept only some.
    let mut waiting: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(server.addr())).collect();
    for stream in &mut waiting {
        stream.set_nonblocking(true).unwrap();
        stream.write_all(b"?").unwrap();
    }
    let mut served = Vec::new();
    wait_until("some clients are served", PATIENCE, || {
        take_served(&mut waiting, &mut served);
        served.len() >= 10
    });
    assert_it_does_not_spin(&server);
    take_served(&mut waiting, &mut served);
    assert!(served.len() < CLIENTS, "the server never ran out of descriptors");
    for stream in &mut served {
        stream.set_nonblocking(false).unwrap();
        ping(stream, b"what was accepted stays");
    }
    // As one client leaves, the next is served: each gets its turn within a few pauses.
    while !waiting.is_empty() {
        served.clear();
        wait_until("the next clients are served", PATIENCE, || {
            take_served(&mut waiting, &mut served);
            !served.is_empty()
        });
    }
    drop(served);
    let stopped = server.stop().unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(stopped.stderr.lines().count(), 1, "{}", stopped.stderr);
}

/// Moves the clients whose message came back from the one list to the other.
fn take_served(waiting: &mut Vec<TcpStream>, served: &mut Vec<TcpStream>) {
    served.extend(waiting.extract_if(.., |stream| match stream.read(&mut [0]) {
        Ok(length) => length == 1,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            false
        }
    }));
}

fn assert_it_does_not_spin(server: &Server) {
    let Some(before) = cpu(server) else {
        eprintln!("skipped in part: this system has no /proc to see a server spin");
        return;
    };
    // Longer than one pause: it tries again, and says nothing new.
    thread::sleep(Duration::from_millis(1_300));
    let used = cpu(server).unwrap().saturating_sub(before);
    assert!(used < Duration::from_millis(50), "{used:?} of 1.3 s");
}

pub(super) fn a_port_in_use_is_named(style: Style) {
    let server = start(style);
    let addr = server.addr().to_string();
    let error = Server::start(serve(style).arg(&addr)).err().expect("the port is taken");
    assert!(error.to_string().contains(&addr), "{error}");
    stop(server);
}
