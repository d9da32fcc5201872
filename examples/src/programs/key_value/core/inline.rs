//! Inline commands: a line as a person types it.

use std::ops::Range;

/// Splits a line at its blanks into `arguments`, and returns whether its quotes are in order.
///
/// What stands in double quotes may hold blanks and the escapes `\n \r \t \b \a \\ \" \xHH`; in
/// single quotes only `\'`. Arguments are decoded in place, where they can only become shorter. An
/// argument that ends with a quote ends there: a blank or the end of the line has to follow.
pub(super) fn split(line: &mut [u8], arguments: &mut Vec<Range<usize>>) -> bool {
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if at == line.len() {
            return true;
        }
        let start = at;
        let Some((read, written)) = argument(line, start) else { return false };
        arguments.push(start..written);
        at = read;
    }
}

/// Decodes one argument in place; returns where it ends in the line, and where once decoded.
fn argument(line: &mut [u8], start: usize) -> Option<(usize, usize)> {
    let (mut read, mut written) = (start, start);
    let mut quote = None;
    while let Some(&byte) = line.get(read) {
        read += 1;
        let literal = match (quote, byte) {
            (None, byte) if byte.is_ascii_whitespace() => return Some((read, written)),
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                continue;
            }
            (Some(quote), byte) if byte == quote => {
                let ended = line.get(read).is_none_or(u8::is_ascii_whitespace);
                return ended.then_some((read, written));
            }
            (Some(b'"'), b'\\') => {
                let (byte, length) = escape(&line[read..])?;
                read += length;
                byte
            }
            (Some(b'\''), b'\\') if line.get(read) == Some(&b'\'') => {
                read += 1;
                b'\''
            }
            (_, byte) => byte,
        };
        line[written] = literal;
        written += 1;
    }
    quote.is_none().then_some((read, written))
}

/// Reads what follows a backslash: the byte that it stands for, and how long it is.
fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    if let [b'x', high, low, ..] = *rest
        && let (Some(high), Some(low)) = (digit(high), digit(low))
    {
        return Some(((high * 16 + low) as u8, 3));
    }
    let byte = match rest.first()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        byte => *byte,
    };
    Some((byte, 1))
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(line: &str) -> Option<Vec<Vec<u8>>> {
        let (mut line, mut ranges) = (line.as_bytes().to_vec(), Vec::new());
        let in_order = split(&mut line, &mut ranges);
        in_order.then(|| ranges.into_iter().map(|range| line[range].to_vec()).collect())
    }

    #[test]
    fn blanks_separate_and_quotes_hold_together() {
        assert_eq!(words("  SET  k\tv "), Some(vec![b"SET".into(), b"k".into(), b"v".into()]));
        assert_eq!(
            words(r#"a "b c" 'd e'"#),
            Some(vec![b"a".into(), b"b c".into(), b"d e".into()])
        );
        assert_eq!(words(r#""" ''"#), Some(vec![b"".into(), b"".into()]));
        assert_eq!(words("   "), Some(vec![]));
    }

    #[test]
    fn escapes_stand_for_bytes() {
        assert_eq!(words(r#""\x41\n\"\\\q" x"#), Some(vec![b"A\n\"\\q".into(), b"x".into()]));
        assert_eq!(words(r"'it\'s \n'"), Some(vec![br"it's \n".into()]));
    }

    #[test]
    fn quotes_that_are_not_in_order_are_refused() {
        for line in [r#"a "b"#, r"a 'b", r#""a"b"#, r#"a "b\"#] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
