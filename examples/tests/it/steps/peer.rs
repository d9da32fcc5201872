//! The peer of a program of steps: what it is told in all, and the limits that a slow machine keeps.

use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use examples::Style;
use examples::steps::{Fault, Misbehaviour, Options, Peer, run};
use loop_core::Backoff;
use socket2::{Domain, Socket, Type};

/// So long that no test may wait for it.
pub(super) const LONG: Duration = Duration::from_secs(60);
/// Enough for a step on a slow machine.
pub(super) const BRIEF: Duration = Duration::from_millis(150);
/// Enough to come to the last step on a slow machine, and not much more.
pub(super) const SHORT: Duration = Duration::from_millis(400);

pub(super) const COMMITTED: [&str; 3] = ["AUTH open sesame", "COMMIT 3", "QUIT"];
pub(super) const REFUSED: [&str; 2] = ["AUTH open sesame", "QUIT"];
pub(super) const ROLLED_BACK: [&str; 3] = ["AUTH open sesame", "ROLLBACK", "QUIT"];
pub(super) const IN_DOUBT: [&str; 4] = ["AUTH open sesame", "COMMIT 3", "ROLLBACK", "QUIT"];

/// Each request that may go wrong, the step that it is a part of, and what the peer is told in all then.
pub(super) const REQUESTS: [(&str, &str, &[&str]); 3] = [
    ("AUTH", "authenticate", &REFUSED),
    ("GET 7 baba", "fetch", &ROLLED_BACK),
    ("COMMIT", "commit", &IN_DOUBT),
];

/// Runs the program against a peer with faults; asserts what the peer was told in all, and that nothing
/// is left on either side. Returns what the program came to.
pub(super) fn ended<const N: usize>(
    style: Style,
    faults: [Fault; N],
    change: impl FnOnce(&mut Options),
    told: &[&str],
) -> std::io::Result<Vec<String>> {
    let peer = Peer::start(faults.clone()).unwrap();
    let mut options = patient(&peer);
    change(&mut options);
    let report = run(style, &options).unwrap();
    assert!(report.left.is_nothing(), "{faults:?}: {:?}", report.left);
    wait_until_closed(&peer);
    assert_eq!(peer.journal(), told, "{faults:?}");
    assert_eq!(peer.impatient(), 0, "{faults:?}: a client that says goodbye hears the answer");
    report.items
}

/// Makes a check whose limits are times. A machine that was too slow for them has another try with
/// four times as much, and a third one: only what fails at all three is a failure.
pub(super) fn in_time(check: impl Fn(u32)) {
    let passes = |patience| panic::catch_unwind(AssertUnwindSafe(|| check(patience))).is_ok();
    if !passes(1) && !passes(4) {
        check(16);
    }
}

/// Limits that a slow machine keeps, unless a test is about them.
pub(super) fn patient(peer: &Peer) -> Options {
    Options {
        step_limit: LONG,
        total_limit: LONG,
        clean_up_limit: LONG,
        backoff: steady(Duration::from_millis(1)),
        ..Options::new(peer.address())
    }
}

/// Three tries with pauses of one length.
pub(super) fn steady(first: Duration) -> Backoff {
    Backoff { attempts: 3, first, factor: 1.0, jitter: 0.0, max: LONG, ..Backoff::default() }
}

pub(super) fn always(request: &'static str, what: Misbehaviour) -> Fault {
    Fault { request, what, times: usize::MAX }
}

/// An address that is taken, so that nothing else listens there, and refuses.
pub(super) struct ClosedPort(pub(super) Socket);

impl ClosedPort {
    pub(super) fn new() -> ClosedPort {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        ClosedPort(socket)
    }

    pub(super) fn options(&self) -> Options {
        Options::new(self.0.local_addr().unwrap().as_socket().unwrap())
    }
}

/// Waits until the peer has seen every connection end.
pub(super) fn wait_until_closed(peer: &Peer) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while peer.open() > 0 {
        assert!(Instant::now() < deadline, "{} connections are open still", peer.open());
        thread::sleep(Duration::from_millis(1));
    }
}
