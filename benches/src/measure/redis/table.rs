//! The table of `oneloop redis`.

use std::fmt::Write;

use super::{COMMANDS, PIPELINES, Rate};
use crate::process::cpu::Placement;
use crate::report::Spread;

/// Composes a line for each server, Redis first: rates in thousands a second, and ratios to Redis.
pub(super) fn compose(names: &[&str], rates: &[Rate], placement: Option<Placement>) -> String {
    let mut text = String::from(
        "Thousands of requests a second; in brackets the ratio to Redis in \
        the same round: median (least to greatest)\n\n",
    );
    let _ = write!(text, "{:<10}", "");
    for (pipeline, _) in PIPELINES {
        for name in COMMANDS {
            let _ = write!(text, " {:>28}", format!("{name}, pipeline {pipeline}"));
        }
    }
    text.push('\n');
    for (server, name) in names.iter().enumerate() {
        let _ = write!(text, "{name:<10}");
        for load in 0..PIPELINES.len() * COMMANDS.len() {
            let _ = write!(text, " {:>28}", cell(rates, server, load));
        }
        text.push('\n');
    }
    let _ = match placement {
        Some(Placement { server, generator }) => writeln!(
            text,
            "\nServers on processor {server}, redis-benchmark on processor {generator}. One load at \
             a time, all servers in each round."
        ),
        None => writeln!(text, "\nNothing is pinned here: servers and load share processors."),
    };
    text
}

fn cell(rates: &[Rate], server: usize, load: usize) -> String {
    let of = |server: usize| move |rate: &&Rate| rate.server == server && rate.load == load;
    let own = rates.iter().filter(of(server));
    let Some(rate) = Spread::of(own.clone().map(|rate| rate.requests_per_second)) else {
        return "-".to_owned();
    };
    let thousands = rate.median / 1000.0;
    if server == 0 {
        return format!("{thousands:.1}");
    }
    let ratios = own.filter_map(|rate| {
        let redis = rates.iter().filter(of(0)).find(|redis| redis.round == rate.round)?;
        Some(rate.requests_per_second / redis.requests_per_second)
    });
    match Spread::of(ratios) {
        Some(Spread { median, least, greatest, .. }) => {
            format!("{thousands:.1} [{median:.2} ({least:.2} to {greatest:.2})]")
        }
        None => format!("{thousands:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_formed_within_a_round() {
        let rate = |round, server, requests_per_second| Rate {
            round,
            server,
            load: 0,
            requests_per_second,
        };
        let rates = [rate(0, 0, 100_000.0), rate(0, 1, 50_000.0), rate(1, 0, 10_000.0)];
        let rates = [&rates[..], &[rate(1, 1, 10_000.0)]].concat();
        assert_eq!(cell(&rates, 0, 0), "55.0");
        assert_eq!(cell(&rates, 1, 0), "30.0 [0.75 (0.50 to 1.00)]");
        assert_eq!(cell(&rates, 1, 1), "-");
    }
}
