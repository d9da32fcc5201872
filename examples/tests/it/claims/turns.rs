//! C01, C02: what has its turn when.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::Poll;

use api_promises::Promise;
use examples::Style;
use examples::claims::{observed, part, within};
use loop_core::{LoopHandle, TurnRule};

use super::lab;

const CHAINS: usize = 7;
const STEPS: usize = 300;

/// The steps of chains that reschedule themselves, and the furthest that two were ever apart.
struct Chains {
    steps: RefCell<[usize; CHAINS]>,
    apart: Cell<usize>,
    /// The chain that makes three steps at a time.
    greedy: Option<usize>,
}

impl Chains {
    /// Makes a step, and tells whether there is another.
    fn step(&self, chain: usize) -> bool {
        let mut steps = self.steps.borrow_mut();
        steps[chain] += if self.greedy == Some(chain) { 3 } else { 1 };
        let apart = steps.iter().max().unwrap() - steps.iter().min().unwrap();
        self.apart.set(self.apart.get().max(apart));
        steps[chain] < STEPS
    }
}

fn with_callbacks(handle: LoopHandle, chains: Rc<Chains>, chain: usize) {
    handle.clone().call_soon(move || {
        if chains.step(chain) {
            with_callbacks(handle, chains, chain);
        }
    });
}

fn with_promises(handle: LoopHandle, chains: Rc<Chains>, chain: usize) -> Promise<(), io::Error> {
    Promise::resolve(&handle, ()).then(move |()| match chains.step(chain) {
        true => with_promises(handle, chains, chain),
        false => Promise::resolve(&handle, ()),
    })
}

async fn with_async(chains: Rc<Chains>, chain: usize) {
    while chains.step(chain) {
        give_way().await;
    }
}

/// Is pending once, and queued again at once.
pub(super) async fn give_way() {
    let mut given = false;
    poll_fn(|cx| match std::mem::replace(&mut given, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// Runs chains, the styles in turn, to their ends; returns how far two were ever apart. A chain may
/// be greedy, which is the planted fault: it makes three steps before it queues itself again.
fn steps_apart(styles: &[Style], rule: TurnRule, greedy: Option<usize>) -> usize {
    let (mut event_loop, handle) = lab();
    handle.set_turn_rule(rule);
    let chains = Rc::new(Chains { steps: RefCell::default(), apart: Cell::new(0), greedy });
    for (chain, style) in (0..CHAINS).zip(styles.iter().cycle()) {
        let (handle, chains) = (handle.clone(), chains.clone());
        match style {
            Style::Callbacks => with_callbacks(handle, chains, chain),
            Style::Promises => with_promises(handle, chains, chain).detach(drop),
            _ => api_async::spawn(&handle, with_async(chains, chain)).detach(),
        }
    }
    while event_loop.run_ready() > 0 {}
    assert_eq!(chains.steps.take(), [STEPS; CHAINS], "{styles:?}");
    chains.apart.get()
}

/// The same under each turn rule, at the worst.
fn most_apart(styles: &[Style], greedy: Option<usize>) -> u64 {
    let rules = [TurnRule::Snapshot, TurnRule::Bounded(5), TurnRule::default()];
    rules.map(|rule| steps_apart(styles, rule, greedy) as u64).into_iter().max().unwrap()
}

#[test]
fn c01_chains_are_at_most_one_step_apart_in_every_style() {
    observed("C01", "chains", CHAINS);
    observed("C01", "steps", STEPS);
    for style in Style::WINGS {
        let most = most_apart(&[style], None);
        observed("C01", &format!("steps_apart_{style}"), most);
        let held = format!("{style}: chains are one step apart at most, under each turn rule");
        assert!(within("C01", &held, most), "{most}");
    }
    let mixed = most_apart(&Style::WINGS, None);
    observed("C01", "steps_apart_mixed", mixed);
    let held = "styles beside each other: chains are one step apart at most, under each turn rule";
    assert!(within("C01", held, mixed), "{mixed}");
}

#[test]
fn chains_are_further_apart_where_one_makes_three_steps_before_it_queues_itself() {
    for style in Style::WINGS {
        assert!(most_apart(&[style], Some(3)) > 1, "{style}");
    }
}

/// Stands for a queue that is drained: more than any test would queue.
const DRAIN: TurnRule = TurnRule::Bounded(usize::MAX);

/// Chains reschedule themselves, up to a bound of steps, and the first step makes a socket ready.
/// Returns how many steps ran before the socket's callback, and how many polls that took.
fn before_io(rule: TurnRule, bound: usize) -> (usize, u64) {
    let (mut event_loop, handle) = lab();
    handle.set_turn_rule(rule);
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let (ran, seen) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let (count, told, counts) = (ran.clone(), seen.clone(), handle.clone());
    let note = move || told.set(told.get().or(Some((count.get(), counts.counts().polls))));
    handle.add_reader(&Rc::new(ours), note).unwrap();
    let ready_at = Rc::new(Cell::new(0));
    let (polls, at) = (handle.clone(), ready_at.clone());
    let mut ready = peer.try_clone().unwrap();
    handle.call_soon(move || {
        ready.write_all(b"x").unwrap();
        at.set(polls.counts().polls);
    });
    (0..CHAINS).for_each(|_| step_until(handle.clone(), ran.clone(), bound));
    while seen.get().is_none() && ran.get() < bound {
        event_loop.run_once().unwrap();
    }
    let (steps, polls) = seen.get().unwrap_or((ran.get(), handle.counts().polls));
    (steps, polls - ready_at.get())
}

fn step_until(handle: LoopHandle, ran: Rc<Cell<usize>>, bound: usize) {
    handle.clone().call_soon(move || {
        ran.set(ran.get() + 1);
        if ran.get() < bound {
            step_until(handle, ran, bound);
        }
    });
}

/// Tells whether I/O is kept waiting longer by ten times the work.
fn grows_with_the_work(rule: TurnRule) -> bool {
    before_io(rule, 100_000).0 > before_io(rule, 10_000).0
}

#[test]
fn the_delay_of_io_grows_with_the_work_where_the_queue_is_drained() {
    assert!(grows_with_the_work(DRAIN));
}

/// For ever is shown by two bounds: whatever the work, the socket waits for all of it.
#[test]
fn c02_a_snapshot_bounds_the_delay_of_io_and_draining_does_not() {
    let (steps, polls) = before_io(TurnRule::Snapshot, 100_000);
    observed("C02", "chains", CHAINS);
    observed("C02", "steps_before_io_snapshot", steps);
    observed("C02", "polls_until_io_snapshot", polls);
    assert!(within("C02", "under the snapshot rule I/O is polled after one pass", polls));
    let same = !grows_with_the_work(TurnRule::Snapshot);
    assert!(part("C02", "under the snapshot rule the delay does not grow with the work", same));
    // What was left of the pass, and what that has queued ahead of the socket's callback.
    let served = "under the snapshot rule I/O is served after one pass";
    assert!(!within("C02", served, steps as u64));
    assert_eq!(steps, 2 * CHAINS);
    let bounds = [10_000, 100_000];
    let starved = bounds.map(|bound| before_io(DRAIN, bound).0);
    for (bound, steps) in bounds.iter().zip(starved) {
        observed("C02", &format!("steps_before_io_drained_of_{bound}"), steps);
    }
    let all = bounds.iter().zip(starved).all(|(bound, steps)| steps >= *bound);
    assert!(part("C02", "drained, the queue keeps I/O waiting for all there is", all));
}
