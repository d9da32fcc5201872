//! Text as HTML.

/// Escapes a text for HTML, in an attribute as well.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Makes inline code of what a text has between backticks; the rest is escaped.
pub(crate) fn with_code(text: &str) -> String {
    let pieces = text.split('`').map(escaped).enumerate();
    pieces
        .map(|(place, piece)| if place % 2 == 1 { format!("<code>{piece}</code>") } else { piece })
        .collect()
}

/// Makes a block of what a program printed.
pub(crate) fn block(printed: &str) -> String {
    format!("``````text\n{}\n``````\n", printed.trim_end())
}
