//! What is Rust's own: promises can neither cause it nor mend it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use crate::lab::{Alive, Counted, Spiteful};

/// Set for the process that is to end.
const VARIABLE: &str = "TWO_PANICS_IN_ONE_AGGREGATE";

struct AlwaysSpiteful;

impl Drop for AlwaysSpiteful {
    fn drop(&mut self) {
        panic!("spite, whatever else unwinds");
    }
}

#[test]
fn two_destructors_that_panic_in_one_aggregate_end_the_process() {
    if std::env::var_os(VARIABLE).is_some() {
        let _ = catch_unwind(|| drop(vec![AlwaysSpiteful, AlwaysSpiteful]));
        return;
    }
    let name = "fuzz::rust::two_destructors_that_panic_in_one_aggregate_end_the_process";
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args([name, "--exact"]).env(VARIABLE, "1").output().unwrap();
    assert!(!output.status.success(), "{output:?}");
}

fn keeps(value: Counted, held: Spiteful) -> Counted {
    let _held = held;
    value
}

/// rust-lang/rust#47949: a result that is in its place already is not dropped when a destructor of the
/// function panics behind it. Fails when Rust mends it: the rule for handlers in this fuzzer can go then.
#[test]
fn a_result_is_leaked_when_a_local_panics_behind_it() {
    let alive = Alive::default();
    let value = alive.value();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(keeps(value, Spiteful)))).is_err());
    assert_eq!(alive.count(), 1);
}
