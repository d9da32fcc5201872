//! What is typed by hand on a page: no figure, and no code.
//!
//! Rule: figures and code come by a directive. A digit may stand in a link, in a quotation, in the name of
//! something in `code`, in a year or a date, and in the name of a claim.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::pieces::{Piece, pieces};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Stands where something was left out, so that what is around it does not grow together.
const LEFT_OUT: &str = " \u{fffc} ";

/// Tells of every figure and every line of code that is typed by hand.
pub(super) fn faults(page: &str) -> Vec<String> {
    let text = |piece| match piece {
        Piece::Text(text) => text,
        Piece::Directive(_) => "",
    };
    let page: String = pieces(page).into_iter().map(text).collect();
    let (mut prose, mut faults) = (String::new(), Vec::new());
    // How many links and quotations we are in; the words of the fence that we are in.
    let (mut exempt, mut fence) = (0, None);
    for event in Parser::new_ext(&page, Options::all()) {
        match event {
            Event::Start(Tag::Link { .. } | Tag::BlockQuote(_)) => exempt += 1,
            Event::End(TagEnd::Link | TagEnd::BlockQuote(_)) => exempt -= 1,
            Event::Start(Tag::CodeBlock(kind)) => fence = Some(language(&kind)),
            Event::End(TagEnd::CodeBlock) => fence = None,
            Event::Text(text) => match &fence {
                Some(language) => faults.extend(in_fence(language, &text)),
                None if exempt > 0 => prose += LEFT_OUT,
                None => prose += &text,
            },
            Event::Code(code) if exempt == 0 && is_figure(&code) => {
                faults.push(format!("a figure is typed by hand: `{code}`"));
            }
            Event::Code(_) => prose += LEFT_OUT,
            Event::Html(html) | Event::InlineHtml(html) => prose += &without_tags(&html),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => prose += " ",
            _ => {}
        }
    }
    faults.extend(figures(&prose).map(|word| format!("a figure is typed by hand: {word}")));
    faults
}

/// Returns the first word behind a fence.
fn language(kind: &CodeBlockKind<'_>) -> String {
    match kind {
        CodeBlockKind::Fenced(info) => info.split(',').next().unwrap_or_default().to_owned(),
        CodeBlockKind::Indented => String::new(),
    }
}

/// Code comes from a file that the compiler reads; commands may be typed, and texts without a figure.
fn in_fence(language: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let command =
            ["$ ", "cargo ", "oneloop ", "redis-cli "].iter().any(|begin| line.starts_with(begin));
        match language {
            "rust" => faults.push(format!("code is typed by hand: {line}")),
            "console" | "sh" if command => {}
            _ => faults.extend(figures(line).map(|_| format!("a figure is typed by hand: {line}"))),
        }
    }
    faults
}

/// Tells whether what stands as code is no name but a figure, with or without a unit.
fn is_figure(code: &str) -> bool {
    let number = code.trim_start_matches(['+', '-', '~', '<', '>', '=', ' ']);
    code.len() > 1 && number.starts_with(|begin: char| begin.is_ascii_digit())
}

/// Finds the words of a text that have a digit and are no date and no claim.
fn figures(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_alphanumeric() || ".,:/%-_".contains(character);
    let words = text.split(|character| !is_part(character));
    let words = words.map(|word| word.trim_matches(|end| ".,:-/".contains(end)));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let found = words.iter().enumerate().filter(|(place, word)| {
        let beside = |at: Option<usize>| at.and_then(|at| words.get(at)).copied();
        let day = word.parse().is_ok_and(|day: u8| (1..=31).contains(&day))
            && [place.checked_sub(1), Some(place + 1)]
                .into_iter()
                .any(|at| beside(at).is_some_and(|word| MONTHS.contains(&word)));
        word.contains(|character: char| character.is_ascii_digit())
            && !(day || is_date(word) || word.split(['-', '/']).all(is_claim))
    });
    found.map(|(_, word)| *word).collect::<Vec<_>>().into_iter()
}

/// Tells whether a word is a year, a month of a year, or a day: `2016`, `2016-07`, `2016-07-02`.
fn is_date(word: &str) -> bool {
    let mut parts = word.split('-');
    let year = parts.next().filter(|year| year.len() == 4).and_then(|year| year.parse().ok());
    let rest: Vec<_> = parts.collect();
    let two_digits = |part: &&str| part.len() == 2 && part.parse::<u8>().is_ok();
    year.is_some_and(|year: u16| (1950..2050).contains(&year))
        && rest.len() <= 2
        && rest.iter().all(two_digits)
}

fn is_claim(word: &str) -> bool {
    let number = word.strip_prefix('C').unwrap_or_default();
    number.len() == 2 && number.parse::<u8>().is_ok()
}

/// Leaves out what stands between angle brackets.
fn without_tags(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        text += piece.split_once('>').map_or(piece, |(_, text)| text);
        text += " ";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_found_wherever_it_stands() {
        let found = [
            "It took 41 us.",
            "It took\n41 us.",
            "# The 2nd bug",
            "| a |\n|---|\n| 99.9 % |",
            "It took `41 us`.",
            "HTTP/2 does",
            "- one\n- 0.5 of them",
            "<p>41</p>",
            "```text\nmessages 41\n```",
            "```console\n41 messages\n```",
            "May I have 3 of them, or 32 May?",
            "```rust\nlet a = b;\n```",
        ];
        for page in found {
            assert!(!faults(page).is_empty(), "{page}");
        }
    }

    #[test]
    fn names_dates_quotations_and_what_a_directive_brings_are_no_figures() {
        let page = "C01 and C08-C13, said on 2 July 2016, July 2, 2016-07-02 or in 2015. `gh-75279`, \n\
                    [RFC 8305](https://a.b), `0`, {{#value C01.turns}} turns.\n\n> It took 41 us.\n\n1. One\n2. Two\n\n\
                    ```rust,ignore\n{{#rustdoc_include a.rs:b}}\n```\n\n```console\ncargo run -- 41\n```\n";
        assert_eq!(faults(page), [""; 0]);
    }
}
