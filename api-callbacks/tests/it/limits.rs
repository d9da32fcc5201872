//! A limit whose time is over when the result is on its way, or when nothing can tell whether it is.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Completion, Sequence, timeout};
use api_callbacks::{CancellationToken, Composed, Operation, TcpListener, TcpStream, bytes};
use loop_core::{EventLoop, ManualClock, TurnRule};

use crate::lab::Lab;

const LIMIT: Duration = Duration::from_millis(5);

/// What an operation of the program's own does when it is cancelled.
#[derive(Clone, Copy, Debug)]
enum OnCancel {
    Answers(bool),
    CallsBack(bool),
    Drops,
    Panics,
}

/// An operation of the program's own that is pending until it is cancelled.
struct Own {
    done: RefCell<Option<Completion<u64, io::Error>>>,
    on_cancel: OnCancel,
}

impl Composed for Own {
    fn cancel(self: Rc<Self>) -> bool {
        match self.on_cancel {
            OnCancel::Answers(pending) => return pending,
            OnCancel::CallsBack(pending) => {
                self.done.take().expect("it is called once")(Ok(1));
                return pending;
            }
            OnCancel::Drops => drop(self.done.take()),
            OnCancel::Panics => panic!("a cancel on purpose"),
        }
        false
    }
}

/// Runs a limit over an operation of the program's own; returns what the callback hears when the time is
/// over, and when the operation calls back after that.
fn over(on_cancel: OnCancel) -> (Vec<String>, Vec<String>, Vec<String>) {
    let mut lab = Lab::new();
    let own = Rc::new(Own { done: RefCell::default(), on_cancel });
    let part = |done| {
        own.done.replace(Some(done));
        Operation::composed(&own)
    };
    timeout(&lab.handle, LIMIT, part, lab.ending("limit"));
    lab.run(10);
    let in_time = lab.log();
    let done = own.done.take();
    if let Some(done) = done {
        done(Ok(2));
    }
    lab.run(1);
    lab.assert_idle();
    (in_time, lab.log(), lab.reports())
}

#[test]
fn a_limit_gives_way_to_an_operation_that_says_its_result_is_on_its_way() {
    let (in_time, later, reports) = over(OnCancel::Answers(false));
    assert_eq!((in_time.len(), &later[..], reports.len()), (0, &["limit: ok".to_owned()][..], 0));
    let (in_time, later, reports) = over(OnCancel::CallsBack(false));
    assert_eq!((&in_time[..], later.len(), reports.len()), (&["limit: ok".to_owned()][..], 0, 0));
}

#[test]
fn a_limit_waits_for_what_it_has_cancelled_and_says_that_the_time_was_over() {
    let (in_time, later, reports) = over(OnCancel::Answers(true));
    assert_eq!((in_time.len(), later.len(), reports.len()), (0, 1, 0));
    assert!(later[0].contains("TimedOut"), "{later:?}");
    let (in_time, later, reports) = over(OnCancel::CallsBack(true));
    assert_eq!((in_time.len(), later.len(), reports.len()), (1, 0, 0));
    assert!(in_time[0].contains("TimedOut"), "{in_time:?}");
}

#[test]
fn a_limit_does_not_wait_for_an_operation_that_nothing_can_be_known_of() {
    for on_cancel in [OnCancel::Drops, OnCancel::Panics] {
        let (in_time, later, reports) = over(on_cancel);
        assert_eq!((in_time.len(), later.len()), (1, 0), "{on_cancel:?}");
        assert!(in_time[0].contains("TimedOut"), "{in_time:?}");
        assert_eq!(reports.len(), usize::from(matches!(on_cancel, OnCancel::Panics)));
    }
    // Its handle is gone, and its completion is not.
    let (mut lab, kept) = (Lab::new(), Rc::new(RefCell::new(None)));
    let part = |done: Completion<u64, io::Error>| {
        kept.replace(Some(done));
        Operation::composed(&Rc::new(Own {
            done: RefCell::default(),
            on_cancel: OnCancel::Answers(false),
        }))
    };
    timeout(&lab.handle, LIMIT, part, lab.ending("limit"));
    lab.run(10);
    let told = lab.log();
    assert!(told.len() == 1 && told[0].contains("TimedOut"), "{told:?}");
    kept.take().expect("it is kept")(Ok(2));
    lab.run(1);
    assert!(lab.log().is_empty() && lab.reports().is_empty());
}

/// The answer is read in the turn of the limit, before it, and its callback comes behind it: the bytes have
/// left the kernel, and must reach the program.
#[test]
fn an_answer_that_is_read_in_the_turn_of_its_limit_is_not_lost() {
    for rule in [TurnRule::Snapshot, TurnRule::default()] {
        for under_a_token in [false, true] {
            an_answer_is_read_in_the_turn_of_its_limit(rule, under_a_token);
        }
    }
}

fn an_answer_is_read_in_the_turn_of_its_limit(rule: TurnRule, under_a_token: bool) {
    let clock = ManualClock::new();
    let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
    let handle = event_loop.handle();
    handle.set_turn_rule(rule);
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let heard = Rc::new(RefCell::new(None));
    let (hears, limited, token) = (heard.clone(), handle.clone(), CancellationToken::new());
    listener.accept(move |_, accepted| {
        let (stream, _) = accepted.unwrap();
        let asking = Sequence::new(&limited, move |done: Completion<TcpStream, io::Error>| {
            bytes::write_all(&stream, "?", |stream, written, _| done(written.map(|_| stream)))
        })
        .then(|stream, done: Completion<[u8; 2], io::Error>| {
            bytes::read_exact(&stream, [0; 2], |_, read, answer| done(read.map(|_| answer)))
        });
        let ask = |done| asking.start(done);
        let ended = move |answer: io::Result<[u8; 2]>| _ = hears.borrow_mut().insert(answer);
        if under_a_token {
            token.guard(&limited, |done| timeout(&limited, LIMIT, ask, done), ended);
        } else {
            timeout(&limited, LIMIT, ask, ended);
        }
    });
    while handle.counts().writes == 0 {
        event_loop.run_once().unwrap();
    }
    io::Write::write_all(&mut &peer, b"ok").unwrap();
    clock.advance(LIMIT);
    event_loop.run_once().unwrap();
    while event_loop.run_ready() > 0 {}
    assert_eq!(heard.take().expect("it has ended").unwrap(), *b"ok", "{rule:?}");
}
