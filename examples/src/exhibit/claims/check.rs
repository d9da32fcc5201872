//! What is wrong with a registry, its experiments and its observations, held against each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bears, Claim, DecidedBy, Nature, Observation, Outcome, Registry};

/// Returns a sentence for each fault; a registry in order has none.
///
/// `tests` are all tests that there are, as `crate::module::name`.
pub fn findings(
    registry: &Registry,
    tests: &BTreeSet<String>,
    observations: &BTreeMap<String, Observation>,
) -> Vec<String> {
    let mut findings = Vec::new();
    if !registry.claims.is_sorted_by(|one, next| one.id < next.id) {
        findings.push("the claims are not in the order of their ids, each there once".to_owned());
    }
    for claim in &registry.claims {
        let id = &claim.id;
        let mut found = form(claim);
        found.extend(experiments(claim, tests));
        found.extend(observation(claim, observations.get(id)));
        findings.extend(found.into_iter().map(|what| format!("{id}: {what}")));
    }
    findings.extend(strays(registry, tests));
    for id in observations.keys().filter(|id| registry.claim(id).is_none()) {
        findings.push(format!("{id}: a run of it is recorded, and it is not registered"));
    }
    findings
}

/// Holds a claim against what its nature asks for.
fn form(claim: &Claim) -> Vec<String> {
    let mut findings = Vec::new();
    let nature = claim.nature.name();
    match (claim.nature, claim.verdict) {
        (Nature::Experiment, None) => findings.push("an experiment has no verdict".to_owned()),
        (Nature::Demonstration | Nature::Definition, Some(verdict)) => {
            findings.push(format!("a {nature} has a verdict, `{verdict}`"));
        }
        _ => {}
    }
    let carries = claim.parts.iter().any(|part| part.bears == Bears::Statement);
    if claim.nature != Nature::Definition && !carries {
        findings.push("no part carries the statement".to_owned());
    }
    if claim.nature == Nature::Experiment && claim.faults.is_empty() {
        findings.push("no fault is planted under which it comes out the other way".to_owned());
    }
    let names: BTreeSet<_> = claim.parts.iter().map(|part| &part.name).collect();
    if names.len() < claim.parts.len() {
        findings.push("two parts have one name".to_owned());
    }
    findings
}

/// Holds a claim against the tests that there are.
fn experiments(claim: &Claim, tests: &BTreeSet<String>) -> Vec<String> {
    if claim.experiments.is_empty() && claim.nature != Nature::Definition {
        return vec!["no experiment decides it".to_owned()];
    }
    let mut findings = Vec::new();
    let counted = claim.experiments.iter().filter(|_| claim.decided_by == DecidedBy::Counts);
    for experiment in counted {
        if !tests.contains(experiment) {
            findings.push(format!("there is no test `{experiment}`"));
        } else if claim_of(experiment).as_ref() != Some(&claim.id) {
            findings.push(format!("`{experiment}` is named by another claim"));
        }
    }
    for fault in claim.faults.iter().filter(|fault| !tests.contains(&fault.test)) {
        findings.push(format!("there is no test `{}`, which is to plant a fault", fault.test));
    }
    findings
}

/// Holds a claim against its last run.
fn observation(claim: &Claim, seen: Option<&Observation>) -> Vec<String> {
    if claim.nature == Nature::Definition {
        return Vec::new();
    }
    let Some(seen) = seen else { return vec!["no run of it is recorded".to_owned()] };
    let mut findings = Vec::new();
    for part in claim.parts.iter().filter(|part| !seen.parts.contains_key(&part.name)) {
        findings.push(format!("no experiment decides the part `{}`", part.name));
    }
    for name in seen.parts.keys().filter(|name| claim.part(name).is_none()) {
        findings.push(format!("an experiment prints a part that is not registered: `{name}`"));
    }
    let (is, registered) = (claim.outcome(&seen.parts), claim.registered());
    if is == Outcome::NotShown {
        findings.push("the last run does not show it".to_owned());
    } else if is != registered {
        findings.push(format!("the verdict is `{registered}`, and the last run says `{is}`"));
    }
    if seen.tests != claim.experiments {
        findings.push("its last run was of other experiments".to_owned());
    }
    findings
}

/// Finds the tests that no claim counts among its experiments.
fn strays(registry: &Registry, tests: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for test in tests {
        let Some(id) = claim_of(test) else { continue };
        let counted = registry
            .claim(&id)
            .is_some_and(|claim| claim.experiments.iter().any(|one| one == test));
        if !counted && !registry.awaited.contains(&id) {
            findings.push(format!("{id}: `{test}` is no experiment of a claim"));
        }
    }
    for id in &registry.awaited {
        if registry.claim(id).is_some() {
            findings.push(format!("{id}: is awaited, and registered"));
        }
        if !tests.iter().any(|test| claim_of(test).as_ref() == Some(id)) {
            findings.push(format!("{id}: is awaited, and no experiment is named by it"));
        }
    }
    findings
}

/// Returns the claim that a test is named by: `C22` of `examples::demonstrations::c22_grows`.
pub fn claim_of(test: &str) -> Option<String> {
    let name = test.rsplit("::").next()?;
    let (number, _) = name.strip_prefix('c')?.split_once('_')?;
    let digits = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| format!("C{number}"))
}
