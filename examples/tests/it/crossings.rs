//! The twelve crossings: every cell of their table, and that none leaves anything behind.

mod callee;
mod caller;
mod costs;

use std::fs;

use examples::crossings::{Colour, Crossing, Effect, Event, TABLE};

use crate::document;
use callee::{Lab, PANIC, REFUSAL};

/// Calls across, makes the event happen, and says what became of it on the other side.
fn observe(crossing: &Crossing, event: Event) -> Effect {
    let mut lab = Lab::new();
    let answer = caller::cross(crossing, event, &mut lab);
    match event {
        Event::Value => {
            assert_eq!(answer, Some(Ok(7)), "{crossing:?}");
            Effect::Crosses
        }
        Event::Error => {
            let error = answer.expect("the caller is answered").unwrap_err();
            assert!(error.contains(REFUSAL), "{crossing:?}: {error}");
            Effect::Crosses
        }
        Event::Panic | Event::Silence => {
            let error = answer.expect("the caller is answered").unwrap_err();
            let word = if event == Event::Panic { PANIC } else { "was dropped" };
            if error.contains(word) { Effect::Told } else { Effect::Bare }
        }
        Event::Cancel | Event::Drop if lab.callee_has_ended() => Effect::Survives,
        Event::Cancel | Event::Drop => Effect::Stops,
    }
}

#[test]
fn every_cell_of_the_table_is_what_happens() {
    let mut wrong = Vec::new();
    for crossing in &TABLE {
        for event in Event::ALL {
            let documented = crossing.effect(event);
            if documented == Effect::Never {
                continue;
            }
            let seen = observe(crossing, event);
            if seen != documented {
                let (from, to) = (crossing.from, crossing.to);
                wrong.push(format!("{from} to {to}, {event:?}: {seen:?}, not {documented:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What answers by ending cannot forget to answer.
#[test]
fn only_callbacks_and_promises_can_fall_silent() {
    for crossing in &TABLE {
        let can = matches!(crossing.to, Colour::Callback | Colour::Promise);
        assert_eq!(crossing.effect(Event::Silence) != Effect::Never, can, "{crossing:?}");
        let others = Event::ALL.into_iter().filter(|event| *event != Event::Silence);
        assert!(others.map(|event| crossing.effect(event)).all(|effect| effect != Effect::Never));
    }
}

/// A panic on the loop is told once, whatever calls; that of a thread is in the error alone.
#[test]
fn the_exception_handler_hears_of_every_panic_on_the_loop() {
    for crossing in &TABLE {
        let mut lab = Lab::new();
        caller::cross(crossing, Event::Panic, &mut lab);
        let expected = usize::from(crossing.to != Colour::Sync);
        assert_eq!(lab.reports(), expected, "{crossing:?}");
    }
}

#[test]
fn the_table_has_every_ordered_pair_once_and_names_code_that_is_there() {
    for from in Colour::ALL {
        for to in Colour::ALL {
            let found = TABLE.iter().filter(|crossing| (crossing.from, crossing.to) == (from, to));
            assert_eq!(found.count(), usize::from(from != to));
            let Some(crossing) = Crossing::between(from, to) else { continue };
            let code = fs::read_to_string(document::root().join(crossing.file())).unwrap();
            assert!(code.contains(&format!("fn {}<", crossing.function())), "{crossing:?}");
        }
    }
}

#[test]
fn nothing_is_left_of_any_crossing() {
    for crossing in &TABLE {
        for event in Event::ALL {
            if crossing.effect(event) == Effect::Never {
                continue;
            }
            let mut lab = Lab::new();
            caller::cross(crossing, event, &mut lab);
            lab.assert_empty(crossing, event);
        }
    }
}
