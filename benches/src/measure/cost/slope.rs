//! What a message costs: the difference between a long and a short run, for each further message.

use std::collections::BTreeMap;

/// Counts by name.
pub(crate) type Tally = BTreeMap<String, u64>;

/// Returns the cost of one of the messages by which the long run was longer.
pub(crate) fn slope(messages: [u64; 2], counted: [u64; 2]) -> f64 {
    (counted[1] as f64 - counted[0] as f64) / (messages[1] as f64 - messages[0] as f64)
}

/// Returns the slope of each name that either run has counted.
pub(crate) fn slopes(messages: [u64; 2], counted: &[Tally; 2]) -> BTreeMap<String, f64> {
    let names = counted.iter().flat_map(BTreeMap::keys);
    let of = |tally: &Tally, name: &String| tally.get(name).copied().unwrap_or(0);
    names
        .map(|name| (name.clone(), slope(messages, [0, 1].map(|run| of(&counted[run], name)))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_once_does_not_count() {
        assert_eq!(slope([100, 300], [50_000 + 100 * 7, 50_000 + 300 * 7]), 7.0);
    }

    #[test]
    fn a_name_that_one_run_lacks_counts_as_nothing_there() {
        let short = Tally::from([("read".to_owned(), 10), ("mmap".to_owned(), 4)]);
        let long = Tally::from([("read".to_owned(), 30), ("futex".to_owned(), 5)]);
        let slopes = slopes([10, 20], &[short, long]);
        assert_eq!(slopes["read"], 2.0);
        assert_eq!(slopes["futex"], 0.5);
        assert_eq!(slopes["mmap"], -0.4);
    }
}
