//! The registry of claims: in order as it is, and each fault planted in it is found.

mod faults;
mod starving;
mod turns;
mod waking;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use examples::claims::{Observation, Registry, Seen, Verdict, findings};
use loop_core::{EventLoop, LoopHandle, ManualClock};

/// Makes a loop on a clock that jumps to the next deadline when the loop is idle.
fn lab() -> (EventLoop, LoopHandle) {
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    (event_loop, handle)
}

#[test]
fn every_claim_says_who_said_it_where_and_when() {
    let registry = Registry::embedded();
    let expected = (1..=6).chain(8..=23).map(|number| format!("C{number:02}"));
    let ids: Vec<_> = registry.claims.iter().map(|claim| claim.id.clone()).collect();
    assert_eq!(ids, expected.collect::<Vec<_>>());
    for claim in &registry.claims {
        assert!(!claim.source.is_empty() && claim.statement.ends_with('.'), "{}", claim.id);
        for source in &claim.source {
            let told = source.place.starts_with("https://") && !source.who.is_empty();
            assert!(told && !source.when.is_empty(), "{}: {source:?}", claim.id);
        }
    }
}

/// A registry, its tests and its runs, in which nothing is wrong.
struct Planted {
    registry: Registry,
    tests: BTreeSet<String>,
    observations: BTreeMap<String, Observation>,
}

impl Planted {
    fn new() -> Planted {
        let text = "awaited = [\"C02\"]\n[[claim]]\nid = \"C01\"\nstatement = \"It holds.\"\n\
            source = [{ who = \"One\", where = \"https://example.org\", when = \"2016\" }]\n\
            kind = \"test\"\nexperiments = [\"examples::turns::c01_it_holds\"]\n\
            prediction = \"It holds.\"\nverdict = \"held\"\n";
        let seen = "run = \"1\"\ndate = \"2026-11-25\"\ncommit = \"a\"\nrustc = \"b\"\n\
            tests = [\"examples::turns::c01_it_holds\"]\nverdict = \"held\"\nprinted = \"\"\n\
            [values]\nturns = \"41\"\n";
        let tests = ["examples::turns::c01_it_holds", "examples::c02_later"].map(str::to_owned);
        Planted {
            registry: Registry::parse(text).unwrap(),
            tests: tests.into(),
            observations: [("C01".to_owned(), toml::from_str(seen).unwrap())].into(),
        }
    }

    /// Plants a fault; returns what is found.
    fn with(fault: impl FnOnce(&mut Planted)) -> Vec<String> {
        let mut planted = Planted::new();
        fault(&mut planted);
        findings(&planted.registry, &planted.tests, &planted.observations)
    }
}

/// Makes one thing wrong.
type Plant = fn(&mut Planted);

#[test]
fn each_planted_fault_is_found() {
    assert_eq!(Planted::with(|_| ()), [""; 0], "nothing is wrong");
    let faults: [(Plant, &str); 9] = [
        (|it| it.registry.claims[0].experiments.clear(), "C01: no experiment decides it"),
        (|it| it.tests.retain(|one| !one.contains("c01")), "C01: there is no test"),
        (|it| it.tests.extend(["loop-core::c01_more".to_owned()]), "is no experiment of a claim"),
        (|it| it.tests.extend(["loop-core::c03_more".to_owned()]), "is no experiment of a claim"),
        (|it| it.registry.claims[0].verdict = Verdict::Refuted, "the last run says `held`"),
        (|it| it.observations.clear(), "C01: no run of it is recorded"),
        (|it| it.tests.retain(|one| !one.contains("c02")), "C02: is awaited, and no experiment"),
        (|it| it.registry.awaited.push("C01".into()), "C01: is awaited, and registered"),
        (|it| it.registry.claims.push(it.registry.claims[0].clone()), "each there once"),
    ];
    for (fault, expected) in faults {
        let found = Planted::with(fault);
        assert!(found.iter().any(|one| one.contains(expected)), "{expected}: {found:?}");
    }
    let other = Planted::with(|it| {
        it.registry.claims[0].experiments.push("examples::c02_later".to_owned());
    });
    let [named, run] = other.as_slice() else { panic!("{other:?}") };
    assert!(named.ends_with("is named by another claim"), "{named}");
    assert!(run.ends_with("its last run was of other experiments"), "{run}");
    let unknown = Planted::with(|it| {
        let seen = it.observations["C01"].clone();
        it.observations.insert("C09".to_owned(), seen);
    });
    assert_eq!(unknown, ["C09: a run of it is recorded, and it is not registered"]);
}

#[test]
fn the_verdict_of_a_run_follows_from_the_parts_that_it_printed() {
    let verdict = |output| Seen::read("C01", output).verdict();
    assert_eq!(verdict("C01 holds: one\nC01 holds: two\nC02 fails: other"), Verdict::Held);
    assert_eq!(verdict("C01 fails: one"), Verdict::Refuted);
    assert_eq!(verdict("C01 holds: one\nC01 fails: two"), Verdict::Partly);
    assert_eq!(verdict("C01 turns = 41"), Verdict::NotMeasurableHere);
    let seen = Seen::read("C01", "running\nC01 turns = 41\nC011 turns = 5\nC01 holds: a = b\n");
    assert_eq!(seen.values, [("turns".to_owned(), "41".to_owned())].into());
    assert_eq!(seen.printed, "turns = 41\nholds: a = b\n");
}
