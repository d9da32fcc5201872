//! What the demonstrations show, by claim.

use std::time::Duration;

use api_callbacks::WriteLimits;
use examples::Style;
use examples::claims::{observed, part};
use examples::demonstrations::Demonstration;
use examples::demonstrations::after_close::{Reader, bytes_after_close};
use examples::demonstrations::awaiting::{POLL_TAKES, SET_AFTER, Timeout, await_later};
use examples::demonstrations::mid_frame::{self, Frames};
use examples::demonstrations::run_once::turns;
use examples::demonstrations::starvation::{drain, flood, spin};
use examples::demonstrations::stepping;
use examples::demonstrations::unbounded_write::{PIECE_BYTES, Writer, Written, write};
use examples::demonstrations::wake_up::{
    Call, LONG, Posted, Poster, Ran, SHORT, call_from_a_thread, post,
};
use loop_core::TurnRule;

mod shown;
mod zalgo;

use self::shown::{assert_shows, shown};

#[test]
fn the_demonstrations_are_in_order_and_say_what_they_show() {
    assert!(Demonstration::ALL.is_sorted_by(|one, next| one.name < next.name));
    assert!(Demonstration::ALL.iter().all(|one| one.sentence.len() <= 80));
    assert!(Demonstration::named("calbacks").is_none());
    let [by_name, by_module] = ["wake-up", "wake_up"].map(Demonstration::named);
    assert_eq!(by_name.unwrap().name, by_module.unwrap().name);
}

/// Names what ran, turn by turn.
fn ran(rule: TurnRule) -> Vec<Vec<&'static str>> {
    let names = |turn: &examples::demonstrations::run_once::Turn| {
        turn.ran.iter().map(|ran| ran.name).collect::<Vec<_>>()
    };
    turns(rule).unwrap().iter().map(names).collect()
}

#[test]
fn c01_what_is_queued_runs_first_in_first_out_under_both_rules() {
    let flat = |rule| ran(rule).concat();
    let order = ["a", "b", "c", "d", "posted", "timer"];
    for rule in [TurnRule::Snapshot, TurnRule::default()] {
        let queued: Vec<_> = flat(rule).into_iter().filter(|name| *name != "reader").collect();
        assert_eq!(queued, order, "{rule:?}");
    }
}

#[test]
fn c02_run_once_polls_after_what_was_ready_or_after_a_bound() {
    let snapshot: &[&[&str]] = &[&["a", "b"], &["c", "reader"], &["d"], &["posted"], &["timer"]];
    assert_eq!(ran(TurnRule::Snapshot), snapshot);
    let bounded: &[&[&str]] = &[&["a", "b", "c", "d"], &["reader"], &["posted"], &["timer"]];
    assert_eq!(ran(TurnRule::default()), bounded);
    assert_shows(
        "run-once",
        &[
            "  turn 1: ready a b; parked 1; timed 3s; the poll may wait no time",
            "    a runs, and leaves ready b c",
            "    c runs, and leaves ready reader d",
            "  turn 4: ready nothing; parked 0; timed 3s; the poll may wait 3s",
            "    timer runs, and leaves ready nothing",
        ],
    );
}

#[test]
fn c02_only_a_queue_that_is_drained_until_it_is_empty_starves_a_socket() {
    for style in Style::WINGS {
        let steps = |rule, steps| drain::steps_before_io(style, rule, steps).unwrap();
        for length in [1_000, 2_000] {
            assert_eq!(steps(TurnRule::Snapshot, length), 1, "{style}");
            assert!(steps(TurnRule::default(), length) <= 256, "{style}");
            // As long as there is a next step, the socket is not asked for.
            assert_eq!(steps(drain::UNTIL_EMPTY, length), length - 1, "{style}");
        }
    }
}

#[test]
fn c03_a_callback_that_spins_delays_every_other_connection_by_that_time_in_every_style() {
    for style in Style::WINGS {
        for spin_ms in [50, 200] {
            let time = Duration::from_millis(spin_ms);
            assert_eq!(spin::delays(style, time, 3).unwrap(), [time; 3], "{style}");
        }
    }
}

#[test]
fn c04_a_socket_that_is_always_ready_starves_its_peers_unless_reading_has_a_budget() {
    use flood::{CHUNKS_OF_A_SHARE, Reader, chunks_before_the_other};
    for chunks in [64, 128] {
        let before = |reader| chunks_before_the_other(reader, chunks).unwrap();
        assert_eq!(before(Reader::AsyncWithoutBudget), chunks, "`.await` is not a yield");
        for reader in [Reader::Callbacks, Reader::Promises, Reader::Async] {
            assert!((1..=CHUNKS_OF_A_SHARE).contains(&before(reader)), "{reader:?}");
        }
    }
    assert_shows(
        "starvation",
        &[
            "  snapshot    promises                   after 1 of 1000 steps, 1 of 2000",
            "  until empty async                      after 999 of 1000 steps, 1999 of 2000",
            "  callbacks                  spins for 50ms: the others wait [50ms, 50ms, 50ms]",
            "  async without budget       after 64 of 64 chunks, 128 of 128",
            "  async                      after at most 4 of 64 chunks, at most 4 of 128",
        ],
    );
}

#[test]
fn c05_without_a_wake_up_a_call_from_a_thread_waits_for_the_timeout_or_for_ever() {
    let call = |timeout, patience| call_from_a_thread(Call::WithoutWakeUp, timeout, patience);
    assert_eq!(call(Some(SHORT), LONG).unwrap(), Ran::AtTheTimeout);
    assert_eq!(call(None, SHORT).unwrap(), Ran::ByTheWatchdog);
}

#[test]
fn c05_with_a_wake_up_a_call_from_a_thread_ends_the_poll() {
    for timeout in [Some(LONG), None] {
        assert_eq!(call_from_a_thread(Call::WithWakeUp, timeout, LONG).unwrap(), Ran::AtOnce);
    }
    assert_shows(
        "wake-up",
        &[
            "no wake-up, the poll may wait 300ms   : runs after the timeout",
            "no wake-up, the poll may wait for ever: runs when a watchdog ends the poll",
            "a wake-up , the poll may wait for ever: runs at once",
        ],
    );
}

#[test]
fn c05_who_awaits_sleeps_in_the_poll_and_a_timeout_forced_to_zero_spins() {
    let slept = await_later(Timeout::Kept).unwrap();
    let spun = await_later(Timeout::ForcedToZero).unwrap();
    assert_eq!((slept.result, spun.result), (42, 42));
    assert_eq!((slept.asked, spun.asked), (2, 2), "the task is not woken by turns");
    let idle = |timeouts: &[Option<Duration>]| {
        timeouts.iter().filter(|timeout| **timeout != Some(Duration::ZERO)).count() as u32
    };
    assert_eq!(slept.timeouts[..2], [Some(Duration::ZERO), Some(SET_AFTER)]);
    assert_eq!((idle(&slept.timeouts), idle(&spun.timeouts)), (1, 1_000));
    assert_eq!(POLL_TAKES * idle(&spun.timeouts), SET_AFTER);
    assert_shows(
        "awaiting",
        &[
            "  sleeps in 1 of them, for 1s",
            "  could have slept in 1000 of them, for 1s to 1ms",
            "  the future is asked 2 times and gives 42",
        ],
    );
}

#[test]
fn c06_many_posts_need_one_wake_up_and_those_of_the_loop_s_own_thread_none() {
    let posted = |poster| post(poster, 1_000).unwrap();
    let all = |wake_writes| Posted { ran: 1_000, wake_writes };
    assert_eq!(posted(Poster::ThreadsToASleeper), all(1));
    assert_eq!(posted(Poster::ThreadsToAWorker), all(0));
    assert_eq!(posted(Poster::ItsOwnThread), all(0));
    // Awaiting on the loop's own thread needs none either.
    assert_eq!(await_later(Timeout::Kept).unwrap().wake_writes, 0);
}

#[test]
fn c31_a_generator_and_an_async_block_leave_the_same_trace() {
    let by_hand = stepping::with_generators();
    assert_eq!(by_hand, stepping::with_async_blocks());
    assert_eq!(by_hand.trace, ["a 2", "b 3", "a 1", "b 2", "a done", "b 1", "b done"]);
    assert_shows("stepping", &["   1  a 2         a 2", "The traces are the same."]);
}

#[test]
fn c22_write_without_drain_grows() {
    let [half, all] = [256, 512].map(|pieces| write(Writer::Deaf, pieces).unwrap());
    assert_eq!([half.pieces, all.pieces], [256, 512]);
    // What the sockets take is the same; all that is written besides stays with the program.
    let grown = all.unsent_most - half.unsent_most;
    observed("C22", "piece_bytes", PIECE_BYTES);
    observed("C22", "unsent_bytes_256_pieces", half.unsent_most);
    observed("C22", "unsent_bytes_512_pieces", all.unsent_most);
    observed("C22", "grown_bytes", grown);
    let linear = grown.abs_diff(256 * PIECE_BYTES) <= 64 * PIECE_BYTES;
    assert!(part("C22", "without flow control, all that is written more is held", linear));
    assert!(grown.abs_diff(256 * PIECE_BYTES) <= 64 * PIECE_BYTES, "{half:?}, {all:?}");
}

#[test]
fn c22_with_marks_it_stays_below_high_and_a_piece() {
    let [half, all] = [256, 512].map(|pieces| write(Writer::Marks, pieces).unwrap());
    let most = half.unsent_most.max(all.unsent_most);
    observed("C22", "high_mark_bytes", WriteLimits::default().high);
    observed("C22", "unsent_bytes_with_marks", most);
    let bounded = most <= WriteLimits::default().high + PIECE_BYTES;
    assert!(part("C22", "with marks it is the high mark and one piece at most", bounded));
    for Written { unsent_most, .. } in [half, all] {
        assert!(unsent_most > WriteLimits::default().high, "it was told to pause: {unsent_most}");
        assert!(unsent_most <= WriteLimits::default().high + PIECE_BYTES, "{unsent_most}");
    }
    assert!(all.pieces < 512, "it is paused for ever: {all:?}");
}

#[test]
fn c23_an_awaited_write_holds_one_piece_in_every_style() {
    for writer in [Writer::Callbacks, Writer::Promises, Writer::Async] {
        let Written { pieces, unsent_most } = write(writer, 512).unwrap();
        let key = format!("unsent_bytes_{writer:?}").to_lowercase();
        observed("C23", &key, unsent_most);
        observed("C23", &format!("pieces_{writer:?}").to_lowercase(), pieces);
        let bounded = format!("{writer:?}: an awaited write holds one piece").to_lowercase();
        assert!(part("C23", &bounded, unsent_most <= PIECE_BYTES));
        assert_eq!(unsent_most, PIECE_BYTES, "{writer:?}");
        assert!(pieces < 512, "{writer:?} waits for the peer: {pieces}");
    }
    let text = shown("unbounded-write");
    assert_eq!(text.matches("is to write").count(), 10, "{text}");
}

#[test]
fn c20_a_pending_read_is_told_data_after_the_close() {
    for reader in [Reader::Callbacks, Reader::Promises, Reader::Async] {
        let late = bytes_after_close(reader).unwrap();
        observed("C20", &format!("bytes_after_close_{reader:?}").to_lowercase(), late);
        if reader == Reader::Async {
            assert!(!part("C20", "an awaited read is told nothing after the close", late == 0));
        } else {
            let told = format!("{reader:?}: a pending read is told data after the close");
            let told = told.to_lowercase();
            assert!(part("C20", &told, late > 0));
        }
        assert_eq!(late, 5, "{reader:?}");
    }
}

/// A stream has no `close`: to drop it is the real one. The pending read owns what it reads from.
#[test]
fn c20_a_pending_read_is_told_data_after_its_stream_was_dropped() {
    for (style, reader) in
        [("callbacks", Reader::CallbacksClosed), ("promises", Reader::PromisesClosed)]
    {
        let late = bytes_after_close(reader).unwrap();
        observed("C20", &format!("bytes_after_drop_{style}"), late);
        let told = format!("{style}: a read is told data after its stream was dropped");
        assert!(part("C20", &told, late > 0));
    }
}

#[test]
fn c20_what_is_ended_is_told_nothing_after_the_close() {
    use Reader::{AsyncEnded, CallbacksCancelled, PromisesDropped, Protocol};
    for reader in [CallbacksCancelled, Protocol, PromisesDropped, AsyncEnded] {
        let late = bytes_after_close(reader).unwrap();
        observed("C20", &format!("bytes_after_end_{reader:?}").to_lowercase(), late);
        assert_eq!(late, 0, "{reader:?}");
    }
    assert_shows(
        "after-close",
        &[
            "callbacks: the stream is shut down   is told of 5 bytes after the close",
            "a protocol: its transport is closed  is told of 0 bytes after the close",
            "async: the task is ended             is told of 0 bytes after the close",
        ],
    );
}

#[test]
fn c26_a_cancel_in_mid_frame_loses_its_beginning_in_every_style_unless_it_is_kept() {
    let whole = Frames { anew: "defghijk".to_owned(), kept: "abcdefgh".to_owned() };
    assert_eq!(mid_frame::with_callbacks().unwrap(), whole);
    assert_eq!(mid_frame::with_promises().unwrap(), whole);
    assert_eq!(mid_frame::with_async().unwrap(), whole);
    let line = "cancelled after abc, begun anew defghijk, with what it kept abcdefgh";
    let lines = ["callbacks ", "promises  ", "async     "].map(|style| format!("{style} {line}"));
    assert_shows("mid-frame", &lines.each_ref().map(String::as_str));
}
