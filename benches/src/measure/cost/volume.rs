//! How many messages a run of `oneloop cost echo` is made of.
//!
//! Rule: with many connections a multiple of them, so that both runs treat all alike; the short run has
//! each connection speak often enough that what the load needs in all is there when it ends.

use super::figures::Load;

/// Messages of a short run, and the further ones of a long run, on one connection.
const ONE: [u64; 2] = [100, 1_000];
const ONE_QUICK: [u64; 2] = [20, 100];

/// Messages of each of many connections in a short run that leaves the server idle in between.
const ROUNDS_IDLE: u64 = 2;
/// The further ones of a long run, at least, over all connections.
const MORE_IDLE: u64 = 1_024;
const MORE_IDLE_QUICK: u64 = 128;

/// Messages over all connections in a short run that keeps the server busy, at least, and the further
/// ones of a long run.
const BUSY: [u64; 2] = [1_280, 19_200];
const BUSY_QUICK: [u64; 2] = [640, 2_560];

/// How often each connection speaks at least while the server is busy, in either part.
const ROUNDS_BUSY: u64 = 4;

/// Returns the messages of the short and of the long run.
pub(super) fn messages(load: Load, connections: u64, quick: bool) -> [u64; 2] {
    let [short, more] = match (load, quick) {
        (Load::OneIdle, false) => ONE,
        (Load::OneIdle, true) => ONE_QUICK,
        (Load::ManyIdle, false) => idle(MORE_IDLE, connections),
        (Load::ManyIdle, true) => idle(MORE_IDLE_QUICK, connections),
        (Load::Busy, false) => BUSY.map(|least| busy(least, connections)),
        (Load::Busy, true) => BUSY_QUICK.map(|least| busy(least, connections)),
    };
    [short, short + more]
}

fn idle(more: u64, connections: u64) -> [u64; 2] {
    [ROUNDS_IDLE * connections, more.next_multiple_of(connections)]
}

fn busy(least: u64, connections: u64) -> u64 {
    least.next_multiple_of(connections).max(ROUNDS_BUSY * connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_many_connections_speaks_as_often_as_the_others() {
        assert_eq!(messages(Load::Busy, 64, false), [1_280, 20_480]);
        assert_eq!(messages(Load::ManyIdle, 64, false), [128, 1_152]);
        assert_eq!(messages(Load::Busy, 4_000, false), [16_000, 36_000]);
        for connections in [1, 64, 1_000, 4_000, 16_000] {
            for (load, quick) in [(Load::Busy, true), (Load::ManyIdle, false)] {
                let [short, long] = messages(load, connections, quick);
                assert!(short < long, "{connections}");
                assert_eq!((short % connections, long % connections), (0, 0), "{connections}");
            }
        }
    }

    #[test]
    fn one_connection_speaks_alone_however_many_there_are() {
        assert_eq!(messages(Load::OneIdle, 4_000, false), [100, 1_100]);
        assert_eq!(messages(Load::OneIdle, 64, true), [20, 120]);
    }
}
