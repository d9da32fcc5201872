//! The page of a run that is as large as they come, and of one that means harm.

use serde_json::{Value, json};

use super::*;
use crate::files::run_directory::RunDirectory;
use crate::measure::load::Message;
use crate::report;

/// The quantiles of a phase, and its course.
fn figures() -> [Value; 2] {
    let quantiles = json!({
        "count": 900, "p50": 41.0, "p90": 60.5, "p99": 88.0, "p999": 120.0, "max": 340.25,
    });
    let worst: Vec<_> = (0..40).map(|slice| 90.0 + f64::from(slice * 37 % 11)).collect();
    let course = json!({ "slice_seconds": 0.02, "p50_us": vec![40.5; 40], "max_us": worst });
    [quantiles, course]
}

/// A run with an open and a closed phase of each arm in each round; the second round is void.
fn run(arms: &[&str], rounds: usize) -> (Run, Collected) {
    let [quantiles, course] = figures();
    let recorders: Vec<_> = (0..4).map(recorder).collect();
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    let mut collected = Collected::default();
    for round in 1..=rounds {
        for (at, arm) in arms.iter().enumerate() {
            closed.push(json!({
                "round": round, "arm": arm, "messages": 20_000, "messages_per_second": 50_000.5,
                "server_cpu_ns": 380_000_000_u64, "server_busy": 0.95, "response_us": quantiles,
                "cpu_us_per_message": 19.0 + at as f64 + (round * 7 % 5) as f64 / 10.0,
            }));
            open.push(json!({
                "round": round, "arm": arm, "arrival_seed": 7, "response_us": quantiles,
                "service_us": quantiles, "send_lag_us": quantiles, "course": course,
            }));
            let recorder = &recorders[(round * 3 + at) % recorders.len()];
            collected.add(round != 2, arm, recorder, Some(&recorder.send_lag));
        }
    }
    let peer = |name: &str| json!({ "name": name, "command": ["serve", "{port}"] });
    let known = |name: &str| name.parse::<examples::Style>().is_ok();
    let arms: Vec<_> =
        arms.iter().map(|arm| if known(arm) { json!(arm) } else { peer(arm) }).collect();
    let run = json!({
        "schema": 2, "partial": false, "started": "2026-11-23T05:06:07Z",
        "environment": {
            "cpu": "a <processor> & more", "cores": 2, "kernel": "Linux", "rustc": "rustc 1.95.0",
            "commit": null, "profile": "release", "version": "0.1.0", "governor": null,
            "load_average": 0.5, "stolen_seconds": 0.1, "generator_waited_seconds": 0.1,
            "elapsed_seconds": 9.5, "server_cpu": 0, "generator_cpu": 1,
        },
        "command": "oneloop compare --peer 'x=</pre><script>alert(1)</script> {port}'",
        "arguments": {
            "connections": 64, "size_bytes": 64, "rounds": rounds, "seconds": 0.85, "rate": null,
            "arms": arms,
        },
        "seed": 1, "open_rate": 9_000.5, "void_rounds": if rounds > 1 { vec![2] } else { vec![] },
        "closed": closed, "open": open, "counts": [], "failures": [], "verdict": "it <held>",
        "series": [],
    });
    (serde_json::from_value(run).unwrap(), collected)
}

/// Replies whose times have a tail, so that lines are as long as they get.
fn recorder(salt: u64) -> Recorder {
    let mut recorder = Recorder::new();
    for number in 0..20_000_u64 {
        let spread = (number * 7_919 + salt * 104_729) % 20_000;
        let tail = if spread > 19_000 { (spread - 19_000) * 100 } else { 0 };
        let message = Message { intended: 0, handed: spread / 10 };
        recorder.record(message, 30_000 + salt * 500 + spread + tail);
    }
    recorder
}

#[test]
fn a_large_run_fits_into_a_page_that_can_be_mailed() {
    let mut arms: Vec<_> = examples::Style::ALL.iter().map(|style| style.name()).collect();
    arms.extend(["libuv", "asyncio"]);
    let (run, collected) = run(&arms, 60);
    let page = compose(&run, &collected);
    assert!(page.len() <= 200 * 1024, "{} bytes", page.len());
    for arm in arms {
        // Six spectra, three histograms, a course and a cost; the first arm is what costs divide by.
        let groups = page.matches(&format!("data-arm=\"{arm}\"")).count();
        assert!(groups >= 10, "{arm}: {groups}");
    }
}

#[test]
fn a_page_is_whole_in_itself_and_shows_numbers_alone() {
    for rounds in [1, 3] {
        let (run, collected) = run(&["raw", "async", "peer"], rounds);
        let page = compose(&run, &collected);
        for strange in ["NaN", "inf ", ">inf", " src=", "<link", "@import", "url("] {
            assert!(!page.contains(strange), "{strange}");
        }
        let outside = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!outside.contains("http"), "a page names nothing outside of itself");
        assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }
}

#[test]
fn what_a_run_says_is_no_markup() {
    let (run, collected) = run(&["raw", "async"], 1);
    let page = compose(&run, &collected);
    assert!(page.contains("it &lt;held&gt;") && page.contains("a &lt;processor&gt; &amp; more"));
    assert!(!page.contains("<script>alert"));
}

#[test]
fn void_rounds_are_grey_and_off_and_outside_of_the_band() {
    let (run, collected) = run(&["raw", "async"], 3);
    let page = compose(&run, &collected);
    assert_eq!(page.matches("class=\"void\"").count(), 2, "one of each arm");
    assert!(page.contains("data-switch-void"));
    assert!(!page.contains("Void: the generator was late"), "two of three rounds count");
    let valid = collected.phases.iter().filter(|phase| phase.valid).count();
    assert_eq!(valid, 4);
}

#[test]
fn a_run_whose_rounds_are_all_void_says_so_at_its_figure_and_in_its_files() {
    let (mut run, collected) = run(&["raw", "async"], 1);
    run.void_rounds = vec![1];
    assert!(compose(&run, &collected).contains("Void: the generator was late. Open phase"));
    let out = tempfile::tempdir().unwrap();
    let mut directory = RunDirectory::create(out.path(), run.started).unwrap();
    directory.complete(&mut run, &[("raw", &recorder(1))]).unwrap();
    assert_eq!(run.series[0], "raw-response-void-us.hgrm");
    let text = std::fs::read_to_string(directory.path().join(&run.series[0])).unwrap();
    assert!(text.contains("#[Void: the generator was late in every round]"), "{text}");
    let report = report::compose(&run, &[("raw", &recorder(1))], None, Dress::Plain);
    assert!(report.contains("response time in us (VOID)\n"), "{report}");
}

#[test]
fn a_run_without_open_phases_has_its_costs_and_one_of_one_arm_has_none() {
    let (mut run, _) = run(&["raw", "async"], 1);
    run.open.clear();
    run.open_rate = None;
    let page = compose(&run, &Collected::default());
    assert!(page.contains("id=\"cost\"") && !page.contains("id=\"spectrum\""));
    run.closed.retain(|figures| figures.arm == "raw");
    assert!(!compose(&run, &Collected::default()).contains("id=\"cost\""));
}

#[test]
fn figures_stand_alone_as_files() {
    let (run, collected) = run(&["raw", "async"], 2);
    let files = files(&run, &collected);
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["spectrum.svg", "histogram.svg", "rounds-1.svg", "rounds-2.svg", "cost.svg"]
    );
    for (name, file) in files {
        assert!(file.starts_with("<svg xmlns=") && file.contains("<style>"), "{name}");
    }
}

#[test]
fn a_run_is_cited_by_its_machine_and_its_build() {
    let (run, _) = run(&["raw"], 1);
    let text = cite::html(&run);
    for part in
        ["oneloop 0.1.0, commit unknown", "20261123T050607Z", "@misc{oneloop-", "year = {2026}"]
    {
        assert!(text.contains(part), "{part} is missing from {text}");
    }
}
