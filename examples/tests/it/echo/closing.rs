//! How connections and servers end, and what they leave behind.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use examples::{Server, Style};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::{close_gently, connect, expect, expect_end, pattern, ping, reset};
use crate::process::{descriptors, told_or_skip};
use crate::server::{PATIENCE, start, stop, wait_until};

pub(super) fn a_half_closed_client_gets_everything_back(style: Style) {
    let server = start(style);
    let sizes = [0, 1, 64, 16_383, 16_384, 16_385, 65_536, 65_537, 1 << 20];
    // Several times each: whether the end arrives with the data or after it is a matter of luck.
    for size in sizes.repeat(5) {
        let mut stream = connect(server.addr());
        let message = pattern(size, size);
        let mut writer = stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                writer.write_all(&message).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            expect(&mut stream, &message);
        });
        expect_end(&mut stream);
    }
    stop(server);
}

pub(super) fn a_reset_in_mid_message_leaves_the_others_alone(style: Style) {
    let server = start(style);
    let mut others: Vec<TcpStream> = (0..3).map(|_| connect(server.addr())).collect();
    for round in 0..20 {
        let mut victim = connect(server.addr());
        victim.write_all(&pattern(round, 1 + round * 10_000)).unwrap();
        if round % 2 == 0 {
            // Half of them have read some of it already.
            let _ = victim.read(&mut [0; 64]).unwrap();
        }
        reset(victim);
        others.iter_mut().for_each(|other| ping(other, &pattern(round, 1_000)));
    }
    others.into_iter().for_each(close_gently);
    ping(&mut connect(server.addr()), b"and the next one");
    stop(server);
}

pub(super) fn a_signal_ends_the_server_cleanly(style: Style) {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = start(style);
        let addr = server.addr();
        let mut open: Vec<TcpStream> = (0..10).map(|_| connect(addr)).collect();
        open.iter_mut().for_each(|stream| ping(stream, b"here"));
        // One is in the middle of something that it will not read.
        open[0].write_all(&pattern(0, 100_000)).unwrap();
        let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
        let ended = || !server.is_running().unwrap();
        wait_until("the server ends on a signal", Duration::from_secs(2), ended);
        stop(server);
        TcpListener::bind(addr).unwrap();
    }
}

pub(super) fn no_descriptor_is_left_behind(style: Style) {
    let server = start(style);
    // What a server opens once, for its first connection, is not left behind.
    come_and_go(&server, 3);
    let before = told_or_skip!(descriptors(&server));
    let mut stays = connect(server.addr());
    come_and_go(&server, 200);
    ping(&mut stays, b"still here");
    close_gently(stays);
    wait_until("the descriptors are as many as before", PATIENCE, || {
        descriptors(&server).unwrap() <= before
    });
    stop(server);
}

/// Opens connections, and closes them in each of four ways.
fn come_and_go(server: &Server, count: usize) {
    for number in 0..count {
        let mut stream = connect(server.addr());
        ping(&mut stream, b"hello");
        match number % 4 {
            0 => drop(stream),
            1 => close_gently(stream),
            2 => reset(stream),
            _ => {
                stream.write_all(&pattern(0, 50_000)).unwrap();
                reset(stream);
            }
        }
    }
    // A connection through the same queue: what came before it was accepted.
    ping(&mut connect(server.addr()), b"last");
}
