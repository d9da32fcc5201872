//! Values that several commands take, and what is refused of them.

use std::net::SocketAddr;

use clap::ValueEnum;
use examples::Style;
use loop_core::TurnRule;
use serde::{Deserialize, Serialize};

use crate::measure::load::SIZE_MAX;
use crate::nearest;

/// The rule of the loop's turns, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rule {
    /// What is ready, and what becomes ready meanwhile, up to a bound
    Bounded,
    /// Only what was ready when the turn began, as asyncio does
    Snapshot,
}

impl Rule {
    /// Returns the name by which the command line calls the rule.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Rule::Bounded => "bounded",
            Rule::Snapshot => "snapshot",
        }
    }

    /// Returns the loop's own form of the rule.
    pub(crate) fn turn_rule(self) -> TurnRule {
        match self {
            Rule::Bounded => TurnRule::default(),
            Rule::Snapshot => TurnRule::Snapshot,
        }
    }
}

/// Finds a style, or says which exist and which one was probably meant.
pub(crate) fn style(name: &str) -> Result<Style, String> {
    name.parse().map_err(|_| {
        let names = Style::ALL.map(Style::name);
        let hint = nearest::hint(name, names);
        format!("no such style; {hint}the styles are {}", names.join(", "))
    })
}

pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    // The one host name that needs no resolver.
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| {
        "an address is an IP address and a port, such as 127.0.0.1:7000 or [::1]:7000".to_owned()
    })
}

pub(crate) fn connections(text: &str) -> Result<usize, String> {
    whole(text, 1, 1_000_000, "connections")
}

pub(crate) fn size(text: &str) -> Result<usize, String> {
    whole(text, 1, SIZE_MAX, "bytes (16 MiB)")
}

pub(crate) fn rounds(text: &str) -> Result<usize, String> {
    whole(text, 1, 1_000, "rounds")
}

/// A tag is part of an interval log, whose cells are separated by commas.
pub(crate) fn tag(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    if text.is_empty() || text.len() > 32 || !text.bytes().all(fits) {
        return Err("must be letters, digits and -_.+, 32 at most".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    positive(text, 0.05, 600.0, "seconds")
}

pub(crate) fn minutes(text: &str) -> Result<f64, String> {
    positive(text, 0.1, 600.0, "minutes")
}

pub(crate) fn percent(text: &str) -> Result<f64, String> {
    positive(text, 1.0, 95.0, "percent")
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    positive(text, 0.1, 10_000_000.0, "messages/s")
}

fn whole(text: &str, least: usize, most: usize, unit: &str) -> Result<usize, String> {
    let within = text.parse().ok().filter(|number| (least..=most).contains(number));
    within.ok_or_else(|| format!("must be a whole number from {least} to {most} {unit}"))
}

fn positive(text: &str, least: f64, most: f64, unit: &str) -> Result<f64, String> {
    // A NaN is in no range.
    let within = text.parse().ok().filter(|number| (least..=most).contains(number));
    within.ok_or_else(|| format!("must be a number from {least} to {most} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_style_names_the_nearest_and_all() {
        let reason = style("calbacks").unwrap_err();
        assert!(reason.contains("did you mean `callbacks`?"), "{reason}");
        assert!(reason.contains("raw, threads, tokio"), "{reason}");
        assert!(!style("zzz").unwrap_err().contains("did you mean"));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(connections("0").is_err());
        assert!(size("0").is_err());
        assert!(size("16777216").is_ok());
        assert!(size("16777217").is_err());
        assert!(rounds("0").is_err());
        for bad in ["NaN", "-1", "0", "inf", "1e300", "fast"] {
            assert!(rate(bad).is_err(), "{bad}");
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_numbers_or_localhost() {
        assert_eq!(address("localhost:80").unwrap().to_string(), "127.0.0.1:80");
        assert!(address("[::1]:0").is_ok());
        assert!(address("127.0.0.1").is_err());
        assert!(address("example.org:80").is_err());
    }
}
