//! What follows from the parts of a claim, and each fault that is planted in a registry.

use std::collections::{BTreeMap, BTreeSet};

use examples::claims::{
    Bears, Decided, Nature, Observation, Outcome, Part, Registry, Seen, Verdict, findings,
};

const CLAIM: &str = r#"
awaited = ["C02"]
[[claim]]
id = "C01"
nature = "experiment"
statement = "It holds, and in this way."
source = [{ who = "One", where = "https://example.org", when = "2016" }]
decided_by = "counts"
experiments = ["examples::turns::c01_it_holds"]
prediction = "It holds."
parts = [
    { name = "it holds" },
    { name = "in this way", bears = "detail", at_least = 2, at_most = 4, unit = "steps" },
    { name = "with one more", bears = "prediction", predicted = false },
]
faults = [{ what = "It is turned round.", test = "examples::turned_round" }]
verdict = "held"
"#;

const SEEN: &str = r#"
run = "1"
date = "2026-11-25"
commit = "a"
rustc = "b"
tests = ["examples::turns::c01_it_holds"]
printed = ""
[parts]
"it holds" = "holds"
"in this way" = "holds"
"with one more" = "fails"
[values]
turns = "41"
"#;

/// A registry, its tests and its runs, in which nothing is wrong.
struct Planted {
    registry: Registry,
    tests: BTreeSet<String>,
    observations: BTreeMap<String, Observation>,
}

impl Planted {
    fn new() -> Planted {
        let tests =
            ["examples::turns::c01_it_holds", "examples::c02_later", "examples::turned_round"];
        Planted {
            registry: Registry::parse(CLAIM).unwrap(),
            tests: tests.map(str::to_owned).into(),
            observations: [("C01".to_owned(), toml::from_str(SEEN).unwrap())].into(),
        }
    }

    /// Plants a fault; returns what is found.
    fn with(fault: impl FnOnce(&mut Planted)) -> Vec<String> {
        let mut planted = Planted::new();
        fault(&mut planted);
        findings(&planted.registry, &planted.tests, &planted.observations)
    }

    fn part(&mut self, place: usize) -> &mut Part {
        &mut self.registry.claims[0].parts[place]
    }

    fn seen(&mut self) -> &mut BTreeMap<String, Decided> {
        &mut self.observations.get_mut("C01").unwrap().parts
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
        (
            |it| it.registry.claims[0].verdict = Some(Verdict::Refuted),
            "C01: the verdict is `refuted`, and the last run says `held`",
        ),
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
fn each_fault_that_is_planted_in_a_part_or_in_what_a_claim_is_is_found() {
    let faults: [(Plant, &[&str]); 9] = [
        (
            |it| it.registry.claims[0].faults.clear(),
            &["C01: no fault is planted under which it comes out the other way"],
        ),
        (
            |it| it.seen().retain(|name, _| name != "in this way"),
            &["C01: no experiment decides the part `in this way`"],
        ),
        (
            |it| it.seen().extend([("in that way".into(), Decided::Holds)]),
            &["C01: an experiment prints a part that is not registered: `in that way`"],
        ),
        (
            |it| it.registry.claims[0].nature = Nature::Demonstration,
            &["C01: a demonstration has a verdict, `held`"],
        ),
        (
            |it| it.registry.claims[0].nature = Nature::Definition,
            &["C01: a definition has a verdict, `held`"],
        ),
        (|it| it.part(1).name = "it holds".into(), &["two parts have one name", "not registered"]),
        (|it| it.part(0).bears = Bears::Detail, &["no part carries", "not measurable here"]),
        (
            |it| it.registry.claims[0].verdict = None,
            &["has no verdict", "the last run says `held`"],
        ),
        (
            |it| it.tests.retain(|one| !one.contains("round")),
            &["C01: there is no test `examples::turned_round`, which is to plant a fault"],
        ),
    ];
    for (fault, expected) in faults {
        let found = Planted::with(fault);
        assert_eq!(found.len(), expected.len(), "{expected:?}: {found:?}");
        for expected in expected {
            assert!(found.iter().any(|one| one.contains(expected)), "{expected}: {found:?}");
        }
    }
}

#[test]
fn a_demonstration_whose_part_fails_is_not_shown() {
    let not_shown = Planted::with(|it| {
        (it.registry.claims[0].nature, it.registry.claims[0].verdict) =
            (Nature::Demonstration, None);
        it.seen().insert("it holds".into(), Decided::Fails);
    });
    assert_eq!(not_shown, ["C01: the last run does not show it"]);
}

/// Returns what follows for the claim when its three parts come out so.
fn outcome(parts: [Decided; 3]) -> Outcome {
    let claim = &Registry::parse(CLAIM).unwrap().claims[0];
    let names = claim.parts.iter().map(|part| part.name.clone());
    claim.outcome(&names.zip(parts).collect())
}

#[test]
fn a_statement_falls_with_what_carries_it_and_holds_in_part_where_a_detail_falls() {
    use Decided::{Fails, Holds, Skipped};
    let verdicts = [
        ([Holds, Holds, Holds], Verdict::Held),
        ([Holds, Holds, Fails], Verdict::Held),
        ([Holds, Fails, Holds], Verdict::Partly),
        // What holds besides rescues nothing.
        ([Fails, Holds, Holds], Verdict::Refuted),
        ([Fails, Skipped, Skipped], Verdict::Refuted),
        ([Skipped, Holds, Holds], Verdict::NotMeasurableHere),
        ([Holds, Skipped, Skipped], Verdict::Held),
    ];
    for (parts, verdict) in verdicts {
        assert_eq!(outcome(parts), Outcome::Verdict(verdict), "{parts:?}");
    }
    let claim = &Registry::parse(CLAIM).unwrap().claims[0];
    assert_eq!(claim.outcome(&BTreeMap::new()), Outcome::Verdict(Verdict::NotMeasurableHere));
    let came = ["it holds", "in this way", "with one more"].map(|name| (name.to_owned(), Fails));
    let wrong = claim.surprises(&came.into());
    assert_eq!(wrong.len(), 2, "the third was predicted to fail: {wrong:?}");
}

#[test]
fn a_threshold_is_kept_at_its_bounds_and_read_as_words() {
    let parts = &Registry::parse(CLAIM).unwrap().claims[0].parts;
    let kept = [1, 2, 4, 5].map(|figure| parts[1].keeps(figure));
    assert_eq!(kept, [Some(false), Some(true), Some(true), Some(false)]);
    assert_eq!(parts[0].keeps(1), None);
    let words = [0, 1].map(|part: usize| parts[part].threshold());
    assert_eq!(words, ["", "at least 2, at most 4 steps"]);
}

#[test]
fn what_experiments_print_is_read_by_the_names_of_the_parts() {
    use Decided::{Fails, Holds, Skipped};
    let output = "running\nC01 turns = 41\nC011 turns = 5\nC01 holds: a = b\nC02 fails: other\n\
                  C01 fails: two\nC01 holds: two\nC01 skipped: three (there is none)\n";
    let seen = Seen::read("C01", output);
    assert_eq!(seen.values, [("turns".to_owned(), "41".to_owned())].into());
    let parts = [("a = b", Holds), ("two", Fails), ("three", Skipped)];
    assert_eq!(seen.parts, parts.map(|(name, came)| (name.to_owned(), came)).into());
    assert!(seen.printed.starts_with("turns = 41\nholds: a = b\n"), "{}", seen.printed);
}
