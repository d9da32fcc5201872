//! The suite of a run in words: what its load has that a plain one has not.

use std::fmt::Write;

use super::{grouped, plural};
use crate::measure::load::Shape;
use crate::measure::suites::citation::Citation;

/// Says to which suite a run belongs, and what its load has that a plain one has not.
pub(super) fn describe(suite: &Citation) -> String {
    let Citation { name, version, load, loads, shape } = suite;
    let mut text = format!("suite {name}, version {version}");
    if *loads > 1 {
        let _ = write!(text, ", load {load} of {loads}");
    }
    let more = particulars(shape);
    if more.is_empty() { text } else { format!("{text}: {}", more.join(", ")) }
}

/// Lists what a shape has that a plain one has not.
fn particulars(shape: &Shape) -> Vec<String> {
    let mut more = Vec::new();
    if shape.pipeline > 1 {
        let deep = plural(shape.pipeline, "message");
        more.push(format!("{deep} under way on each connection of the closed phase"));
    }
    if shape.churn {
        more.push("each message on a connection of its own".to_owned());
    }
    if let Some(bursts) = shape.bursts {
        let messages = plural(bursts.messages, "message");
        more.push(format!("open phase in bursts of {messages} within {} ms", bursts.within_ms));
    }
    if let Some(slow) = shape.slow_readers {
        let (readers, pace) = (plural(slow.connections, "slow reader"), slow.bytes_per_second);
        more.push(format!("beside {readers} of {} bytes/s", grouped(pace as f64)));
    }
    if shape.idle > 0 {
        more.push(format!("beside {}", plural(shape.idle, "idle connection")));
    }
    more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::suites::Suite;

    #[test]
    fn a_citation_says_what_is_not_plain() {
        let described = |name: &str| describe(&Suite::find(name).unwrap().citations()[0]);
        assert_eq!(described("echo-small"), "suite echo-small, version 1");
        assert_eq!(described("connections"), "suite connections, version 1, load 1 of 5");
        let churn = "suite churn, version 1: each message on a connection of its own";
        assert_eq!(described("churn"), churn);
        let slow = "suite slow-readers, version 1: beside 8 slow readers of 65,536 bytes/s";
        assert_eq!(described("slow-readers"), slow);
    }
}
