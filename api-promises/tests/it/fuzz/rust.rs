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

/// An aggregate of the standard library drops the rest when one destructor has panicked; one that is
/// written by hand, and takes its parts one by one, forgets what it has not come to.
#[test]
fn a_loop_that_a_destructor_leaves_forgets_only_what_it_owns_by_hand() {
    let alive = Alive::default();
    let parts: Vec<(Option<Spiteful>, Counted)> =
        vec![(Some(Spiteful), alive.value()), (None, alive.value())];
    assert!(catch_unwind(AssertUnwindSafe(|| drop(parts))).is_err());
    assert_eq!(alive.count(), 0, "a vector goes on");
    let by_hand = [(Some(Spiteful), alive.value()), (None, alive.value())].map(Box::new);
    let mut raw: Vec<_> = by_hand.into_iter().map(std::mem::ManuallyDrop::new).collect();
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        for part in &mut raw {
            drop(std::mem::ManuallyDrop::into_inner(std::mem::replace(
                part,
                std::mem::ManuallyDrop::new(Box::new((None, alive.value()))),
            )));
        }
    }));
    assert!(dropped.is_err());
    assert!(alive.count() > 0, "what is dropped by hand is not");
}
