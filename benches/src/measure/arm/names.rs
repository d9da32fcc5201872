//! What arms may be called.

use examples::Style;

use super::Arm;

/// The longest name that the tables have room for.
const NAME_LENGTH_MAX: usize = 16;

/// Checks that no two arms share a name.
///
/// # Errors
///
/// Names the first one that is taken. Files of names that differ in case alone would be one file
/// on some systems.
pub(crate) fn ensure_distinct(arms: &[Arm]) -> Result<(), String> {
    for (at, arm) in arms.iter().enumerate() {
        if arms[..at].iter().any(|other| other.name().eq_ignore_ascii_case(arm.name())) {
            return Err(format!("two peers are called `{arm}`; each needs a name of its own"));
        }
    }
    Ok(())
}

/// A name is part of file names, tags and tables.
pub(super) fn ensure_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !starts_well || !name.bytes().all(fits) || name.len() > NAME_LENGTH_MAX {
        return Err(format!(
            "a peer's name is a letter or digit and then letters, digits and -_.+, \
             {NAME_LENGTH_MAX} in all"
        ));
    }
    if Style::ALL.iter().any(|style| style.name().eq_ignore_ascii_case(name)) {
        return Err(format!("`{name}` is the name of a built-in style; call the peer otherwise"));
    }
    Ok(())
}
