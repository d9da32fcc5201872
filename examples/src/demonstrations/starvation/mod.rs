//! Nobody takes the loop away from a callback: one that spins delays all others, a socket that is
//! always ready starves them unless it has a share, and a queue that is drained until it is empty
//! starves the sockets.

pub mod drain;
pub mod flood;
pub mod spin;

use std::fmt::Write;
use std::io;
use std::time::Duration;

use loop_core::TurnRule;

use self::flood::{CHUNKS_OF_A_SHARE, Reader};
use super::Demonstration;
use crate::Style;

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "starvation",
    claims: "C02, C03, C04",
    sentence: "Nobody is preempted: what spins, floods or never ends starves the others",
    show,
};

fn show() -> io::Result<String> {
    let mut text =
        String::from("a chain of callbacks, beside a socket that becomes readable (C02)\n");
    let rules = [
        ("snapshot", TurnRule::Snapshot),
        ("bounded", TurnRule::default()),
        ("until empty", drain::UNTIL_EMPTY),
    ];
    for (name, rule) in rules {
        for style in Style::WINGS {
            let [one, two] = [1_000, 2_000].map(|steps| drain::steps_before_io(style, rule, steps));
            let (one, two) = (one?, two?);
            writeln!(
                text,
                "  {name:<11} {:<9} steps before the reader: {one} of 1000, {two} of 2000",
                style.name()
            )
            .expect("a string takes all");
        }
    }
    text.push_str("\na callback that spins, while bytes come for three other connections (C03)\n");
    for style in Style::WINGS {
        let delays = spin::delays(style, Duration::from_millis(50), 3)?;
        writeln!(text, "  {:<9} spins for 50ms: the others wait {delays:?}", style.name())
            .expect("a string takes all");
    }
    text.push_str("\na socket that is always ready, beside one that becomes readable (C04)\n");
    for reader in Reader::ALL {
        for chunks in [64, 128] {
            let before = flood::chunks_before_the_other(reader, chunks)?;
            let waits = match before {
                0..=CHUNKS_OF_A_SHARE => format!("no more than {CHUNKS_OF_A_SHARE}"),
                more => more.to_string(),
            };
            let name = format!("{reader:?}");
            writeln!(text, "  {name:<18} of {chunks:>3} chunks the other waits for {waits}")
                .expect("a string takes all");
        }
    }
    Ok(text)
}
