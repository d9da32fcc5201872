//! Handlers that have a `Result`, limits as methods, and errors that are shared.

use std::cell::Cell;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_promises::combine::{any, retry};
use api_promises::{CancellationToken, Fault, Promise, Reason, SharedError, sleep};
use loop_core::{Backoff, Cancelled, LoopTime, Panicked, TurnRule, is_cancelled, is_panicked};

use crate::lab::{Failing, Lab};

#[test]
fn a_handler_of_a_result_has_the_outcome_whatever_it_is() {
    let mut lab = Lab::new();
    let handle = lab.handle.clone();
    let told =
        |promise: Failing<u32>| promise.then_result(|result| Ok::<_, Fault>(format!("{result:?}")));
    lab.note("a", told(Failing::resolve(&handle, 1)));
    lab.note("b", told(Failing::reject(&handle, Fault::Cycle)));
    let question = Failing::resolve(&handle, 1).then_result(|result| {
        let value: u32 = result?;
        Ok::<_, Fault>(value + 1)
    });
    lab.note("c", question);
    let panicked = Failing::resolve(&handle, 1).map(|_| -> u32 { panic!("on purpose") });
    lab.note("d", told(panicked));
    let token = CancellationToken::new();
    lab.note("e", told(Failing::never(&handle).guard(&token)));
    token.cancel();
    let ends = lab.settle();
    for end in [
        "a:Ok(\"Ok(1)\")",
        "b:Ok(\"Err(Cycle)\")",
        "c:Ok(2)",
        r#"d:Ok("Err(Panicked(\"on purpose\"))")"#,
        "e:Ok(\"Err(Cancelled)\")",
    ] {
        assert!(ends.contains(end), "{end} in {ends}");
    }
    assert_eq!(lab.reported().len(), 1, "the panic");
    drop(Failing::resolve(&handle, 1).then_result(|_| -> Result<u32, Fault> { unreachable!() }));
    assert_eq!(lab.settle(), "", "what is dropped runs no handler");
}

#[test]
fn a_timeout_and_a_guard_are_methods_of_a_chain() {
    let mut lab = Lab::new();
    let (handle, token) = (lab.handle.clone(), CancellationToken::new());
    let second = Duration::from_secs(1);
    let minute = || sleep(&handle, Duration::from_secs(60));
    let mut kind = |promise: Promise<(), io::Error>| {
        promise.run_until_complete(&mut lab.event_loop).unwrap().map_err(|error| error.kind())
    };
    assert_eq!(kind(minute().timeout(second)), Err(ErrorKind::TimedOut));
    assert_eq!(
        kind(minute().timeout_at(LoopTime::ORIGIN + Duration::from_secs(5))),
        Err(ErrorKind::TimedOut)
    );
    assert_eq!(handle.time().since_origin(), Duration::from_secs(5));
    assert_eq!(kind(sleep(&handle, second).timeout(second * 2).timeout_at(LoopTime::MAX)), Ok(()));
    token.cancel();
    assert_eq!(kind(minute().timeout(second).guard(&token)), Err(ErrorKind::Other));
    assert!(handle.snapshot().timed.is_empty());
}

/// An operation, the deadline, and what the next handler behind the operation notes.
#[test]
fn what_comes_in_the_turn_of_the_deadline_is_noted_under_both_rules() {
    for rule in [TurnRule::Snapshot, TurnRule::default()] {
        let mut lab = Lab::new();
        lab.handle.set_turn_rule(rule);
        let (noted, second) = (Rc::new(Cell::new(false)), Duration::from_secs(1));
        let marks = noted.clone();
        let operation = sleep(&lab.handle, second).then_result(move |slept| {
            marks.set(true);
            slept
        });
        // More handlers than the rejection has to pass.
        let chain = (0..9).fold(operation, |chain, _| chain.map(|()| ())).timeout(second);
        let ended = chain.run_until_complete(&mut lab.event_loop).unwrap();
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(noted.get());
    }
}

fn tries<E: Reason + Clone>(error: E) -> usize {
    let mut lab = Lab::new();
    let (calls, handle) = (Rc::new(Cell::new(0)), lab.handle.clone());
    let count = calls.clone();
    let tried = retry(&lab.handle, Backoff::default(), move || {
        count.set(count.get() + 1);
        Promise::<(), E>::reject(&handle, error.clone())
    });
    tried.map_err(drop_into_fault).run_until_complete(&mut lab.event_loop).unwrap().unwrap_err();
    calls.get()
}

fn drop_into_fault<E>(_error: E) -> Fault {
    Fault::Cycle
}

#[test]
fn a_retry_repeats_no_cancellation_and_no_panic_that_a_shared_error_holds() {
    let shared = |error: io::Error| tries(SharedError::from(error));
    assert_eq!(shared(Cancelled.into()), 1);
    assert_eq!(shared(Panicked { message: String::new() }.into()), 1);
    assert_eq!(shared(Fault::Panicked("x".into()).into()), 1);
    assert_eq!(tries(Fault::Cancelled), 1);
    assert!(shared(ErrorKind::NotFound.into()) > 1);
    assert!(tries(Fault::Cycle) > 1);
}

#[test]
fn a_retry_repeats_no_any_with_a_cancellation_or_a_panic_among_its_failures() {
    for panics in [true, false] {
        let mut lab = Lab::new();
        let (calls, handle) = (Rc::new(Cell::new(0)), lab.handle.clone());
        let count = calls.clone();
        let tried = retry(&lab.handle, Backoff::default(), move || {
            count.set(count.get() + 1);
            let token = CancellationToken::new();
            token.cancel();
            let last = match panics {
                true => Failing::resolve(&handle, 1).map(|_| panic!("on purpose")),
                false => Failing::<u32>::never(&handle).guard(&token),
            };
            any(&handle, [Failing::reject(&handle, Fault::Cycle), last])
        });
        tried.run_until_complete(&mut lab.event_loop).unwrap().unwrap_err();
        assert_eq!(calls.get(), 1, "panics: {panics}");
    }
}

#[test]
fn an_error_that_is_shared_keeps_its_kind_its_text_and_its_source() {
    #[derive(Debug)]
    struct Outer(io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("outer")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let mut lab = Lab::new();
    let error = io::Error::new(ErrorKind::InvalidData, Outer(io::Error::other("inner")));
    let shared = Promise::<u32, _>::reject(&lab.handle, error).err_into::<SharedError>().share();
    for _ in 0..3 {
        let branch = shared.promise().err_into::<io::Error>();
        let error = branch.run_until_complete(&mut lab.event_loop).unwrap().unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidData, "outer"));
        assert_eq!(error.source().unwrap().to_string(), "inner");
    }
    let (refused, two) = (SharedError::from(io::Error::from_raw_os_error(111)), 2);
    let kept = refused.clone();
    assert_eq!(io::Error::from(refused).raw_os_error(), Some(111), "of {two}");
    assert_eq!(io::Error::from(kept).raw_os_error(), Some(111));
    for (error, is_so) in [
        (io::Error::from(Cancelled), is_cancelled as fn(&io::Error) -> bool),
        (Panicked { message: "x".into() }.into(), is_panicked),
    ] {
        let shared = SharedError::from(error);
        assert!(is_so(&shared) && is_so(&shared.clone().into()));
    }
}
