//! Chains of any length: no recursion, and loops in constant memory.

use std::io;

use api_promises::Promise;
use loop_core::LoopHandle;

use crate::chain::Lab;

#[test]
fn a_million_links_are_dropped_and_settled_without_recursion() {
    const LINKS: usize = 1_000_000;
    let mut lab = Lab::new();
    let (promise, _resolver) = lab.pending::<usize>();
    let chain = (0..LINKS).fold(promise, |promise, _| promise.map(|count| count + 1));
    drop(chain);
    let (promise, resolver) = lab.pending::<usize>();
    let chain = (0..LINKS).fold(promise, |promise, _| promise.map(|count| count + 1));
    resolver.resolve(0);
    assert_eq!(lab.run(chain).unwrap(), LINKS);
}

#[test]
fn a_million_promises_that_adopt_each_other_settle_without_recursion() {
    const PROMISES: usize = 1_000_000;
    let mut lab = Lab::new();
    let (mut promise, resolver) = lab.pending::<u32>();
    for _ in 0..PROMISES {
        let handle = lab.handle.clone();
        promise = Promise::resolve(&handle, ()).then(move |()| promise);
    }
    lab.settle();
    resolver.resolve(3);
    assert_eq!(lab.run(promise).unwrap(), 3);
}

#[test]
fn a_loop_written_as_a_chain_runs_in_constant_memory() {
    fn count(handle: LoopHandle, left: u32) -> Promise<u32, io::Error> {
        Promise::resolve(&handle.clone(), ()).then(move |()| match left {
            0 => Promise::resolve(&handle, 0),
            left => count(handle, left - 1),
        })
    }
    for watched in [true, false] {
        let mut lab = Lab::new();
        let chain = count(lab.handle.clone(), 100_000);
        let chain = if watched { chain.map(|left| left) } else { chain };
        // Links hold a handle each: their number shows in the references to the loop.
        let mut most = 0;
        while lab.event_loop.run_ready() > 0 {
            most = most.max(lab.handle.snapshot().ready.len());
        }
        assert!(most <= 2, "{most} links are alive at once");
        assert_eq!(lab.run(chain).unwrap(), 0);
    }
}
