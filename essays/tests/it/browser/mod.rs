//! The pages in a browser: no error, nothing from outside, and the steps by pointer and keys.
//!
//! They run when Chromium is installed, and say so when it is not.

mod chromium;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use essays::Sources;
use serde_json::{Value, json};

use chromium::Chromium;

/// The book, built once for all tests.
static BOOK: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let to = chromium::folder("book");
    Sources::read(root).unwrap().build(&to).unwrap();
    to
});

/// Starts a browser; none, said in one line, if none is installed.
fn browser() -> Option<Chromium> {
    let Some(program) = Chromium::installed() else {
        // The harness does not keep this to itself, as it does what a macro prints.
        let _ = writeln!(io::stderr(), "skipped: no Chromium is installed to open the book in");
        return None;
    };
    Some(Chromium::start(&program))
}

fn address(page: &str) -> String {
    format!("file://{}/{page}", BOOK.display())
}

/// Returns the cells that are lit, as `step style`.
fn lit(browser: &mut Chromium) -> Value {
    browser.value(
        "[...document.querySelectorAll('.compare-cell.lit')].map(cell => \
         `${cell.dataset.step} ${cell.dataset.style}`)",
    )
}

/// Returns the styles whose columns are seen.
fn seen(browser: &mut Chromium) -> Value {
    browser.value(
        "[...new Set([...document.querySelectorAll('.compare-cell')].filter(cell => \
         cell.offsetWidth > 0).map(cell => cell.dataset.style))].sort()",
    )
}

fn in_every_style(step: &str) -> Value {
    let styles = ["threads", "callbacks", "promises", "async", "fibers"];
    json!(styles.map(|style| format!("{step} {style}")))
}

#[test]
fn every_page_opens_without_an_error_and_fetches_nothing_from_outside() {
    let Some(mut browser) = browser() else { return };
    let (mut folders, mut pages) = (vec![BOOK.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                pages.push(path);
            }
        }
    }
    assert!(pages.len() > 8, "{pages:?}");
    browser.screen(390, 844, "light");
    for page in pages {
        browser.open(&format!("file://{}", page.display()));
        assert_eq!(browser.faults(&BOOK), [""; 0], "{}", page.display());
        let wide = browser.value("document.documentElement.scrollWidth");
        assert_eq!(wide, 390, "{} is wider than a phone", page.display());
    }
}

#[test]
fn an_error_and_what_is_fetched_from_outside_are_seen() {
    let Some(mut browser) = browser() else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let page = folder.path().join("page.html");
    let cases = [
        ("<script>throw new Error('planted')</script>", "planted"),
        ("<script>console.error('planted')</script>", "planted"),
        ("<img src='http://127.0.0.1:9/planted.png'>", "fetched: http://127.0.0.1:9/planted.png"),
        ("<script src='planted.js'></script>", "ERR_FILE_NOT_FOUND"),
    ];
    for (fault, told) in cases {
        fs::write(&page, fault).unwrap();
        browser.open(&format!("file://{}", page.display()));
        let faults = browser.faults(folder.path()).join("\n");
        assert!(faults.contains(told), "{fault}: {faults}");
    }
}

#[test]
fn a_click_lights_the_step_in_every_style_and_names_it_in_the_address() {
    let Some(mut browser) = browser() else { return };
    browser.open(&address("side_by_side/echo.html"));
    assert_eq!(lit(&mut browser), json!([]));
    browser.click("#echo-echo [data-style=promises]");
    assert_eq!(lit(&mut browser), in_every_style("echo"));
    assert_eq!(browser.value("location.hash"), "#echo-echo");

    // Which column is which is in sight wherever the page is.
    browser.value("window.scrollTo({ top: 1e6, behavior: 'instant' })");
    let top = browser.value("document.querySelector('.compare-head').getBoundingClientRect().top");
    assert_eq!(top, 0);

    // The pointer lights another, and what was clicked comes back when it leaves.
    browser.point_at("#echo-serve [data-style=async]");
    assert_eq!(lit(&mut browser), in_every_style("serve"));
    browser.point_at("h1");
    assert_eq!(lit(&mut browser), in_every_style("echo"));
}

#[test]
fn arrow_keys_move_between_steps_and_styles_and_do_not_turn_the_page() {
    let Some(mut browser) = browser() else { return };
    browser.open(&address("side_by_side/echo.html"));
    browser.click("#echo-serve [data-style=threads]");
    let focused = |browser: &mut Chromium| {
        browser.value(
            "`${document.activeElement.dataset.step} ${document.activeElement.dataset.style}`",
        )
    };
    let moves = [
        ("ArrowRight", "serve callbacks"),
        ("ArrowDown", "echo callbacks"),
        ("ArrowDown", "echo callbacks"),
        ("ArrowRight", "echo promises"),
        ("ArrowRight", "echo async"),
        ("ArrowRight", "echo async"),
        ("ArrowUp", "serve async"),
        ("ArrowLeft", "serve promises"),
        ("End", "echo promises"),
        ("Home", "serve promises"),
    ];
    for (key, place) in moves {
        browser.press(key);
        assert_eq!(focused(&mut browser), place, "{key}");
        let (step, _) = place.split_once(' ').unwrap();
        assert_eq!(lit(&mut browser), in_every_style(step), "{key}");
    }
    let page = browser.value("location.pathname");
    assert!(page.as_str().unwrap().ends_with("side_by_side/echo.html"), "{page}");
}

#[test]
fn an_address_opens_with_its_step_lit_and_its_columns_alone() {
    let Some(mut browser) = browser() else { return };
    browser.open(&address("side_by_side/proxy.html?columns=callbacks,async#proxy-proxy"));
    let forms = ["threads", "callbacks", "protocol", "promises", "async", "fibers"];
    assert_eq!(lit(&mut browser), json!(forms.map(|style| format!("proxy {style}"))));
    assert_eq!(seen(&mut browser), json!(["async", "callbacks"]));
    browser.click("button[data-column=promises]");
    browser.click("button[data-column=async]");
    assert_eq!(seen(&mut browser), json!(["callbacks", "promises"]));
    assert_eq!(browser.value("location.search"), "?columns=callbacks,promises");
    // The keys know only the columns that are seen.
    browser.click("#proxy-proxy [data-style=promises]");
    browser.press("ArrowLeft");
    assert_eq!(browser.value("document.activeElement.dataset.style"), "callbacks");
    // One column is always left.
    browser.click("button[data-column=promises]");
    browser.click("button[data-column=callbacks]");
    assert_eq!(seen(&mut browser), json!(["callbacks"]));
}

#[test]
fn fibers_have_a_column_from_the_beginning_only_where_there_is_room() {
    let Some(mut browser) = browser() else { return };
    let wings = ["async", "callbacks", "promises", "threads"];
    browser.screen(1440, 900, "light");
    browser.open(&address("side_by_side/echo.html"));
    assert_eq!(seen(&mut browser), json!(wings));
    browser.click("button[data-column=fibers]");
    let all = ["async", "callbacks", "fibers", "promises", "threads"];
    assert_eq!(seen(&mut browser), json!(all));
    assert_eq!(
        browser.value("location.search"),
        "?columns=threads,callbacks,promises,async,fibers"
    );
    browser.screen(2560, 1440, "light");
    browser.open(&address("side_by_side/echo.html"));
    assert_eq!(seen(&mut browser), json!(all));
}

#[test]
fn a_phone_has_tabs() {
    let Some(mut browser) = browser() else { return };
    browser.screen(390, 844, "dark");
    for page in ["echo", "crossings", "proxy"] {
        browser.open(&address(&format!("side_by_side/{page}.html")));
        assert_eq!(seen(&mut browser), json!(["threads"]), "{page}");
        browser.click("button[data-column=async]");
        assert_eq!(seen(&mut browser), json!(["async"]), "{page}");
        let wide = browser.value("document.documentElement.scrollWidth");
        assert_eq!(wide, 390, "{page} is wider than the screen");
    }
    // Another style shows the step that one was reading.
    browser.open(&address("side_by_side/proxy.html#proxy-start"));
    for style in ["callbacks", "async", "threads"] {
        browser.click(&format!("button[data-column={style}]"));
        let step = browser.value(
            "(() => { const bar = document.querySelector('.compare-bar').getBoundingClientRect(); \
             const under = document.elementFromPoint(100, bar.bottom + 60); \
             return under.closest('.compare-row').dataset.step; })()",
        );
        assert_eq!(step, "start", "{style}");
    }
}

#[test]
fn without_a_script_there_are_plain_columns() {
    let Some(mut browser) = browser() else { return };
    browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    browser.open(&address("side_by_side/echo.html"));
    assert_eq!(seen(&mut browser), json!(["async", "callbacks", "fibers", "promises", "threads"]));
    assert_eq!(browser.value("document.querySelectorAll('.compare-bar').length"), 0);
    let tops = browser.value(
        "new Set([...document.querySelectorAll('#echo-echo .compare-cell')].map(cell => \
         cell.getBoundingClientRect().top)).size",
    );
    assert_eq!(tops, 1, "the cells of a step are beside each other");
}

#[test]
fn async_and_await_have_a_colour_of_their_own_in_light_and_in_dark() {
    let Some(mut browser) = browser() else { return };
    for (scheme, theme) in [("light", "light"), ("dark", "navy")] {
        browser.screen(1_600, 1_000, scheme);
        browser.open(&address("side_by_side/echo.html"));
        assert_eq!(
            browser.value(&format!("document.documentElement.classList.contains('{theme}')")),
            true
        );
        let words = browser.value(
            "[...document.querySelectorAll('#echo-echo [data-style=async] .colour')]\
             .map(word => word.textContent)",
        );
        assert_eq!(words, json!(["async", "await", "await", "await"]));
        let colours = browser.value(
            "new Set(['.colour', '.hljs-keyword:not(.colour)'].map(name => getComputedStyle(\
             document.querySelector(`#echo-echo [data-style=async] ${name}`)).backgroundColor)).size",
        );
        assert_eq!(colours, 2, "{scheme}");
    }
}
