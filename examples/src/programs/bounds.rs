//! How large the numbers of programs may be, which the command line says and the programs hold.
//!
//! Rule: a number that is refused is refused before anything begins, with its bounds.

use std::fmt::{Debug, Display};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// The longest time that a program may be told: a day.
pub const TIME_MAX: Duration = Duration::from_secs(86_400);

/// The same in seconds.
pub(crate) const SECONDS_MAX: u32 = 86_400;

/// The same in milliseconds.
pub(crate) const MILLISECONDS_MAX: u32 = 86_400_000;

/// Makes what reads a number from the command line: whatever is none within the bounds is refused with them.
pub(crate) fn number<T>(
    bounds: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| format!("{text} is not in {}..={}", bounds.start(), bounds.end()))
    }
}

/// Reads a number of seconds, which need not be whole.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    number(0.0..=f64::from(SECONDS_MAX))(text).map(Duration::from_secs_f64)
}

/// Reads an address with a port.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_error| {
        format!("{text} is no address and port, such as 127.0.0.1:0; a port is in 0..=65535")
    })
}

/// Refuses what a program is given if it is not within its bounds.
pub(crate) fn hold<T>(name: &str, value: &T, bounds: RangeInclusive<T>) -> io::Result<()>
where
    T: PartialOrd + Debug,
{
    if bounds.contains(value) {
        return Ok(());
    }
    let (start, end) = (bounds.start(), bounds.end());
    let error = format!("{name}: {value:?} is not in {start:?}..={end:?}");
    Err(io::Error::new(ErrorKind::InvalidInput, error))
}

/// Refuses a time that is too long.
pub(crate) fn hold_time(name: &str, time: Duration) -> io::Result<()> {
    hold(name, &time, Duration::ZERO..=TIME_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_within_the_bounds_is_refused_with_them() {
        let read = number(1..=1000_usize);
        assert_eq!((read("1"), read("1000")), (Ok(1), Ok(1000)));
        for text in
            ["0", "1001", "-1", "", "x", "1.5", "18446744073709551615", "18446744073709551616"]
        {
            assert_eq!(read(text), Err(format!("{text} is not in 1..=1000")));
        }
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for text in ["-0.1", "86401", "NaN", "inf", "1e99", "x"] {
            assert_eq!(seconds(text), Err(format!("{text} is not in 0..=86400")));
        }
        let error = hold_time("limit", Duration::MAX).unwrap_err();
        assert!(
            error.to_string().starts_with("limit: ") && error.to_string().ends_with("0ns..=86400s")
        );
    }
}
