//! A connection that the kernel gives up is gone, and was not cut off by the chat.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use examples::chat::Version;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::Socket;

use super::running::{Guest, Running};
use super::{LONG_GRACE, connect_with_a_small_buffer, stop_with, talk_until_one_is_dropped};

/// How long the kernel waits for a peer that takes nothing.
const USER_TIMEOUT: Duration = Duration::from_secs(4);

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
    let chat = Running::start(version, LONG_GRACE);
    // The connections that are accepted inherit it.
    listener_at(chat.addr).set_tcp_user_timeout(Some(USER_TIMEOUT)).unwrap();
    let stalled: Guest = chat.guest_of(connect_with_a_small_buffer(chat.addr), "stalled");
    let (mut listener, mut speaker) = (chat.guest("listener"), chat.guest("speaker"));
    assert!(talk_until_one_is_dropped(&mut speaker, &mut listener), "no client was dropped");
    let began = Instant::now();
    let report = stop_with(chat, [listener, speaker]);
    assert!(began.elapsed() < LONG_GRACE, "the kernel has not given it up");
    assert_eq!((report.dropped, report.cut_off), (1, 0));
    drop(stalled);
}
