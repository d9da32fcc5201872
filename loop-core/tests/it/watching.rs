//! Raw descriptors.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use loop_core::TurnRule;

use crate::lab::{Lab, OnDrop, readable};

#[test]
fn a_regular_file_cannot_be_watched() {
    let lab = Lab::new(TurnRule::Snapshot);
    let file = Rc::new(File::open("/proc/self/exe").or_else(|_| File::open("/bin/sh")).unwrap());
    if lab.handle.add_reader(&file, || ()).is_ok() {
        println!("skipped: this system's poll takes regular files");
        return;
    }
    assert!(!lab.handle.remove_reader(&file));
}

#[test]
fn an_end_of_file_is_something_to_read() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, peer) = readable(0);
    lab.handle.add_reader(&reader, lab.trace.adder("ready")).unwrap();
    lab.turn();
    drop(peer);
    lab.turn();
    assert_eq!((&*reader).read(&mut [0]).unwrap(), 0);
    assert_eq!(lab.trace.take(), ["|", "ready", "|"]);
}

#[test]
fn a_watch_keeps_its_descriptor_open() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, mut peer) = readable(0);
    lab.handle.add_reader(&reader, lab.trace.adder("ready")).unwrap();
    drop(reader);
    peer.write_all(b"x").unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["ready", "|"]);
}

#[test]
fn a_reader_may_remove_itself_and_add_another() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = readable(1);
    let (handle, trace, descriptor) = (lab.handle.clone(), lab.trace.clone(), reader.clone());
    let first = move || {
        trace.add("first");
        assert!(handle.remove_reader(&descriptor));
        handle.add_reader(&descriptor, trace.adder("second")).unwrap();
    };
    lab.handle.add_reader(&reader, first).unwrap();
    lab.turn();
    lab.turn();
    assert_eq!(lab.trace.take(), ["first", "|", "second", "|"]);
}

#[test]
fn removing_the_reader_leaves_the_writer() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (both, _peer) = readable(1);
    lab.handle.add_reader(&both, lab.trace.adder("reader")).unwrap();
    lab.handle.add_writer(&both, lab.trace.adder("writer")).unwrap();
    assert!(lab.handle.remove_reader(&both));
    lab.turn();
    assert!(lab.handle.remove_writer(&both));
    lab.turn();
    assert_eq!(lab.trace.take(), ["writer", "|", "|"]);
}

#[test]
fn nothing_is_armed_again_that_did_not_fire() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = readable(0);
    lab.handle.add_reader(&reader, || ()).unwrap();
    (0..5).for_each(|_| lab.turn());
    assert_eq!(lab.handle.counts().registrations, 1);
}

#[test]
fn a_reader_that_is_replaced_may_remove_its_successor() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = readable(1);
    let (handle, descriptor) = (lab.handle.clone(), reader.clone());
    let guard = OnDrop(move || assert!(handle.remove_reader(&descriptor)));
    lab.handle.add_reader(&reader, move || guard.touch()).unwrap();
    lab.handle.add_reader(&reader, lab.trace.adder("second")).unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"]);
    assert!(!lab.handle.remove_reader(&reader));
}

#[test]
fn an_owner_whose_descriptor_changes_does_not_stop_the_others() {
    /// Answers with its second descriptor once it has changed.
    struct Changes(UnixStream, UnixStream, Cell<bool>);
    impl AsFd for Changes {
        fn as_fd(&self) -> BorrowedFd<'_> {
            if self.2.get() { self.1.as_fd() } else { self.0.as_fd() }
        }
    }
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (first, second) = readable(1);
    let (other, _peer) = readable(1);
    let first = Rc::into_inner(first).expect("the descriptor has one owner");
    let owner = Rc::new(Changes(first, second, Cell::new(false)));
    let changes = owner.clone();
    lab.handle.add_reader(&owner, move || changes.2.set(true)).unwrap();
    lab.handle.add_reader(&other, lab.trace.adder("other")).unwrap();
    (0..3).for_each(|_| lab.turn());
    assert_eq!(lab.trace.take(), ["other", "|", "other", "|", "other", "|"]);
}

#[test]
fn removing_answers_once_for_each_watcher() {
    let lab = Lab::new(TurnRule::Snapshot);
    let (both, _peer) = readable(0);
    assert!(!lab.handle.remove_reader(&both), "there is none");
    lab.handle.add_reader(&both, || ()).unwrap();
    assert!(!lab.handle.remove_writer(&both), "a reader is no writer");
    assert!(lab.handle.remove_reader(&both));
    assert!(!lab.handle.remove_reader(&both));
}

#[test]
fn a_writer_is_called_while_there_is_room() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (writer, mut peer) = readable(0);
    lab.handle.add_writer(&writer, lab.trace.adder("room")).unwrap();
    lab.turn();
    lab.turn();
    assert_eq!(lab.trace.take(), ["room", "|", "room", "|"]);
    while (&*writer).write(&[0; 4_096]).is_ok() {}
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"]);
    peer.set_nonblocking(true).unwrap();
    while peer.read(&mut [0; 65_536]).is_ok() {}
    lab.turn();
    assert_eq!(lab.trace.take(), ["room", "|"]);
}

#[test]
fn a_reader_that_is_replaced_in_its_own_batch_does_not_run() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = readable(1);
    lab.handle.add_reader(&reader, lab.trace.adder("first")).unwrap();
    let (handle, trace, descriptor) = (lab.handle.clone(), lab.trace.clone(), reader.clone());
    lab.handle.call_soon(move || handle.add_reader(&descriptor, trace.adder("second")).unwrap());
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"], "the first is cancelled, the second not yet asked for");
    lab.turn();
    assert_eq!(lab.trace.take(), ["second", "|"]);
}

#[test]
fn a_removed_reader_lets_go_of_its_descriptor_in_the_turn_in_which_it_fired() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, mut peer) = readable(1);
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    lab.handle.add_reader(&reader, || ()).unwrap();
    lab.handle.call_soon(move || {
        assert!(handle.remove_reader(&reader));
        drop(reader);
        trace.add(peer.write(b"x").unwrap_err().kind());
    });
    lab.turn();
    assert_eq!(lab.trace.take(), ["broken pipe", "|"]);
}
