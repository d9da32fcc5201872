//! Which known name a name that is not known was probably meant to be.

/// Asks whether the nearest of the known names was meant, if one is near: `did you mean `zalgo`? `.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let name = name.to_lowercase();
    // One slip for every three letters, or begun three.
    let slips = |known: &str| known.len().div_ceil(3);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&name, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= slips(known))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| format!("did you mean `{known}`? "))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 7] =
        ["raw", "async", "protocol", "callbacks", "zalgo", "after-close", "C17"];

    #[test]
    fn a_slip_of_the_hand_is_found() {
        for (name, meant) in [
            ("zalog", "zalgo"),
            ("calbacks", "callbacks"),
            ("Protocl", "protocol"),
            ("rwa", "raw"),
            ("asink", "async"),
            ("afterclose", "after-close"),
            ("c17", "C17"),
        ] {
            assert_eq!(hint(name, KNOWN), format!("did you mean `{meant}`? "), "{name}");
        }
    }

    #[test]
    fn another_word_is_not_taken_for_a_slip() {
        for name in ["foo", "zzz", "", "async-std"] {
            assert_eq!(hint(name, KNOWN), "", "{name}");
        }
    }
}
