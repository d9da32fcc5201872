//! What is wrong with a registry, its experiments and its observations, held against each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Claim, Kind, Observation, Registry};

/// Returns a sentence for each fault; a registry in order has none.
///
/// `tests` are all tests that are named by a claim, as `crate::module::name`.
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
        findings.extend(experiments(claim, tests));
        findings.extend(observation(claim, observations.get(&claim.id)));
    }
    findings.extend(strays(registry, tests));
    for id in observations.keys().filter(|id| registry.claim(id).is_none()) {
        findings.push(format!("{id}: a run of it is recorded, and it is not registered"));
    }
    findings
}

/// Holds a claim against the tests that there are.
fn experiments(claim: &Claim, tests: &BTreeSet<String>) -> Vec<String> {
    let id = &claim.id;
    if claim.experiments.is_empty() {
        return vec![format!("{id}: no experiment decides it")];
    }
    if claim.kind == Kind::Benchmark {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for experiment in &claim.experiments {
        if !tests.contains(experiment) {
            findings.push(format!("{id}: there is no test `{experiment}`"));
        } else if claim_of(experiment).as_ref() != Some(id) {
            findings.push(format!("{id}: `{experiment}` is named by another claim"));
        }
    }
    findings
}

/// Holds a claim against its last run.
fn observation(claim: &Claim, seen: Option<&Observation>) -> Vec<String> {
    let Claim { id, verdict, experiments, .. } = claim;
    let Some(seen) = seen else { return vec![format!("{id}: no run of it is recorded")] };
    let mut findings = Vec::new();
    if seen.verdict != *verdict {
        let is = seen.verdict;
        findings.push(format!("{id}: the verdict is `{verdict}`, and the last run says `{is}`"));
    }
    if seen.tests != *experiments {
        findings.push(format!("{id}: its last run was of other experiments"));
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
