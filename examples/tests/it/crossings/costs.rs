//! What a crossing costs, by counts: exact but for threads, on any machine.

use allocation_counter::measure;
use examples::claims::{observed, within};
use examples::crossings::{Colour, Yardstick, trips};
use loop_core::{Counts, EventLoop, TurnRule};

use Colour::{Async, Callback, Promise, Sync};

const TIMES: u64 = 1_000;

/// Allocations, hops and turns of so many trips, after as many for the room. A turn is a poll.
fn counted(from: Colour, to: Colour, rule: TurnRule, times: u64) -> [u64; 3] {
    let mut event_loop = EventLoop::new().unwrap();
    event_loop.handle().set_turn_rule(rule);
    trips(&mut event_loop, from, to, times).unwrap();
    let before = event_loop.handle().counts();
    let allocated = measure(|| trips(&mut event_loop, from, to, times).unwrap()).count_total;
    let Counts { hops, turns, .. } = event_loop.handle().counts();
    [allocated, hops - before.hops, turns - before.turns]
}

/// The same of one trip, by the slope between a short and a long run.
fn each(from: Colour, to: Colour, rule: TurnRule) -> [u64; 3] {
    let [short, long] = [TIMES, 2 * TIMES].map(|times| counted(from, to, rule, times));
    // The pool's own queue takes a block now and then.
    [0, 1, 2].map(|count| (long[count] - short[count] + TIMES / 2) / TIMES)
}

/// Under the snapshot rule: allocations, hops, turns.
#[test]
fn c13_a_crossing_costs_these_allocations_hops_and_turns() {
    let pinned = [
        (Sync, Sync, [0, 0, 0]),
        (Sync, Callback, [3, 2, 2]),
        (Sync, Promise, [2, 2, 2]),
        (Sync, Async, [3, 2, 2]),
        (Callback, Callback, [1, 1, 1]),
        (Callback, Promise, [0, 1, 1]),
        (Callback, Async, [2, 2, 1]),
        (Promise, Callback, [3, 2, 2]),
        (Promise, Promise, [0, 1, 1]),
        (Promise, Async, [5, 2, 2]),
        (Async, Callback, [3, 2, 2]),
        (Async, Promise, [0, 0, 0]),
        (Async, Async, [0, 0, 0]),
    ];
    let seen = pinned.map(|(from, to, _)| (from, to, each(from, to, TurnRule::Snapshot)));
    for (from, to, [allocations, hops, _]) in seen {
        let crossing = format!("{from}_to_{to}");
        observed("C13", &format!("allocations_{crossing}"), allocations);
        observed("C13", &format!("hops_{crossing}"), hops);
    }
    let most = seen.iter().map(|(_, _, counts)| counts[0]).max().unwrap();
    observed("C13", "allocations_most", most);
    within("C13", "on the loop a crossing takes four allocations at most", most);
    let least = seen[1..].iter().map(|(_, _, counts)| counts[0]).min().unwrap();
    observed("C13", "allocations_least", least);
    within("C13", "on the loop a crossing takes an allocation at least", least);
    let hops = seen.iter().map(|(_, _, counts)| counts[1]).max().unwrap();
    observed("C13", "hops_most", hops);
    assert_eq!(seen, pinned);
}

/// The most polls of a crossing from one function of the loop to another, by a rule of the turn.
fn polls_most(rule: TurnRule) -> u64 {
    let on_the_loop = [Callback, Promise, Async];
    let pairs = on_the_loop.into_iter().flat_map(|from| on_the_loop.map(|to| (from, to)));
    pairs.map(|(from, to)| each(from, to, rule)[2]).max().unwrap()
}

/// Cheap is, by the threshold of the claim, what takes no more than an empty system call: whether a
/// hop waits for a poll is decided by the turn rule.
#[test]
fn c13_a_crossing_waits_for_polls_by_the_turn_rule_and_not_by_the_style() {
    let [ours, theirs] = [TurnRule::default(), TurnRule::Snapshot].map(polls_most);
    observed("C13", "polls_most_by_the_default_rule", ours);
    observed("C13", "polls_most_by_the_snapshot_rule", theirs);
    within("C13", "by the default rule a crossing takes one system call at most", ours);
    within("C13", "by the snapshot rule a crossing takes one system call at most", theirs);
    assert_eq!((ours, theirs), (0, 2));
}

#[test]
fn where_each_hop_waits_for_a_turn_a_crossing_takes_more_polls_than_one() {
    assert!(polls_most(TurnRule::Snapshot) > 1);
}

/// To a thread and back: a job for the pool, and one wake-up or none, by which is faster.
#[test]
fn c13_a_crossing_to_a_thread_costs_these_allocations_and_hops() {
    let seen = [Callback, Promise, Async].map(|from| {
        let [allocated, hops, _] = each(from, Sync, TurnRule::Snapshot);
        (from, allocated, hops)
    });
    for (from, allocations, _) in seen {
        observed("C13", &format!("allocations_{from}_to_thread"), allocations);
    }
    assert_eq!(seen, [(Callback, 3, 1), (Promise, 5, 2), (Async, 5, 2)]);
}

#[test]
fn a_yardstick_allocates_what_its_name_says() {
    for yardstick in Yardstick::ALL {
        yardstick.run(1);
        let [short, long] =
            [1_000, 2_000].map(|times| measure(|| yardstick.run(times)).count_total);
        let boxed = matches!(yardstick, Yardstick::BoxedFuture | Yardstick::AsyncTrait);
        assert_eq!((long - short) / 1_000, u64::from(boxed), "{}", yardstick.name());
    }
}

/// What was taken is given back; what a thread gives back is counted there.
#[test]
fn a_thousand_crossings_keep_no_memory_and_register_nothing() {
    for from in Colour::ALL {
        for to in [Callback, Promise, Async] {
            let mut event_loop = EventLoop::new().unwrap();
            trips(&mut event_loop, from, to, TIMES).unwrap();
            let registrations = event_loop.handle().counts().registrations;
            let kept = measure(|| trips(&mut event_loop, from, to, TIMES).unwrap());
            assert_eq!((kept.count_current, kept.bytes_current), (0, 0), "{from} to {to}");
            assert_eq!(event_loop.handle().counts().registrations, registrations, "{from} to {to}");
            let left = event_loop.handle().snapshot();
            assert!(left.ready.is_empty() && left.parked.is_empty() && left.timed.is_empty());
        }
    }
}
