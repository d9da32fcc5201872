//! A page as text and `{{#name argument}}`.

/// A directive as it stands on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directive<'a> {
    pub(crate) name: &'a str,
    pub(crate) argument: &'a str,
}

/// A piece of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Directive(Directive<'a>),
}

/// Divides a page in its text and its directives. One behind a backslash is text.
pub(crate) fn pieces(page: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut begun, mut at) = (0, 0);
    while let Some(found) = page[at..].find("{{#").map(|found| at + found) {
        let Some(length) = page[found..].find("}}") else { break };
        let end = found + length + 2;
        at = end;
        if page[..found].ends_with('\\') {
            continue;
        }
        let (name, argument) = match page[found + 3..end - 2].trim().split_once(char::is_whitespace)
        {
            Some((name, argument)) => (name, argument.trim()),
            None => (page[found + 3..end - 2].trim(), ""),
        };
        pieces.push(Piece::Text(&page[begun..found]));
        pieces.push(Piece::Directive(Directive { name, argument }));
        begun = end;
    }
    pieces.push(Piece::Text(&page[begun..]));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_divided_in_text_and_directives() {
        let directive = |name, argument| Piece::Directive(Directive { name, argument });
        assert_eq!(
            pieces("a {{#value C01.n }} b {{#cite}}"),
            [
                Piece::Text("a "),
                directive("value", "C01.n"),
                Piece::Text(" b "),
                directive("cite", ""),
                Piece::Text(""),
            ]
        );
        assert_eq!(pieces("a \\{{#value}} {{#"), [Piece::Text("a \\{{#value}} {{#")]);
    }
}
