//! `oneloop diff`: what has changed between two runs.
//!
//! Two runs are not the same rounds: what the machine did in one it did not do in the other. So each
//! server is first divided by the reference of its own run, round by round; what is compared are those
//! ratios. The null of both runs, divided alike, says what such a change comes to by chance.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::files::past;
use crate::files::run_file::Run;
use crate::output::{self, Dress};
use crate::report;
use crate::statistics::{
    Bootstrap, Detection, Evidence, Measure, RISK, Ratio, Standing, holm, sentence,
};

const EXAMPLES: &str = "\
Examples:
  oneloop diff target/oneloop/20261123T050607Z target/oneloop/20261124T050607Z

Each server is divided by the reference of its own run (`raw`, if both have
it), round by round; what is compared are the medians of those ratios, with a
bootstrap interval of 95 %, corrected by Holm.";

/// The arguments of `diff`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DiffArguments {
    /// The earlier run
    pub(crate) before: PathBuf,
    /// The later one
    pub(crate) after: PathBuf,
    /// Print Markdown instead of text
    #[arg(long)]
    markdown: bool,
}

/// A server's change in one measure.
struct Change {
    arm: String,
    measure: Measure,
    ratio: Option<Ratio>,
    p: Option<f64>,
}

/// Compares two runs and prints what has changed.
pub(crate) fn run(asked: &DiffArguments) -> Result<(), Failure> {
    let read = |path| past::read(path).map_err(Failure::Refused);
    let (before, after) = (read(&asked.before)?.run, read(&asked.after)?.run);
    let (base, null) = common(&before, &after)?;
    let (before, after) = (&before, &after);
    let mut bootstrap = Bootstrap::new(before.seed);
    let mut change = |arm: &str, measure| {
        let ratios = |run: &Run| report::ratios_of(run, arm, &base, measure);
        let found = bootstrap.change(ratios(before), ratios(after));
        let (ratio, p) = (found.map(|found| found.ratio), found.map(|found| found.p));
        Change { arm: arm.to_owned(), measure, ratio, p }
    };
    let servers = before.servers().map(|arm| arm.name());
    let servers = servers.filter(|arm| *arm != base && after.servers().any(|it| it.name() == *arm));
    let (mut changes, mut nulls) = (Vec::new(), Vec::new());
    for measure in report::measures(before) {
        nulls.push((measure, change(&null, measure).ratio));
    }
    for arm in servers {
        changes.extend(nulls.iter().map(|(measure, _)| change(arm, *measure)));
    }
    changes.retain(|change| change.ratio.is_some());
    if changes.is_empty() {
        let reason = "the runs have no server in common with at least six rounds in each";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let dress = if asked.markdown { Dress::Markdown } else { Dress::of_stdout() };
    output::print(&compose((before, after), &changes, &nulls, dress))
}

/// Finds the reference of both runs, and its null.
fn common(before: &Run, after: &Run) -> Result<(String, String), Failure> {
    let differ =
        |what| Failure::Usage(format!("the runs cannot be compared: they have other {what}"));
    let asked = |run: &Run| (run.arguments.connections, run.arguments.size_bytes);
    if asked(before) != asked(after) {
        return Err(differ("connections or sizes of messages"));
    }
    let reference = |run: &Run| report::reference(run).map(|arm| arm.name().to_owned());
    let (Some(base), true) = (reference(before), reference(before) == reference(after)) else {
        return Err(differ("servers as their reference"));
    };
    let null = format!("{base}-null");
    Ok((base, null))
}

fn compose(
    (before, after): (&Run, &Run),
    changes: &[Change],
    nulls: &[(Measure, Option<Ratio>)],
    dress: Dress,
) -> String {
    let time = |run: &Run| run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let title = format!("oneloop diff, {} to {}", time(before), time(after));
    let mut text = report::title_of(&title, after, dress);
    if let Some(what) = before.environment.differs(&after.environment) {
        let note = format!("Not the same {what}: what has changed may be that.");
        text += &report::paragraph(&note, "- ", dress);
    }
    text += &report::heading("What has changed, the later divided by the earlier", dress);
    let header = ["", "", "ratio, 95 % interval", "p (Holm)", "verdict"];
    let mut grid = report::grid::Grid::new(&header).with_left_column(1);
    let family: Vec<f64> = changes.iter().filter_map(|change| change.p).collect();
    let mut said = Vec::new();
    for (change, p) in changes.iter().zip(holm(&family)) {
        let null = nulls.iter().find(|(measure, _)| *measure == change.measure);
        let evidence = Evidence {
            measure: change.measure,
            ratio: change.ratio,
            by_chance: p >= RISK,
            null: null.and_then(|(_, ratio)| *ratio),
            control: Detection::Absent,
            idle: false,
        };
        let standing = Standing::of(&evidence);
        let ratio = change.ratio.map_or("-".to_owned(), |ratio| ratio.to_string());
        let word = standing.word(change.measure).to_owned();
        let measure = change.measure.name().to_owned();
        grid.add(vec![change.arm.clone(), measure, ratio, format!("{p:.4}"), word]);
        if matches!(standing, Standing::Dearer | Standing::Cheaper) {
            let sentence = sentence(("it was", &change.arm), &evidence);
            said.push(format!("{}: {sentence}", change.measure.name()));
        }
    }
    text += &grid.render(dress);
    text += &report::heading("What it means", dress);
    if said.is_empty() {
        said.push("Nothing has changed that is above the noise of both runs.".to_owned());
    }
    for sentence in said {
        text += &report::paragraph(&sentence, "- ", dress);
    }
    text
}
