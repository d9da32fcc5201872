//! The tables of `oneloop redis`.

use std::fmt::Write;

use super::{Load, Rate};
use crate::output::Dress;
use crate::process::cpu::Placement;
use crate::report::grid::Grid;
use crate::report::table::or_dash;
use crate::report::{Spread, plural};

/// Composes a table for each load, with a row for each server, Redis first.
pub(super) fn compose(
    names: &[&str],
    loads: &[Load],
    rates: &[Rate],
    placement: Option<Placement>,
    dress: Dress,
) -> String {
    let mut text = String::from(
        "The key-value server in each style, and Redis: ratios to Redis within a round\n",
    );
    for (load, what) in loads.iter().enumerate() {
        let Load { command, pipeline, connections, .. } = what;
        let connections = plural(*connections, "connection");
        let _ = writeln!(text, "\n{command}, {connections}, {pipeline} under way on each");
        let mut grid = Grid::new(&[
            "",
            "requests/s\nthousands",
            "to redis\nmedian (min..max)",
            "CPU us\na request",
            "requests a CPU-second\nto redis (min..max)",
        ]);
        let under_it = rates.iter().filter(|rate| rate.load == load);
        let rates: Vec<Rate> = under_it.copied().collect();
        for (server, name) in names.iter().enumerate() {
            grid.add(row(name, &rates, server));
        }
        text.push_str(&grid.render(dress));
    }
    let _ = match placement {
        Some(Placement { server, generator }) => writeln!(
            text,
            "\nServers on processor {server}, redis-benchmark on processor {generator}; one load at a time."
        ),
        None => writeln!(text, "\nNothing is pinned here: servers and load share processors."),
    };
    text
}

/// Lays out what a server did in the rounds of one load.
fn row(name: &str, rates: &[Rate], server: usize) -> Vec<String> {
    let rate = |rate: &Rate| Some(rate.requests_per_second);
    // More is better in both ratios.
    let for_cpu = |rate: &Rate| rate.cpu_us.map(f64::recip);
    let own = || rates.iter().filter(|rate| rate.server == server);
    let median = |figure: fn(&Rate) -> Option<f64>| {
        Spread::of(own().filter_map(figure)).map(|spread| spread.median)
    };
    vec![
        name.to_owned(),
        or_dash(median(rate).map(|rate| format!("{:.1}", rate / 1000.0))),
        or_dash(ratio(rates, server, rate)),
        or_dash(median(|rate| rate.cpu_us).map(|us| format!("{us:.2}"))),
        or_dash(ratio(rates, server, for_cpu)),
    ]
}

/// Says how a server stands to Redis in the rounds that have both.
fn ratio(rates: &[Rate], server: usize, figure: fn(&Rate) -> Option<f64>) -> Option<String> {
    if server == 0 {
        return Some("1".to_owned());
    }
    let of_redis = |round| rates.iter().find(|rate| rate.server == 0 && rate.round == round);
    let own = rates.iter().filter(|rate| rate.server == server);
    let ratios = own.filter_map(|own| Some(figure(own)? / figure(of_redis(own.round)?)?));
    let Spread { median, least, greatest, .. } = Spread::of(ratios)?;
    Some(format!("{median:.2} ({least:.2}..{greatest:.2})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(round: usize, server: usize, requests_per_second: f64, cpu_us: f64) -> Rate {
        Rate { round, server, load: 0, requests_per_second, cpu_us: Some(cpu_us) }
    }

    #[test]
    fn a_ratio_is_formed_within_a_round() {
        let rates = [
            rate(0, 0, 100_000.0, 4.0),
            rate(0, 1, 50_000.0, 2.0),
            rate(1, 0, 10_000.0, 5.0),
            rate(1, 1, 10_000.0, 5.0),
        ];
        assert_eq!(row("redis", &rates, 0), ["redis", "55.0", "1", "4.50", "1"]);
        let own = ["own", "30.0", "0.75 (0.50..1.00)", "3.50", "1.50 (1.00..2.00)"];
        assert_eq!(row("own", &rates, 1), own);
        assert_eq!(row("none", &rates, 2), ["none", "-", "-", "-", "-"]);
    }

    #[test]
    fn without_a_count_of_cpu_time_the_rates_stand_alone() {
        let rates = [0, 1].map(|server| Rate { cpu_us: None, ..rate(0, server, 10_000.0, 1.0) });
        assert_eq!(row("own", &rates, 1), ["own", "10.0", "1.00 (1.00..1.00)", "-", "-"]);
    }
}
