//! Integers as the protocol writes them: decimal, in the one shortest form.

/// Reads an integer; `None` when it has another form than the one that it would be written in, as
/// `+1`, `007`, ` 1` and `-0` have.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let begins_well = match digits {
        [b'0'] => !negative,
        [first, ..] => (b'1'..=b'9').contains(first),
        [] => false,
    };
    // Nineteen digits hold every integer of 64 bits, and never overflow the negative side of 128.
    if !begins_well || digits.len() > 19 {
        return None;
    }
    let mut value = 0_i128;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i128::from(digit - b'0');
    }
    i64::try_from(if negative { -value } else { value }).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_is_written_is_read() {
        for value in [0, 1, -1, 10, 42, -907, i64::MAX, i64::MIN] {
            assert_eq!(parse(value.to_string().as_bytes()), Some(value));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let forms = ["", "-", "+1", "007", "-0", " 1", "1 ", "1a", "0x1", "9223372036854775808"];
        for form in forms {
            assert_eq!(parse(form.as_bytes()), None, "{form:?}");
        }
        assert_eq!(parse(&[b'9'; 1000]), None);
    }
}
