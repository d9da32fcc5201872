//! Standard output that may close at any time, and what may be written to it.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};

use crate::failure::Failure;

/// The measure of every line.
pub(crate) const WIDTH: usize = 80;

/// How far the text on standard output may be dressed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dress {
    /// ASCII without escapes: pipes, files, `NO_COLOR`, dumb terminals.
    Plain,
    /// A terminal that takes colours and box characters.
    Colour,
    /// A document: headings, pipe tables, code blocks.
    Markdown,
    /// A part of a page: tables and paragraphs.
    Html,
}

impl Dress {
    /// Looks at standard output and the environment: `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`.
    pub(crate) fn of_stdout() -> Dress {
        match AutoStream::choice(&io::stdout()) {
            ColorChoice::Never => Dress::Plain,
            _ => Dress::Colour,
        }
    }
}

/// Returns the columns of the terminal that standard output is, if it is one.
pub(crate) fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Returns the rows of the terminal that standard output is, if it is one.
pub(crate) fn terminal_rows() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_row)).filter(|rows| *rows > 0)
}

/// Takes from a text what Markdown would read as markup.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\`*_[]<>|".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Returns what stands for a text in HTML.
pub(crate) fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            _ => html.push(character),
        }
    }
    html
}

/// Writes a whole text to standard output. A reader that has left is no failure: `oneloop | head`
/// ends quietly.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Refused(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error; when that fails, nothing is left to tell it to. A terminal has it
/// broken between words, a pipe in one.
pub(crate) fn complain(line: &str) {
    let text = format!("oneloop: {line}");
    let wraps = rustix::termios::tcgetwinsize(io::stderr()).is_ok();
    let broken = |line: &str| match wraps && line.len() > WIDTH {
        true => wrapped_behind("", line, "  "),
        false => format!("{line}\n"),
    };
    let text: String = text.lines().map(broken).collect();
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Breaks a paragraph into lines, the first of which begins with `head`; those after it are
/// indented.
pub(crate) fn wrapped_behind(head: &str, paragraph: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut line = head.to_owned();
    for (at, word) in paragraph.split_whitespace().enumerate() {
        if at > 0 && line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = format!("{indent}{word}");
        } else {
            if at > 0 {
                line.push(' ');
            }
            line += word;
        }
    }
    let _ = writeln!(text, "{line}");
    text
}
