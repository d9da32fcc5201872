//! What a turn costs with many idle connections: what is ready counts, not what is registered.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::rc::Rc;

use loop_core::{Counts, Direction, Job, Source, TurnRule};

use crate::lab::{Lab, connection};

const FEW: u64 = 10;
const MANY: u64 = 10_000;
const TURNS: u64 = 200;

/// Descriptors that the test needs beside the idle connections.
const SPARE: u64 = 300;

/// How many connections wait at a listener, which never accepts them.
const BACKLOG: usize = 100;

#[test]
fn a_turn_does_as_much_beside_10_idle_connections_as_beside_10_000() {
    if !room_for(MANY) {
        return;
    }
    let (few, many) = (counts_beside(FEW), counts_beside(MANY));
    assert_eq!(few, many);
    assert_eq!((few.turns, few.polls, few.events, few.reads), (TURNS, TURNS, TURNS, TURNS));
    assert_eq!(few.registrations, 0);
}

#[test]
fn a_turn_takes_as_many_instructions_beside_10_idle_connections_as_beside_10_000() {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        println!("skipped: instructions are counted by valgrind, which is not installed");
        return;
    }
    if !room_for(MANY) {
        return;
    }
    let (few, many) = (instructions_beside(FEW), instructions_beside(MANY));
    println!("instructions a turn: {} and {}", few / TURNS, many / TURNS);
    let more = many.abs_diff(few) as f64 / few as f64;
    assert!(more < 0.02, "{few} and {many} instructions in {TURNS} turns");
}

/// Raises the limit of descriptors as far as needed; says so if it cannot.
fn room_for(connections: u64) -> bool {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let needed = connections + SPARE;
    if limit.current.is_none_or(|current| current >= needed) {
        return true;
    }
    limit.current = limit.maximum.map(|maximum| maximum.min(4 * needed)).or(Some(needed));
    let raised = setrlimit(Resource::Nofile, limit).is_ok();
    let enough = raised && limit.current.is_none_or(|current| current >= needed);
    if !enough {
        println!("skipped: {needed} descriptors are needed, and the limit cannot be raised so far");
    }
    enough
}

/// Reads a byte whenever there is one.
struct Reader(Rc<Source<mio::net::TcpStream>>);

impl Job for Reader {
    fn run(self: Rc<Self>, _part: u64) {
        self.0.read(&mut [0; 8]).unwrap();
    }
}

/// Idle connections: ours are on the loop, and the listeners hold the peers without accepting them.
struct Idle {
    sources: Vec<Source<mio::net::TcpStream>>,
    _listeners: Vec<TcpListener>,
}

fn idle_connections(lab: &Lab, count: u64) -> Idle {
    let mut idle = Idle { sources: Vec::new(), _listeners: Vec::new() };
    let mut left = usize::try_from(count).unwrap();
    while left > 0 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..left.min(BACKLOG) {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = mio::net::TcpStream::from_std(stream);
            idle.sources.push(Source::new(&lab.handle, stream).unwrap());
            left -= 1;
        }
        idle._listeners.push(listener);
    }
    idle
}

/// Returns what so many turns do, each with one message, beside so many idle connections.
fn counts_beside(idle: u64) -> Counts {
    let mut lab = Lab::new(TurnRule::default());
    let idle = idle_connections(&lab, idle);
    let (source, mut peer) = connection(&lab);
    let reader = Rc::new(Reader(source));
    // The first poll hears of every connection that it can be written.
    while lab.handle.counts().events < idle.sources.len() as u64 {
        lab.event_loop.run_once().unwrap();
    }
    run_turns(&mut lab, &reader, &mut peer, 1);
    let before = lab.handle.counts();
    run_turns(&mut lab, &reader, &mut peer, TURNS);
    difference(&lab.handle.counts(), &before)
}

/// What callgrind counts: turns, each with one message.
#[inline(never)]
fn run_turns(lab: &mut Lab, reader: &Rc<Reader>, peer: &mut TcpStream, turns: u64) {
    for _ in 0..turns {
        reader.0.park_job(Direction::Read, reader.clone(), 0);
        peer.write_all(b"x").unwrap();
        lab.event_loop.run_once().unwrap();
    }
}

fn difference(after: &Counts, before: &Counts) -> Counts {
    Counts {
        turns: after.turns - before.turns,
        polls: after.polls - before.polls,
        events: after.events - before.events,
        hops: after.hops - before.hops,
        calls: after.calls - before.calls,
        registrations: after.registrations - before.registrations,
        wake_writes: after.wake_writes - before.wake_writes,
        reads: after.reads - before.reads,
        writes: after.writes - before.writes,
        accepts: after.accepts - before.accepts,
    }
}

/// Runs [`under_valgrind`] beside so many idle connections, and returns what the turns took.
fn instructions_beside(idle: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*scale::run_turns*")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "scale::under_valgrind", "--ignored", "--nocapture"])
        .env("IDLE_CONNECTIONS", idle.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    collected.expect("callgrind says what it collected").1.trim().parse().unwrap()
}

#[test]
#[ignore = "a process of its own for another test"]
fn under_valgrind() {
    let idle = std::env::var("IDLE_CONNECTIONS").unwrap().parse().unwrap();
    assert!(room_for(idle));
    counts_beside(idle);
}
