//! The sockets that are open on this machine, as the system's own table has them.
//!
//! Rule: where there is no such table, none is seen.

use std::fs;

/// Counts the open sockets that are bound to a port: a server's own.
pub(crate) fn open_at(port: u16) -> usize {
    open("local_address", port)
}

/// Counts the open sockets that are connected to a port: its clients'.
pub(crate) fn open_to(port: u16) -> usize {
    open("rem_address", port)
}

fn open(address: &str, port: u16) -> usize {
    let Ok(table) = fs::read_to_string("/proc/self/net/tcp") else { return 0 };
    let (local_column, remote_column, inode_column) = (1, 2, 9);
    let column = if address == "local_address" { local_column } else { remote_column };
    assert!(table.lines().next().is_some_and(|titles| titles.contains(address)));
    let (port, closed) = (format!(":{port:04X}"), "0");
    let is_open = |line: &&str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        columns[column].ends_with(&port) && columns[inode_column] != closed
    };
    // The sockets that tests have left behind may be tens of thousands.
    table.lines().skip(1).filter(|line| line.contains(&port)).filter(is_open).count()
}
