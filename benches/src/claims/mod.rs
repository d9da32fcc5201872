//! `oneloop claims` and `oneloop claim`: what the essays assert, who said it, and what it comes to
//! here. Rule: a verdict is that of a run, or of the registry, and which one is always said.

mod experiment;

use anstyle::AnsiColor;
use clap::Args;
use examples::claims::{Claim, DecidedBy, Observation, Outcome, Registry, Verdict};

use crate::failure::Failure;
use crate::nearest;
use crate::output::{self, Dress};
use crate::report::{item, wrapped_behind};
use experiment::Workspace;

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop claims
  oneloop claim C22
  oneloop claims --check

Experiments are tests of this workspace: they run by cargo, which builds them
first. --record keeps what was seen in essays/observations.";

/// The arguments of `claims`.
#[derive(Debug, Args)]
pub(crate) struct ClaimsArguments {
    /// Run every test again, and fail if a verdict is not what the registry says
    #[arg(long)]
    check: bool,
    /// Run every test again, and keep what was seen
    #[arg(long, conflicts_with = "check")]
    record: bool,
}

/// The arguments of `claim`.
#[derive(Debug, Args)]
pub(crate) struct ClaimArguments {
    /// Which one, such as C22
    #[arg(value_name = "ID")]
    claim: String,
    /// Keep what was seen
    #[arg(long)]
    record: bool,
}

/// Lists the claims, or runs all that are decided by tests.
pub(crate) fn run_all(asked: &ClaimsArguments) -> Result<(), Failure> {
    let workspace = Workspace::find();
    if !asked.check && !asked.record {
        let registry = workspace.map_or_else(|_| Ok(Registry::embedded()), |it| it.registry())?;
        return output::print(&listed(&registry, Dress::of_stdout()));
    }
    let workspace = workspace?;
    let registry = workspace.registry()?;
    let tests = registry.claims.iter().filter(|claim| claim.decided_by == DecidedBy::Counts);
    let claims: Vec<_> = tests.filter(|claim| !claim.experiments.is_empty()).collect();
    if asked.record {
        workspace.ensure_recordable()?;
    }
    let seen = workspace.run(&claims)?;
    let mut stale = Vec::new();
    for (claim, seen) in claims.iter().zip(&seen) {
        if asked.record {
            workspace.record(&claim.id, seen)?;
        }
        let (id, registered, is) = (&claim.id, claim.registered(), claim.outcome(&seen.parts));
        if is != registered {
            stale.push(format!("{id}: the registry says `{registered}`, and this run `{is}`"));
        }
    }
    if !stale.is_empty() {
        return Err(Failure::Refused(stale.join("\n")));
    }
    output::print(&format!("{} claims ran, and each verdict is what it was\n", claims.len()))
}

/// Runs the experiments of a claim, and shows what they saw.
pub(crate) fn run(asked: &ClaimArguments) -> Result<(), Failure> {
    let workspace = Workspace::find()?;
    let registry = workspace.registry()?;
    let claim = found(&registry, &asked.claim).map_err(Failure::Usage)?;
    if claim.decided_by == DecidedBy::Times {
        let commands = claim.experiments.join(", ");
        return Err(Failure::Refused(format!("{} is decided by times: {commands}", claim.id)));
    }
    if asked.record {
        workspace.ensure_recordable()?;
    }
    let seen = workspace.run(&[claim])?.remove(0);
    output::print(&shown(claim, &seen, Dress::of_stdout()))?;
    if asked.record {
        let path = workspace.record(&claim.id, &seen)?;
        output::print(&format!("\nkept in {}\n", path.display()))?;
    }
    Ok(())
}

fn listed(registry: &Registry, dress: Dress) -> String {
    let verdicts = registry.claims.iter().map(|claim| claim.registered().name().len());
    let columns = verdicts.max().unwrap_or(0);
    let mut text = String::new();
    for claim in &registry.claims {
        let (id, outcome) = (&claim.id, claim.registered());
        let line = item(&format!("{id}  {outcome:<columns$}  "), &claim.statement);
        text += &line.replacen(outcome.name(), &painted(outcome, dress), 1);
    }
    text + "\nOne of them, with its experiments: oneloop claim C22\n"
}

/// Colours an outcome: what fell, and what fell in part, is seen first.
fn painted(outcome: Outcome, dress: Dress) -> String {
    let colour = match outcome {
        Outcome::Verdict(Verdict::Held) | Outcome::Shown => AnsiColor::Green,
        Outcome::Verdict(Verdict::Refuted) | Outcome::NotShown => AnsiColor::Red,
        Outcome::Verdict(Verdict::Partly) => AnsiColor::Yellow,
        Outcome::Verdict(Verdict::NotMeasurableHere) | Outcome::Definition => AnsiColor::Cyan,
    };
    let paint = colour.on_default();
    if dress == Dress::Colour { format!("{paint}{outcome}{paint:#}") } else { outcome.to_string() }
}

/// Where everything but labels begins.
const INDENT: &str = "           ";

fn shown(claim: &Claim, seen: &Observation, dress: Dress) -> String {
    let mut text = labelled(&claim.id, &claim.statement);
    text.push('\n');
    for source in &claim.source {
        text += &labelled("said by", &format!("{}, {}", source.who, source.when));
        text += &labelled("", &source.place);
    }
    text += &labelled("predicted", &claim.prediction);
    text += &labelled("run", &format!("{}, {}", seen.run, seen.rustc));
    for (at, test) in seen.tests.iter().enumerate() {
        text += &labelled(if at == 0 { "tests" } else { "" }, test);
    }
    for (at, line) in seen.printed.lines().enumerate() {
        text += &labelled(if at == 0 { "seen" } else { "" }, line);
    }
    let (outcome, registered) = (claim.outcome(&seen.parts), claim.registered());
    let differs = match outcome == registered {
        true => String::new(),
        false => format!(", where the registry says {registered}"),
    };
    let line = labelled("\nverdict", &format!("{outcome}{differs}"));
    text + &line.replacen(outcome.name(), &painted(outcome, dress), 1)
}

fn labelled(label: &str, paragraph: &str) -> String {
    let (before, label) = label.split_at(label.len() - label.trim_start().len());
    format!("{before}{}", wrapped_behind(&format!("{label:<11}"), paragraph, INDENT))
}

/// Finds a claim, or says which exist.
fn found<'a>(registry: &'a Registry, id: &str) -> Result<&'a Claim, String> {
    registry.claim(id).ok_or_else(|| {
        let ids: Vec<_> = registry.claims.iter().map(|claim| claim.id.as_str()).collect();
        let hint = nearest::hint(id, ids.iter().copied());
        format!("no such claim as `{id}`; {hint}there are {}", ids.join(", "))
    })
}
