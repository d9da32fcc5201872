//! Faults planted in a small book: each is caught, by its place and by what it is.

use std::fs;
use std::path::Path;

use essays::{Fault, Sources};
use tempfile::TempDir;

use crate::planted::{Planted, is_caught, told};

#[test]
fn a_book_without_a_fault_has_none() {
    let book = Planted::new();
    assert_eq!(book.faults(), []);
    let page = book.page("one.html");
    let shown =
        ["id=\"c01\"", "It took 41,000 turns.", "turns = 41", "fn whole() {}", "oneloop claim C01"];
    let part = "holds: it turns <small>(carries the statement; at least 41 turns)</small>";
    for shown in shown.into_iter().chain([
        part,
        "<dd>experiment</dd>",
        "It is stopped. <small>(<code>examples::stopped</code>)</small>",
    ]) {
        assert!(page.contains(shown), "{shown}:\n{page}");
    }
    for edition in ["Version 1.2.3, 2026-11-25", "@misc{oneloop2026:one"] {
        assert!(page.contains(edition), "{edition}:\n{page}");
    }
}

#[test]
fn a_dead_link_is_caught() {
    let two = "essays/src/two.md";
    is_caught(two, "one.md#c01", "none.md#c01", "two.html", "`none.html#c01` leads nowhere");
    is_caught(two, "one.md#c01", "one.md#c02", "two.html", "an anchor that is not there");
    is_caught(two, "(#two)", "(#three)", "two.html", "an anchor that is not there");
    is_caught(two, "(#two)", "(../two.html)", "two.html", "leads nowhere");
}

#[test]
fn an_anchor_that_is_there_twice_is_caught() {
    let again = "# Two\n\n<p id=\"two\">Two</p>\n";
    is_caught("essays/src/two.md", "# Two\n", again, "two.html", "`#two` is there twice");
}

#[test]
fn a_code_anchor_that_is_missing_or_unused_is_caught() {
    let (one, shown) = ("essays/src/one.md", "examples/src/shown.rs");
    let book = Planted::new();
    book.plant(one, "shown.rs:whole", "shown.rs:part");
    let found: Vec<_> = book.faults().iter().map(Fault::to_string).collect();
    let missing = format!("{one}: `../../{shown}` has no anchor `part`");
    assert_eq!(found, [missing, format!("{shown}: no page shows the anchor `whole`")]);

    let more = "// ANCHOR: more\n// ANCHOR_END: more\n// ANCHOR: whole\n";
    is_caught(shown, "// ANCHOR: whole\n", more, shown, "no page shows the anchor `more`");
    let whole_file = "{{#rustdoc_include ../../examples/src/none.rs}}\n{{#rustdoc_include ";
    is_caught(
        one,
        "{{#rustdoc_include ",
        whole_file,
        one,
        "`../../examples/src/none.rs` is not there",
    );
    let lines = "{{#rustdoc_include ../../examples/src/shown.rs:2:3}}\n{{#rustdoc_include ";
    is_caught(one, "{{#rustdoc_include ", lines, one, "names lines, which move");
}

#[test]
fn a_figure_or_code_that_is_typed_by_hand_is_caught() {
    let one = "essays/src/one.md";
    is_caught(one, "It took", "It took 42 and", one, "a figure is typed by hand: 42");
    is_caught(one, "It took", "It took `42 us` and", one, "a figure is typed by hand: `42 us`");
    is_caught(one, "It took", "```text\nturns 42\n```\n\nIt took", one, "by hand: turns 42");
    is_caught(
        one,
        "It took",
        "```rust\nfn f() {}\n```\n\nIt took",
        one,
        "code is typed by hand: fn f",
    );
}

#[test]
fn a_claim_that_is_in_the_book_twice_or_never_is_caught() {
    let book = Planted::new();
    let page = "# Two\n\n{{#claim C01}}\n";
    book.plant("essays/src/two.md", "# Two\n", page);
    assert_eq!(told(&book), ["essays/claims.toml: C01 is in the book 2 times, not once"]);

    let book = Planted::new();
    book.plant("essays/src/one.md", "{{#claim C01}}", "<p id=\"c01\">Nothing</p>");
    assert_eq!(told(&book), ["essays/claims.toml: C01 is in the book 0 times, not once"]);
}

#[test]
fn what_a_directive_asks_for_in_vain_is_caught() {
    let one = "essays/src/one.md";
    let ask = |directive: &str, what| {
        is_caught(one, "It took", &format!("{{{{#{directive}}}}} It took"), one, what);
    };
    ask("clam C01", "no directive is called `clam`");
    ask("claim C99", "no claim is called `C99`");
    ask("value C01.hops", "C01 has recorded no `hops`");
    ask("observed C99", "there is no run of `C99`");
    ask("demo none", "no demonstration is called `none`");
    ask("compare none", "nothing is called `none`");
    ask("program none", "no program is called `none`");
}

#[test]
fn what_is_fetched_from_outside_is_caught() {
    let two = "essays/src/two.md";
    for fetched in [
        "<script src=\"https://example.org/a.js\"></script>",
        "<img alt=\"\" src=\"//example.org/a.png\">",
        "<link rel=\"stylesheet\" href=\"http://example.org/a.css\">",
    ] {
        let page = format!("{fetched}\n\nSee");
        is_caught(two, "See", &page, "two.html", "is fetched from outside");
    }
    let book = Planted::new();
    let theme = "[output.html]\nadditional-css = [\"a.css\"]\n";
    book.plant("essays/book.toml", "[output.html]\n", theme);
    fs::write(book.path("essays/a.css"), "p { background: url(\"https://example.org/a.png\") }")
        .unwrap();
    assert_eq!(told(&book), ["a.css: fetches from outside"]);
}

#[test]
fn the_tables_lead_to_what_is_in_the_book() {
    let book = Planted::new();
    let notes = "[essays]\none = \"The first\"\nnone = \"The next\"\n[[note]]\nnote = \"A note\"\n\
                 essays = [\"one\", \"none\"]\ncode = [\"examples/src/shown.rs\"]\nclaims = [\"C01\", \"C09\"]\n";
    fs::write(book.path("essays/notes.toml"), notes).unwrap();
    book.plant("essays/src/two.md", "See", "{{#notes}}\n\n{{#claims}}\n\n{{#faults}}\n\nSee");
    assert_eq!(told(&book), [""; 0]);
    let page = book.page("two.html");
    for cell in [
        "<a href=\"one.html\">The first</a>, <em>The next</em> (to come)<br>",
        "<a href=\"one.html#c01\">C01</a> C09</td>",
        "<td>It holds.</td><td>experiment</td><td>held</td>",
        "<td>It is stopped.</td><td><code>examples::stopped</code></td>",
    ] {
        assert!(page.contains(cell), "{cell}:\n{page}");
    }
    book.plant("essays/notes.toml", "shown.rs", "none.rs");
    assert_eq!(told(&book), ["essays/notes.toml: `examples/src/none.rs` is not there"]);
}

#[test]
fn a_promise_that_nothing_tests_and_a_test_that_is_not_there_are_caught() {
    let book = Planted::new();
    let promised = "[[section]]\nof = \"The loop\"\n[[section.promise]]\nwhat = \"it turns\"\n\
                    commands = [\"cargo bench\"]\nseen = \"41 turns\"\n";
    fs::write(book.path("essays/promised.toml"), promised).unwrap();
    book.plant("essays/src/two.md", "See", "{{#promised}}\n\nSee");
    assert_eq!(told(&book), [""; 0]);
    let page = book.page("two.html");
    let row = "<td>it turns<br><small><code>cargo bench</code></small></td><td>41 turns</td>";
    assert!(page.contains(row), "{page}");
    let tests = "tests = [\"loop-core::lost\"]";
    book.plant("essays/promised.toml", "commands = [\"cargo bench\"]", tests);
    assert_eq!(told(&book), ["essays/promised.toml: there is no test `loop-core::lost`"]);
    book.plant("essays/promised.toml", tests, "");
    assert_eq!(told(&book), ["essays/promised.toml: nothing tests that it turns"]);
}

#[test]
fn a_page_that_is_in_no_summary_is_caught() {
    let book = Planted::new();
    fs::write(book.path("essays/src/lost.md"), "# Lost\n").unwrap();
    assert_eq!(told(&book), ["essays/src/lost.md: is not in `SUMMARY.md`"]);
}

/// The book as it is, with every page.
#[test]
fn the_book_keeps_its_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let to = TempDir::new().unwrap();
    let faults = Sources::read(root).unwrap().build(&to.path().join("book")).unwrap();
    let faults: Vec<_> = faults.iter().map(Fault::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
