//! A link of a promise's chain, beside a callback that queues the next.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::rc::Rc;

use api_promises::Promise;
use criterion::Criterion;
use loop_core::EventLoop;

use super::{SUBJECT, contender};

type Callback = Box<dyn FnOnce()>;

/// Measures the group: a chain is made, settled at its head, and run to its end.
pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("promise link");
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    contender(&mut group, SUBJECT, |batch| {
        let (head, resolver) = Promise::<u64, std::io::Error>::with_resolvers(&handle);
        let end = (0..batch).fold(head, |link, step| link.map(move |sum| black_box(sum + step)));
        end.map(drop).detach(|error| panic!("nothing rejects: {error}"));
        resolver.resolve(0);
        super::calls::run(&mut event_loop);
    });
    let queue: Rc<RefCell<VecDeque<Callback>>> = Rc::default();
    contender(&mut group, "VecDeque", |batch| {
        hop(&queue, batch, 0);
        loop {
            let next = queue.borrow_mut().pop_front();
            let Some(callback) = next else { break };
            callback();
        }
    });
    group.finish();
}

/// Queues a callback that does what a link does, and then queues the next.
fn hop(queue: &Rc<RefCell<VecDeque<Callback>>>, left: u64, sum: u64) {
    if left > 0 {
        let next = queue.clone();
        let callback = Box::new(move || hop(&next, left - 1, black_box(sum + left)));
        queue.borrow_mut().push_back(callback);
    }
}
