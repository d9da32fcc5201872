//! The wing's side: runs a program on shared promises.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use api_promises::combine::{all, all_settled, any, race};
use api_promises::{Fault, Promise, Resolver, Shared};
use futures::future::Either;
use loop_core::{AggregateError, EventLoop, LoopHandle};

type Texts = Promise<Text, Text>;

/// What a handler returns: an outcome, or a promise to adopt.
type Returned = Either<Result<Text, Text>, Texts>;

/// A value or a reason: what both sides print.
#[derive(Clone)]
struct Text(Rc<str>);

/// A fault on the way from a program to its run, to show that the comparison bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// None.
    Nothing,
    /// A rejection that is followed becomes a value.
    FollowLosesRejections,
    /// `any` ends with the first outcome, whatever it is.
    AnyIsRace,
    /// A settled promise is observed a turn too late.
    LateObservers,
}

/// A program that runs.
struct Machine {
    handle: LoopHandle,
    planted: Planted,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    trace: Vec<String>,
    promises: Vec<Shared<Text, Text>>,
    deferred: Vec<Option<Resolver<Text, Text>>>,
}

/// Runs a program and returns its trace.
pub(crate) fn run(program: &str, planted: Planted) -> String {
    let mut event_loop = EventLoop::new().expect("there are descriptors");
    let handle = event_loop.handle();
    handle.set_exception_handler(|_, _| ());
    let machine = Rc::new(Machine { handle, planted, state: RefCell::default() });
    let mut index = 0;
    for phase in program.split('|') {
        for step in phase.split(';') {
            machine.step(index, step);
            index += 1;
        }
        while event_loop.run_ready() > 0 {}
    }
    let trace = machine.state.borrow().trace.join(" ");
    // Handlers keep the machine, and the machine keeps the promises: the circle is cut here.
    event_loop.close();
    let state = machine.state.take();
    drop(state);
    trace
}

impl Machine {
    fn step(self: &Rc<Self>, index: usize, step: &str) {
        let words: Vec<&str> = step.split(' ').collect();
        let Some(promise) = self.make(index, &words) else { return };
        let shared = promise.share();
        self.state.borrow_mut().promises.push(shared.clone());
        self.observe(index, &shared);
    }

    fn observe(self: &Rc<Self>, index: usize, shared: &Shared<Text, Text>) {
        let (value, reason) = (self.clone(), self.clone());
        let mut observed = shared.promise();
        if self.planted == Planted::LateObservers && shared.is_settled() {
            observed = observed.map(|value| value);
        }
        let seen = observed.then_or(
            move |text| {
                value.add(format!("{index}={}", text.0));
                Ok::<_, Text>(())
            },
            move |text| {
                reason.add(format!("{index}!{}", text.0));
                Ok(())
            },
        );
        seen.detach(|_| ());
    }

    fn add(&self, event: String) {
        self.state.borrow_mut().trace.push(event);
    }

    /// Makes the promise of a step, if it makes one.
    fn make(self: &Rc<Self>, index: usize, words: &[&str]) -> Option<Texts> {
        let word = |place: usize| words.get(place).copied().unwrap_or_default().to_owned();
        let on_value = |text: String| {
            let machine = self.clone();
            move |value: Text| machine.handle(index, &text, &value.0)
        };
        let source = || self.promise(&word(1)).map(|shared| shared.promise());
        match words[0] {
            "V" => Some(Promise::resolve(&self.handle, Text::from(word(1)))),
            "X" => Some(Promise::reject(&self.handle, Text::from(word(1)))),
            "D" => {
                let (promise, resolver) = Promise::with_resolvers(&self.handle);
                self.state.borrow_mut().deferred.push(Some(resolver));
                Some(promise)
            }
            "T" => Some(source()?.then(on_value(word(2)))),
            "C" => Some(source()?.catch(on_value(word(2)))),
            "F" => {
                let machine = self.clone();
                let text = word(2);
                Some(source()?.finally(move || machine.handle(index, &text, "")))
            }
            "B" => Some(source()?.then_or(on_value(word(2)), on_value(word(3)))),
            "A" | "S" | "Y" | "R" => Some(self.combine(words[0], &word(1))),
            how => {
                self.settle(how, &word(1), &word(2));
                None
            }
        }
    }

    fn combine(&self, how: &str, names: &str) -> Texts {
        let names = names.split(',').filter(|name| *name != "-");
        let parts: Vec<Texts> =
            names.filter_map(|name| Some(self.promise(name)?.promise())).collect();
        match how {
            "A" => all(&self.handle, parts).map(|values| list("", values)),
            "S" => all_settled(&self.handle, parts).map(|outcomes| {
                let shown = outcomes.into_iter().map(|outcome| match outcome {
                    Ok(value) => Text::from(format!("v{}", value.0)),
                    Err(reason) => Text::from(format!("x{}", reason.0)),
                });
                list("", shown)
            }),
            "Y" if self.planted != Planted::AnyIsRace => {
                any(&self.handle, parts).map_err(|AggregateError { errors }| list("E", errors))
            }
            _ => race(&self.handle, parts),
        }
    }

    /// Runs a handler.
    fn handle(&self, index: usize, text: &str, value: &str) -> Returned {
        self.add(format!("{index}>{value}"));
        let (how, rest) = text.split_at(1);
        let (name, argument) = rest.split_once('.').unwrap_or((rest, ""));
        match how {
            "v" => Either::Left(Ok(Text::from(name.to_owned()))),
            "x" => Either::Left(Err(Text::from(name.to_owned()))),
            "p" => Either::Right(self.promise(name).expect("a handler has a promise").promise()),
            "n" => {
                let resolved = Promise::resolve(&self.handle, Text::from(name.to_owned()));
                Either::Right(resolved.map(|value| value))
            }
            how => {
                self.settle(how, name, argument);
                Either::Left(Ok(Text::from(how.to_owned())))
            }
        }
    }

    fn settle(&self, how: &str, name: &str, argument: &str) {
        let number: usize = name.parse().expect("a step names by number");
        let resolver = {
            let deferred = &mut self.state.borrow_mut().deferred;
            let count = deferred.len();
            if count == 0 {
                return;
            }
            deferred[number % count].take()
        };
        let Some(resolver) = resolver else { return };
        match how {
            "s" => resolver.resolve(Text::from(argument.to_owned())),
            "j" => resolver.reject(Text::from(argument.to_owned())),
            _ => {
                let followed = self.promise(argument).expect("there is a promise");
                if self.planted == Planted::FollowLosesRejections {
                    return resolver.follow(followed.promise().catch(Ok::<_, Text>));
                }
                resolver.follow(followed);
            }
        }
    }

    fn promise(&self, name: &str) -> Option<Shared<Text, Text>> {
        let promises = &self.state.borrow().promises;
        let number: usize = name.parse().expect("a step names by number");
        (!promises.is_empty()).then(|| promises[number % promises.len()].clone())
    }
}

/// Shows a list as JavaScript's side does.
fn list(prefix: &str, texts: impl IntoIterator<Item = Text>) -> Text {
    let texts: Vec<String> = texts.into_iter().map(|text| text.0.to_string()).collect();
    Text::from(format!("{prefix}[{}]", texts.join(",")))
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(text.into())
    }
}

impl From<Fault> for Text {
    fn from(fault: Fault) -> Text {
        match fault {
            Fault::Cycle => Text("cycle".into()),
            fault => Text(fault.to_string().into()),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
