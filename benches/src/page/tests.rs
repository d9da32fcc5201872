//! The page of a run that is as large as they come, and of one that means harm.

use serde_json::json;

use super::*;
use crate::files::run_directory::RunDirectory;
use crate::files::sample_run::sample_run;
use crate::measure::load::Message;
use crate::report;

/// A run with an open and a closed phase of each arm in each round; the second round is void.
fn run(arms: &[&str], rounds: usize) -> (Run, Collected) {
    let recorders: Vec<_> = (0..4).map(recorder).collect();
    let mut collected = Collected::default();
    for round in 1..=rounds {
        for (at, arm) in arms.iter().enumerate() {
            let recorder = &recorders[(round * 3 + at) % recorders.len()];
            collected.add(round != 2, arm, recorder, Some(&recorder.send_lag));
        }
    }
    let mut run = sample_run(arms, rounds);
    run["environment"]["cpu"] = json!("a <processor> & more");
    run["command"] = json!("oneloop compare --peer 'x=</pre><script>alert(1)</script> {port}'");
    run["void_rounds"] = if rounds > 1 { json!([2]) } else { json!([]) };
    run["verdict"] = json!("it <held>");
    let mut run: Run = serde_json::from_value(run).unwrap();
    run.answers = report::answers(&run);
    (run, collected)
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
    // Ten: what `--all` measures, and a peer.
    let mut arms: Vec<_> = examples::Style::ALL.iter().map(|style| style.name()).collect();
    arms.push("libuv");
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
