//! Random promise programs, run by V8 and by the wing, and compared event by event.
//!
//! A program makes promises, chains them, settles deferred ones, early and late, and lets them follow
//! each other; every promise has an observer, so that the order of all handlers and all settlings is
//! seen. The comparison runs under [`Adoption::EcmaScript`](api_promises::testing::Adoption), since V8 spends
//! two turns of its queue on adoption and the default spends none; `finally` differs with it.
//!
//! What is equal by arrangement: values and reasons are the texts that both sides print.

pub(crate) mod machine;
pub(crate) mod oracle;
pub(crate) mod program;
