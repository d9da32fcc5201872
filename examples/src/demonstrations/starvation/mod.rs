//! Nothing takes the loop away from a callback: one that spins delays all others, a socket that is
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
use super::{Demonstration, Detail};
use crate::Style;

pub(super) const DEMONSTRATION: Demonstration = Demonstration {
    name: "starvation",
    claims: "C02, C03, C04",
    sentence: "No callback is preempted: what spins, floods or never ends starves the others",
    so: "A loop bounds callbacks and bytes, not the time that a callback takes.",
    show,
};

fn show(detail: Detail) -> io::Result<String> {
    let mut text = String::from("a chain of steps: a socket that becomes readable is read (C02)\n");
    let rules = [
        ("snapshot", TurnRule::Snapshot),
        ("bounded", TurnRule::default()),
        ("until empty", drain::UNTIL_EMPTY),
    ];
    for (name, rule) in rules {
        let told = Style::WINGS.into_iter().map(|style| {
            let [one, two] = [1_000, 2_000].map(|steps| drain::steps_before_io(style, rule, steps));
            Ok((style.name(), format!("after {} of 1000 steps, {} of 2000", one?, two?)))
        });
        tell(&mut text, &format!("  {name:<11} "), told, detail)?;
    }
    text += "\na callback that spins, while bytes come for three other connections (C03)\n";
    let told = Style::WINGS.into_iter().map(|style| {
        let delays = spin::delays(style, Duration::from_millis(50), 3)?;
        Ok((style.name(), format!("spins for 50ms: the others wait {delays:?}")))
    });
    tell(&mut text, "  ", told, detail)?;
    text += "\na socket that is always ready: another one that becomes readable is read (C04)\n";
    let told = Reader::ALL.into_iter().map(|reader| {
        let waits = |chunks| {
            let before = flood::chunks_before_the_other(reader, chunks)?;
            io::Result::Ok(match before {
                0..=CHUNKS_OF_A_SHARE => format!("at most {CHUNKS_OF_A_SHARE}"),
                more => more.to_string(),
            })
        };
        let (one, two) = (waits(64)?, waits(128)?);
        Ok((reader.words(), format!("after {one} of 64 chunks, {two} of 128")))
    });
    tell(&mut text, "  ", told, detail)?;
    Ok(text)
}

/// Tells what was seen of each style; those that come one after the other and of which the same is told
/// have one line, unless everything is wanted.
fn tell(
    text: &mut String,
    indent: &str,
    told: impl Iterator<Item = io::Result<(&'static str, String)>>,
    detail: Detail,
) -> io::Result<()> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for told in told {
        let (style, told) = told?;
        match lines.last_mut().filter(|(_, last)| detail == Detail::Short && *last == told) {
            Some((styles, _)) => *styles += &format!(", {style}"),
            None => lines.push((style.to_owned(), told)),
        }
    }
    for (styles, told) in lines {
        writeln!(text, "{indent}{styles:<26} {told}").expect("a string takes all");
    }
    Ok(())
}
