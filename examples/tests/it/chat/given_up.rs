//! A connection that the kernel gives up is gone, and was not cut off by the chat.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use examples::chat::Version;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::Socket;

use super::running::{Guest, Running};
use super::{connect_with_a_small_buffer, stop_with, talk_until_one_is_dropped};

/// How long the kernel waits for a peer that takes nothing; longer where a busy machine draws out the talk that
/// has the peer dropped.
const USER_TIMEOUTS: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(30)];

/// Returns the socket of this process that listens on an address, as another descriptor.
fn listener_at(addr: SocketAddr) -> Socket {
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let (local, state, inode) = (1, 3, 9);
    let listens = |columns: &Vec<&str>| {
        columns[local].ends_with(&format!(":{:04X}", addr.port())) && columns[state] == "0A"
    };
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let link = format!("socket:[{}]", rows.find(listens).expect("the chat listens")[inode]);
    let mut entries = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let is_it =
        |path: &PathBuf| fs::read_link(path).is_ok_and(|to| to.as_os_str() == link.as_str());
    let path = entries.find(is_it).expect("the chat is in this process");
    let number = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let process = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    pidfd_getfd(process, number, PidfdGetfdFlags::empty()).unwrap().into()
}

/// What a client does not take for so long ends with ETIMEDOUT, in its grace: it is dropped, and not cut off.
pub(super) fn a_connection_that_the_kernel_gives_up_is_not_cut_off(version: Version) {
    let dropped =
        USER_TIMEOUTS.into_iter().any(|timeout| is_given_up_in_its_grace(version, timeout));
    assert!(dropped, "no client was dropped");
}

/// Tells whether the talk had the client dropped before the kernel gave it up.
fn is_given_up_in_its_grace(version: Version, timeout: Duration) -> bool {
    let grace = 3 * timeout;
    let chat = Running::start(version, grace);
    // The connections that are accepted inherit it.
    listener_at(chat.addr).set_tcp_user_timeout(Some(timeout)).unwrap();
    let stalled: Guest = chat.guest_of(connect_with_a_small_buffer(chat.addr), "stalled");
    let (mut listener, mut speaker) = (chat.guest("listener"), chat.guest("speaker"));
    let dropped = talk_until_one_is_dropped(&mut speaker, &mut listener);
    let began = Instant::now();
    let report = stop_with(chat, [listener, speaker]);
    if dropped {
        assert!(began.elapsed() < grace, "the kernel has not given it up");
        assert_eq!((report.dropped, report.cut_off), (1, 0));
    }
    drop(stalled);
    dropped
}
