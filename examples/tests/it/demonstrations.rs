//! What the demonstrations show, by claim.

use api_callbacks::WriteLimits;
use examples::claims::{observed, part};
use examples::demonstrations::Demonstration;
use examples::demonstrations::after_close::{Reader, bytes_after_close};
use examples::demonstrations::mid_frame::{self, Frames};
use examples::demonstrations::unbounded_write::{PIECE_BYTES, Writer, Written, write};
use examples::demonstrations::zalgo::{Cached, completions};

/// Does a demonstration and returns what it prints.
fn shown(name: &str) -> String {
    Demonstration::named(name).unwrap().show().unwrap()
}

/// Holds that each of the lines is printed.
fn assert_shows(name: &str, lines: &[&str]) {
    let text = shown(name);
    for line in lines {
        assert!(text.lines().any(|shown| shown == *line), "{line:?} is not in:\n{text}");
    }
}

#[test]
fn the_demonstrations_are_in_order_and_say_what_they_show() {
    assert!(Demonstration::ALL.is_sorted_by(|one, next| one.name < next.name));
    assert!(Demonstration::ALL.iter().all(|one| one.claims.starts_with('C')));
    assert!(Demonstration::ALL.iter().all(|one| one.sentence.len() <= 80));
    assert!(Demonstration::named("calbacks").is_none());
}

#[test]
fn c18_a_callback_inside_the_call_completes_a_batch_once_per_item() {
    let (inside, completed) = completions(Cached::Inline, 3).unwrap();
    observed("C18", "items", 3);
    observed("C18", "inside_the_call_inline", inside);
    observed("C18", "completions_inline", completed);
    assert!(part("C18", "a callback inside the call completes a batch too often", completed > 1));
    assert_eq!((inside, completed), (3, 3));
}

#[test]
fn c18_what_is_told_later_completes_a_batch_once_in_every_style() {
    for cached in [Cached::Callbacks, Cached::Promises, Cached::Async] {
        let seen = completions(cached, 3).unwrap();
        observed("C18", &format!("completions_{cached:?}").to_lowercase(), seen.1);
        let held = format!("{cached:?}: what is told later completes it once");
        assert!(part("C18", &held, seen.1 == 1));
        assert_eq!(seen, (0, 1), "{cached:?}");
    }
    assert_shows(
        "zalgo",
        &[
            "inline     3 items: complete 3 times, 3 of them inside the calls",
            "callbacks  3 items: complete 1 times, 0 of them inside the calls",
            "promises   3 items: complete 1 times, 0 of them inside the calls",
            "async      3 items: complete 1 times, 0 of them inside the calls",
        ],
    );
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
        let bounded = format!("{writer:?}: an awaited write holds one piece");
        assert!(part("C23", &bounded, unsent_most <= PIECE_BYTES));
        assert_eq!(unsent_most, PIECE_BYTES, "{writer:?}");
        assert!(pieces < 512, "{writer:?} waits for the peer: {pieces}");
    }
    let text = shown("unbounded_write");
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
            assert!(part("C20", &told, late > 0));
        }
        assert_eq!(late, 5, "{reader:?}");
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
        "after_close",
        &[
            "Callbacks            is told of 5 bytes after the close",
            "Protocol             is told of 0 bytes after the close",
            "AsyncEnded           is told of 0 bytes after the close",
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
    assert_shows("mid_frame", &lines.each_ref().map(String::as_str));
}
