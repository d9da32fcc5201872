//! Figures that are computed from what a run has.

use super::*;

#[test]
fn counts_per_message_are_the_slope_between_two_runs() {
    let turns = |turns| ServerCounts { turns: Some(turns), ..ServerCounts::default() };
    let figures = CountFigures {
        arm: "callbacks".to_owned(),
        turn_rule: Some(Rule::Bounded),
        connections: 1,
        pace: Pace::Idle,
        messages: [100, 300],
        counted: [turns(1_007), turns(1_407)],
    };
    assert_eq!(figures.per_message(|counts| counts.turns), Some(2.0));
    assert_eq!(figures.per_message(|counts| counts.hops), None);
}
