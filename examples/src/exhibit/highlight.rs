//! What each word of a Rust source is, so that the terminal and the book colour it alike.
//!
//! Rule: nothing is lost. The spans, one after the other, are the source.

use std::ops::Range;

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

/// What a span of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A comment for those who read the source.
    Comment,
    /// A comment for those who read the documentation.
    Doc,
    /// A word of the language, `self` and `true` among them.
    Keyword,
    /// A lifetime, or the label of a loop.
    Lifetime,
    /// A string or a character.
    Text,
    /// A number.
    Number,
    /// A name that begins with a capital: a type, a variant, a constant.
    Type,
    /// A name that is called.
    Function,
    /// A macro that is called, without its `!`.
    Macro,
    /// All else: other names, punctuation, space.
    Plain,
}

impl Class {
    /// Returns the name by which a style sheet calls the class.
    pub fn name(self) -> &'static str {
        match self {
            Class::Comment => "comment",
            Class::Doc => "doc",
            Class::Keyword => "keyword",
            Class::Lifetime => "lifetime",
            Class::Text => "text",
            Class::Number => "number",
            Class::Type => "type",
            Class::Function => "function",
            Class::Macro => "macro",
            Class::Plain => "plain",
        }
    }
}

/// Divides a source in spans. No two neighbours are of one class.
///
/// ```
/// use examples::highlight::{Class, spans};
///
/// let spans = spans("fn f() {}");
/// assert_eq!(spans[0], (Class::Keyword, "fn"));
/// assert_eq!(spans[2], (Class::Function, "f"));
/// ```
pub fn spans(source: &str) -> Vec<(Class, &str)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    for token in tokenize(source, FrontmatterAllowed::No) {
        let end = at + token.len as usize;
        tokens.push((token.kind, at..end));
        at = end;
    }
    let mut spans: Vec<(Class, Range<usize>)> = Vec::new();
    let mut declares = false;
    for (place, (kind, range)) in tokens.iter().enumerate() {
        let text = &source[range.clone()];
        let class = match class(*kind, text, &tokens[place + 1..]) {
            // With parameters of its own it has no bracket behind it.
            Class::Plain if declares && *kind == TokenKind::Ident => Class::Function,
            Class::Number if is_field(&tokens[..place]) => Class::Plain,
            class => class,
        };
        declares = text == "fn" || declares && *kind == TokenKind::Whitespace;
        match spans.last_mut() {
            Some((last, before)) if *last == class => before.end = range.end,
            _ => spans.push((class, range.clone())),
        }
    }
    spans.into_iter().map(|(class, range)| (class, &source[range])).collect()
}

fn class(kind: TokenKind, text: &str, following: &[(TokenKind, Range<usize>)]) -> Class {
    match kind {
        TokenKind::LineComment { doc_style } | TokenKind::BlockComment { doc_style, .. } => {
            if doc_style.is_some() {
                Class::Doc
            } else {
                Class::Comment
            }
        }
        TokenKind::Lifetime { .. } | TokenKind::RawLifetime => Class::Lifetime,
        TokenKind::Literal {
            kind: LiteralKind::Int { .. } | LiteralKind::Float { .. }, ..
        } => Class::Number,
        TokenKind::Literal { .. } => Class::Text,
        TokenKind::Ident if is_keyword(text) => Class::Keyword,
        TokenKind::Ident | TokenKind::RawIdent => match following {
            // Not `name != other`.
            [(TokenKind::Bang, _), (after, _), ..] if *after != TokenKind::Eq => Class::Macro,
            _ if text.starts_with(char::is_uppercase) => Class::Type,
            [(TokenKind::OpenParen, _), ..] => Class::Function,
            _ => Class::Plain,
        },
        _ => Class::Plain,
    }
}

/// Tells whether a number is the name of a field: behind a dot that is no range.
fn is_field(before: &[(TokenKind, Range<usize>)]) -> bool {
    matches!(before, [.., (owner, _), (TokenKind::Dot, _)] if *owner != TokenKind::Dot)
}

/// The keywords of edition 2024, strict and reserved, in order.
#[rustfmt::skip]
const KEYWORDS: [&str; 53] = [
    "Self", "_", "abstract", "as", "async", "await", "become", "box", "break", "const",
    "continue", "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for",
    "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override",
    "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try",
    "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Tells whether a word cannot be a name.
fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keywords_are_those_that_a_parser_takes_for_no_name() {
        assert!(KEYWORDS.is_sorted());
        let reads = |word: &str| syn::parse_str::<syn::Ident>(word).is_ok();
        for word in KEYWORDS {
            // A parser of all editions takes this one, which came with the last, for a name.
            assert!(!reads(word) || word == "gen", "{word}");
        }
        for name in ["union", "auto", "raw", "safe", "default", "name", "r#try", "Selfish"] {
            assert!(!is_keyword(name), "{name}");
        }
    }

    /// Finds the class of the first span of a text.
    fn class_of(source: &str, text: &str) -> Class {
        let spans = spans(source);
        spans.into_iter().find(|(_, span)| *span == text).unwrap_or_else(|| panic!("{text}")).0
    }

    #[test]
    fn every_kind_of_word_has_its_class() {
        let source = "/// Says.\nasync fn say<'a>(it: &'a str) -> Option<u8> {\n    // Why.\n    \
                      print!(\"{it}\");\n    let more = it.len() != 0x1f;\n    self.0.r#try(1..22)\n}\n";
        assert_eq!(spans(source).iter().map(|(_, text)| *text).collect::<String>(), source);
        let expected = [
            ("/// Says.", Class::Doc),
            ("// Why.", Class::Comment),
            ("async", Class::Keyword),
            ("self", Class::Keyword),
            ("say", Class::Function),
            ("'a", Class::Lifetime),
            ("Option", Class::Type),
            ("print", Class::Macro),
            ("\"{it}\"", Class::Text),
            ("len", Class::Function),
            ("0x1f", Class::Number),
            (".0.", Class::Plain),
            ("22", Class::Number),
            ("r#try", Class::Function),
        ];
        for (text, class) in expected {
            assert_eq!(class_of(source, text), class, "{text}");
        }
    }

    #[test]
    fn what_is_no_rust_is_still_all_there() {
        for source in ["", "fn(", "\"open", "/* open", "'", "🦀 # \\ \u{0}", "a != b"] {
            let spans = spans(source);
            assert_eq!(spans.iter().map(|(_, text)| *text).collect::<String>(), source);
            let named =
                |(class, _): &(Class, &str)| [Class::Macro, Class::Function].contains(class);
            assert!(!spans.iter().any(named), "{spans:?}");
        }
    }
}
