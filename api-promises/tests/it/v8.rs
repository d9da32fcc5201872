//! The wing against V8: recorded programs run as they did there, and what differs by default.

#[path = "../against_v8/comparison/mod.rs"]
mod comparison;

use api_promises::testing::{Adoption, set_adoption};

use comparison::machine::{self, Planted};
use comparison::oracle::Oracle;
use comparison::program;

/// 600 programs with V8's traces: `against_v8 --seeds 600 --from 1 --record FILE`.
const RECORDED: &str = include_str!("../against_v8/comparison/recorded.txt");

fn recorded() -> Vec<(&'static str, &'static str)> {
    RECORDED.lines().map(|line| line.split_once(" => ").unwrap()).collect()
}

/// Counts the recorded programs that do not run as on V8.
fn differing(planted: Planted) -> usize {
    recorded().into_iter().filter(|(drawn, seen)| machine::run(drawn, planted) != *seen).count()
}

/// Runs `test` with the ticks that ECMAScript says.
fn with_ticks<R>(test: impl FnOnce() -> R) -> R {
    set_adoption(Adoption::EcmaScript);
    let result = test();
    set_adoption(Adoption::Direct);
    result
}

#[test]
fn recorded_programs_run_as_on_v8() {
    let programs = recorded();
    assert!(programs.len() >= 500, "{}", programs.len());
    with_ticks(|| {
        for (drawn, seen) in programs {
            assert_eq!(machine::run(drawn, Planted::Nothing), seen, "{drawn}");
        }
    });
}

#[test]
fn planted_faults_are_found() {
    with_ticks(|| {
        for fault in [Planted::FollowLosesRejections, Planted::AnyIsRace, Planted::LateObservers] {
            let count = differing(fault);
            assert!(count >= 5, "{fault:?} is seen in {count} programs");
        }
    });
    let count = differing(Planted::Nothing);
    assert!(count >= 5, "direct adoption is seen in {count} programs");
}

/// Where the default differs on purpose: adoption costs no turn of the queue.
#[test]
fn by_default_adoption_takes_no_ticks() {
    // The first link adopts a settled promise; three links in a row count the turns beside it.
    let adopted = "V 1;T 0 p0;V 2;T 2 v3;T 3 v4;T 4 v5";
    let ecmascript = with_ticks(|| machine::run(adopted, Planted::Nothing));
    assert_eq!(ecmascript, "0=1 1>1 2=2 3>2 3=3 4>3 4=4 5>4 1=1 5=5");
    let direct = machine::run(adopted, Planted::Nothing);
    assert_eq!(direct, "0=1 1>1 2=2 3>2 1=1 3=3 4>3 4=4 5>4 5=5");
}

/// And `finally`, which always adopts in ECMAScript, passes an outcome on in its own turn.
#[test]
fn by_default_finally_takes_no_ticks() {
    let cleaned = "V 1;F 0 v2;V 2;T 2 v3;T 3 v4;T 4 v5";
    let ecmascript = with_ticks(|| machine::run(cleaned, Planted::Nothing));
    let direct = machine::run(cleaned, Planted::Nothing);
    let place = |trace: &str| trace.split(' ').position(|event| event == "1=1").unwrap();
    assert!(place(&direct) < place(&ecmascript), "{direct} / {ecmascript}");
}

#[test]
fn a_promise_that_is_to_follow_itself_is_rejected() {
    // Its own handler returns it; it is resolved with itself.
    for program in ["V 0;T 0 p1", "D;f 0 0"] {
        let direct = machine::run(program, Planted::Nothing);
        assert!(direct.contains("!cycle"), "{program}: {direct}");
        let ecmascript = with_ticks(|| machine::run(program, Planted::Nothing));
        assert!(ecmascript.contains("!cycle"), "{program}: {ecmascript}");
    }
}

#[test]
fn a_program_that_differs_is_made_small() {
    let differs = |program: &str| program.contains('X') && program.contains("T 0");
    let smallest = program::shrink("V 1;X 2|D;T 0 v1;A -;s 0 1", differs);
    assert_eq!(smallest, "X 2|T 0 v1");
}

#[test]
fn fresh_programs_run_as_on_v8_where_node_is() {
    let Ok(mut oracle) = Oracle::start() else { return };
    with_ticks(|| {
        for seed in 1_000_000..1_000_200 {
            let drawn = program::draw(seed);
            let Ok(seen) = oracle.run(&drawn) else { return };
            assert_eq!(machine::run(&drawn, Planted::Nothing), seen, "{drawn}");
        }
    });
}
