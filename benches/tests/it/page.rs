//! The page of a run in a browser: what it shows, by pointer and by keys, at every width.

#[path = "../../../essays/tests/it/browser/chromium.rs"]
mod chromium;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::program::{compare, only_run, run, text};
use chromium::Chromium;

/// The page of a small run, made once for all tests.
static PAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    let out = chromium::folder("page");
    let size = ["--rounds", "6", "--seconds", "0.3", "--connections", "4", "--rate", "2000"];
    let base = ["compare", "--only", "raw,async", "--out", out.to_str().unwrap()];
    let output = compare(&out, &[&base[..], &size].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let directory = only_run(&out).0;
    let page = directory.join("report.html");
    let last = text(&output.stdout).lines().last().unwrap().to_owned();
    assert_eq!(last, format!("Page:  {}", page.display()), "the page is named last");
    page
});

/// The page of a small sweep.
static OVERVIEW: LazyLock<PathBuf> = LazyLock::new(|| {
    let out = chromium::folder("overview");
    let size = ["--rounds", "1", "--seconds", "0.1", "--connections", "1,2,4", "--rate", "2000"];
    let base = ["compare", "--only", "raw,async", "--out", out.to_str().unwrap()];
    let output = compare(&out, &[&base[..], &size].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let last = text(&output.stdout).lines().last().unwrap().to_owned();
    PathBuf::from(last.strip_prefix("Page:  ").unwrap())
});

/// Starts a browser; none, said in one line, if none is installed.
fn browser() -> Option<Chromium> {
    let Some(program) = Chromium::installed() else {
        let _ = writeln!(io::stderr(), "skipped: no Chromium is installed to open the page in");
        return None;
    };
    Some(Chromium::start(&program))
}

fn open(browser: &mut Chromium) {
    browser.open(&format!("file://{}", PAGE.display()));
}

/// Returns what is wrong by the rules of axe, if they are here.
fn axe(browser: &mut Chromium) -> Option<Value> {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../essays/tests/axe/node_modules/axe-core/axe.min.js");
    let Ok(rules) = fs::read_to_string(rules) else {
        let _ =
            writeln!(io::stderr(), "skipped: `npm ci` in essays/tests/axe installs axe's rules");
        return None;
    };
    browser.value(&format!("{rules}; 0"));
    Some(browser.value(
        "axe.run().then(result => result.violations.map(it => \
         `${it.id}: ${it.nodes.map(node => node.target).join(' ')}`))",
    ))
}

#[test]
fn it_is_without_fault_at_every_width_and_in_both_schemes() {
    let Some(mut browser) = browser() else { return };
    for width in [1440, 820, 390] {
        for scheme in ["light", "dark"] {
            browser.screen(width, 900, scheme);
            for page in [&*PAGE, &*OVERVIEW] {
                let place = format!("{width} {scheme} {}", page.display());
                browser.open(&format!("file://{}", page.display()));
                let own = format!("fetched: file://{}", page.display());
                let faults = browser.faults(Path::new("/nowhere")).into_iter();
                let faults: Vec<_> = faults.filter(|fault| *fault != own).collect();
                assert_eq!(faults, [""; 0], "{place}");
                let wide = browser.value("document.documentElement.scrollWidth > innerWidth");
                assert_eq!(wide, false, "{place}: wider than the screen");
                if let Some(wrong) = axe(&mut browser) {
                    assert_eq!(wrong, json!([]), "{place}");
                }
            }
        }
    }
}

#[test]
fn a_server_is_switched_off_in_every_figure() {
    let Some(mut browser) = browser() else { return };
    browser.screen(1440, 900, "light");
    open(&mut browser);
    let shown = "[...document.querySelectorAll('[data-arm=async]')].filter(part => \
                 getComputedStyle(part).display !== 'none').length";
    let before = browser.value(shown).as_u64().unwrap();
    assert!(before > 3, "{before}");
    browser.click("[data-switch-arm=async]");
    assert_eq!(browser.value(shown), 0);
    browser.click("[data-switch-arm=async]");
    assert_eq!(browser.value(shown), before);
}

#[test]
fn the_time_and_its_scale_are_chosen() {
    let Some(mut browser) = browser() else { return };
    browser.screen(1440, 900, "light");
    open(&mut browser);
    let seen = "[...document.querySelectorAll('#spectrum .drawing')].filter(drawing => \
                !drawing.hidden).map(drawing => `${drawing.dataset.series} ${drawing.dataset.scale}`)";
    assert_eq!(browser.value(seen), json!(["response log"]));
    browser.click("[data-switch-series=send-lag]");
    browser.click("[data-switch-scale=linear]");
    assert_eq!(browser.value(seen), json!(["send-lag linear"]));
    let histogram = "document.querySelector('#histogram .drawing:not([hidden])').dataset.series";
    assert_eq!(browser.value(histogram), "send-lag");
}

#[test]
fn a_dot_says_its_value_to_the_pointer_and_to_the_keys() {
    let Some(mut browser) = browser() else { return };
    browser.screen(1440, 900, "light");
    open(&mut browser);
    let says = "document.getElementById('says').textContent";
    browser.value("document.querySelector('#cost .dot').focus()");
    let said = browser.value(says);
    assert!(said.as_str().unwrap().starts_with("async: "), "{said}");
    browser.press("Escape");
    assert_eq!(browser.value(says), "");
    browser.point_at("#cost .dot");
    assert_eq!(browser.value(says), said);
}

#[test]
fn without_a_script_the_figures_and_tables_are_there_and_no_switch() {
    let Some(mut browser) = browser() else { return };
    browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    open(&mut browser);
    browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": false }));
    let seen = "[...document.querySelectorAll('button, .drawing, table')].filter(part => \
                part.offsetWidth > 0).map(part => part.tagName)";
    let seen = browser.value(seen);
    let seen: Vec<_> = seen.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    assert!(
        !seen.contains(&"BUTTON") && seen.contains(&"TABLE") && seen.contains(&"DIV"),
        "{seen:?}"
    );
}

#[test]
fn figures_are_written_as_files_for_a_document() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("figures");
    let directory = PAGE.parent().unwrap().to_str().unwrap();
    let output = run(&["report", "--markdown", "--svg", folder.to_str().unwrap(), directory]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    for name in ["spectrum", "histogram", "rounds-1", "rounds-2", "cost"] {
        let file = folder.join(format!("{name}.svg"));
        assert!(report.contains(&format!("]({})", file.display())), "{report}");
        assert!(fs::read_to_string(&file).unwrap().ends_with("</svg>\n"));
    }
}

#[test]
fn the_page_of_a_run_that_is_over_is_written_where_it_is_asked_for() {
    let out = tempfile::tempdir().unwrap();
    let page = out.path().join("mine.html");
    let directory = PAGE.parent().unwrap().to_str().unwrap();
    let output = run(&["report", &format!("--html={}", page.display()), directory]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), format!("Page:  {}\n", page.display()));
    assert_eq!(fs::read_to_string(&page).unwrap(), fs::read_to_string(&*PAGE).unwrap());
    let nowhere = format!("--html={}/none/page.html", out.path().display());
    let output = run(&["report", &nowhere, directory]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write to"), "{}", text(&output.stderr));
}
