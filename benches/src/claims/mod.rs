//! `oneloop claims` and `oneloop claim`: what the essays assert, who said it, and what it comes to
//! here. Rule: a verdict is that of a run, or of the registry, and which one is always said.

mod experiment;

use clap::Args;
use examples::claims::{Claim, Kind, Observation, Registry};

use crate::failure::Failure;
use crate::report::{item, wrapped_behind};
use crate::{nearest, output};
use experiment::Workspace;

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop claims
  oneloop claim C22
  oneloop claims --check

Experiments are tests of this workspace: they run by cargo, which builds them first. --record keeps
what was seen in essays/observations.";

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
        return output::print(&listed(&registry));
    }
    let workspace = workspace?;
    let registry = workspace.registry()?;
    let tests = registry.claims.iter().filter(|claim| claim.kind == Kind::Test);
    let claims: Vec<_> = tests.collect();
    if asked.record {
        workspace.ensure_recordable()?;
    }
    let seen = workspace.run(&claims)?;
    let mut stale = Vec::new();
    for (claim, seen) in claims.iter().zip(&seen) {
        if asked.record {
            workspace.record(&claim.id, seen)?;
        }
        if seen.verdict != claim.verdict {
            let (id, verdict, is) = (&claim.id, claim.verdict, seen.verdict);
            stale.push(format!("{id}: the registry says `{verdict}`, and this run `{is}`"));
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
    if claim.kind == Kind::Benchmark {
        let commands = claim.experiments.join(", ");
        return Err(Failure::Refused(format!("{} is decided by times: {commands}", claim.id)));
    }
    if asked.record {
        workspace.ensure_recordable()?;
    }
    let seen = workspace.run(&[claim])?.remove(0);
    output::print(&shown(claim, &seen))?;
    if asked.record {
        let path = workspace.record(&claim.id, &seen)?;
        output::print(&format!("\nkept in {}\n", path.display()))?;
    }
    Ok(())
}

fn listed(registry: &Registry) -> String {
    let verdicts = registry.claims.iter().map(|claim| claim.verdict.name().len());
    let columns = verdicts.max().unwrap_or(0);
    let mut text = String::new();
    for Claim { id, verdict, statement, .. } in &registry.claims {
        text += &item(&format!("{id}  {:<columns$}  ", verdict.name()), statement);
    }
    text + "\nOne of them, with its experiments: oneloop claim C22\n"
}

/// Where everything but labels begins.
const INDENT: &str = "           ";

fn shown(claim: &Claim, seen: &Observation) -> String {
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
    let differs = format!("{}, where the registry says {}", seen.verdict, claim.verdict);
    let same = seen.verdict == claim.verdict;
    text += &labelled("\nverdict", if same { seen.verdict.name() } else { &differs });
    text
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
