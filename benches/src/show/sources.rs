//! The sources of a program side by side: equal steps in one row, as many styles as have room.
//!
//! Rule: nothing is lost. A line that is too long goes on below itself, behind a mark. What stands
//! before the first step, such as imports, comes last: the program is what a reader opens the page for.

use anstyle::{AnsiColor, Style as Paint};
use examples::highlight::{Class, spans};
use examples::{Row, SideBySide, Style};

use super::pieces;
use crate::nearest;
use crate::output::Dress;
use crate::report::item;

/// The fewest columns in which code is still read and not deciphered.
const COLUMN_MIN: usize = 48;

/// What stands between two columns.
const GAP: usize = 3;

/// How far a line that goes on below itself is moved to the right.
const CONTINUED_INDENT: usize = 4;

/// What stands before what goes on of a line.
const MARK: [char; 2] = ['>', ' '];

/// A line of code, each character with its class.
type Line = Vec<(Class, char)>;

/// Lays out the page, or one step of it.
///
/// # Errors
/// When there is no such step, or a source has a wrong anchor.
pub(crate) fn page(
    shown: &SideBySide,
    styles: &[Style],
    step: Option<&str>,
    (columns, dress): (usize, Dress),
) -> Result<String, String> {
    let per_row = styles_in_a_row(styles.len(), columns);
    let width = (columns - GAP * (per_row - 1)) / per_row;
    let mut text = item(&format!("{} ", shown.name), shown.sentence);
    for row in rows(shown, styles, step)? {
        let beside: Vec<_> = styles.iter().zip(&row.cells).collect();
        for beside in beside.chunks(per_row) {
            if beside.iter().any(|(_, lines)| !lines.is_empty()) {
                text.push('\n');
                text += &rules(&row, beside, width, dress);
                text += &code(beside, width, dress);
            }
        }
    }
    Ok(text)
}

/// Returns the rows in the order of the page: what is before the first step comes last.
fn rows(shown: &SideBySide, styles: &[Style], step: Option<&str>) -> Result<Vec<Row>, String> {
    let mut rows = shown.rows(styles)?;
    let Some(step) = step else {
        let first_step = rows.iter().position(|row| row.name.is_some()).unwrap_or(0);
        rows.rotate_left(first_step);
        return Ok(rows);
    };
    let names: Vec<_> = rows.iter().filter_map(|row| row.name).collect();
    if !names.contains(&step) {
        let hint = nearest::hint(step, names.iter().copied());
        let steps = names.join(", ");
        return Err(format!("{} has no step `{step}`; {hint}its steps are {steps}", shown.name));
    }
    rows.retain(|row| row.name == Some(step));
    Ok(rows)
}

/// Returns how many styles stand in a row; where not all have room, the rows are alike.
fn styles_in_a_row(styles: usize, columns: usize) -> usize {
    let room = ((columns + GAP) / (COLUMN_MIN + GAP)).clamp(1, styles);
    styles.div_ceil(styles.div_ceil(room))
}

/// Heads each column with the step and the style: the place of the anchor.
fn rules(row: &Row, beside: &[(&Style, &Vec<&str>)], width: usize, dress: Dress) -> String {
    let (dash, crossing) = if dress == Dress::Plain { ("-", "-+-") } else { ("─", "─┼─") };
    let rules = beside.iter().map(|(style, _)| {
        let step = row.name.map(|name| format!("{name}, ")).unwrap_or_default();
        let head = format!("{dash}{dash} {step}{style} ");
        let rest = dash.repeat(width.saturating_sub(head.chars().count()));
        painted(Paint::new().bold(), &format!("{head}{rest}"), dress)
    });
    rules.collect::<Vec<_>>().join(&painted(Paint::new().bold(), crossing, dress)) + "\n"
}

fn code(beside: &[(&Style, &Vec<&str>)], width: usize, dress: Dress) -> String {
    let wall = match dress {
        Dress::Plain | Dress::Markdown | Dress::Html => " | ".to_owned(),
        Dress::Colour => painted(Paint::new().dimmed(), " │ ", dress),
    };
    let columns: Vec<Vec<Line>> = beside.iter().map(|(_, lines)| column(lines, width)).collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for at in 0..height {
        let cells = columns.iter().map(|column| {
            let line = column.get(at).map(Vec::as_slice).unwrap_or_default();
            coloured(line, dress) + &" ".repeat(width.saturating_sub(line.len()))
        });
        text += cells.collect::<Vec<_>>().join(&wall).trim_end();
        text.push('\n');
    }
    text
}

/// Cuts the code of a step to the width of a column.
fn column(lines: &[&str], width: usize) -> Vec<Line> {
    let code = lines.join("\n");
    let classes = spans(&code).into_iter();
    let characters = classes.flat_map(|(class, text)| text.chars().map(move |char| (class, char)));
    let characters: Line = characters.collect();
    let mut column = Vec::new();
    for line in characters.split(|(_, character)| *character == '\n') {
        wrap(line, width, &mut column);
    }
    column
}

/// Adds a line to a column, on as many lines as it needs.
fn wrap(line: &[(Class, char)], width: usize, column: &mut Vec<Line>) {
    let text: String = line.iter().map(|(_, character)| character).collect();
    let own = text.len() - text.trim_start().len();
    // However deep a line lies, what goes on of it has half of the column.
    let indent = (own + CONTINUED_INDENT).min(width / 2);
    let room = width - indent - MARK.len();
    let mut laid = Line::new();
    let mut rest = line;
    for length in pieces(&text).into_iter().flat_map(|piece| lengths(piece, room)) {
        let (piece, later) = rest.split_at(length);
        // The space after the last word of a line needs no room.
        let visible = piece.len() - piece.iter().rev().take_while(|(_, it)| *it == ' ').count();
        if laid.len() + visible > width {
            column.push(without_end(laid));
            laid = vec![(Class::Plain, ' '); indent];
            laid.extend(MARK.map(|character| (Class::Comment, character)));
        }
        laid.extend(piece);
        rest = later;
    }
    column.push(without_end(laid));
}

/// Returns the lengths of a piece of code, cut where no column would have room for all of it.
fn lengths(piece: &str, room: usize) -> Vec<usize> {
    let length = piece.chars().count();
    (0..length).step_by(room).map(|begun| room.min(length - begun)).collect()
}

/// Takes away the spaces that cannot be seen.
fn without_end(mut line: Line) -> Line {
    while line.last().is_some_and(|(_, character)| *character == ' ') {
        line.pop();
    }
    line
}

fn coloured(line: &[(Class, char)], dress: Dress) -> String {
    let runs = line.chunk_by(|(one, _), (other, _)| one == other);
    let texts = runs.map(|run| {
        let text: String = run.iter().map(|(_, character)| character).collect();
        painted(paint(run[0].0), &text, dress)
    });
    texts.collect()
}

fn paint(class: Class) -> Paint {
    let colour = |colour: AnsiColor| colour.on_default();
    match class {
        Class::Comment | Class::Doc => Paint::new().dimmed(),
        Class::Keyword => colour(AnsiColor::Magenta),
        Class::Lifetime | Class::Macro => colour(AnsiColor::Cyan),
        Class::Text | Class::Number => colour(AnsiColor::Green),
        Class::Type => colour(AnsiColor::Yellow),
        Class::Function => colour(AnsiColor::Blue),
        Class::Plain => Paint::new(),
    }
}

fn painted(paint: Paint, text: &str, dress: Dress) -> String {
    match dress {
        Dress::Colour => format!("{paint}{text}{paint:#}"),
        Dress::Plain | Dress::Markdown | Dress::Html => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use examples::STYLES;

    use super::*;

    /// Reads a page again: the code of each style, without spaces, headings and marks.
    fn code_of(page: &str, width: usize, per_row: usize) -> Vec<String> {
        let mut code = vec![String::new(); STYLES.len()];
        let mut first = 0;
        for line in page.lines().skip(1) {
            let line: Vec<char> = line.chars().collect();
            for (at, cell) in line.chunks(width + GAP).enumerate() {
                let cell: String = cell.iter().take(width).collect();
                let cell = cell.trim();
                if let Some(head) = cell.strip_prefix("-- ") {
                    let style = head.trim_end_matches('-').split_whitespace().last().unwrap();
                    let style = STYLES.iter().position(|known| known.name() == style).unwrap();
                    assert_eq!(style % per_row, at);
                    first = style - at;
                } else {
                    let cell = cell.strip_prefix("> ").unwrap_or(cell);
                    code[first + at].extend(cell.chars().filter(|it| !it.is_whitespace()));
                }
            }
        }
        code
    }

    #[test]
    fn nothing_of_any_program_is_lost_at_any_width() {
        for shown in SideBySide::all() {
            for (columns, per_row) in [(40, 1), (80, 1), (100, 2), (210, 4), (431, 4)] {
                let page = page(&shown, &STYLES, None, (columns, Dress::Plain)).unwrap();
                let width = (columns - GAP * (per_row - 1)) / per_row;
                let widest = page.lines().skip(1).map(|line| line.chars().count()).max();
                assert!(widest.unwrap() <= columns, "{columns}:\n{page}");
                for (code, source) in code_of(&page, width, per_row).iter().zip(shown.sources) {
                    let (before, steps) = source.split_once("// ANCHOR").unwrap();
                    let lines = steps.lines().skip(1).chain(before.lines());
                    let lines = lines.filter(|line| !line.contains("// ANCHOR"));
                    let all: String = lines.flat_map(str::split_whitespace).collect();
                    assert_eq!(*code, all, "{} on {columns}", shown.name);
                }
            }
        }
    }

    #[test]
    fn equal_steps_begin_on_one_line() {
        let proxy = SideBySide::named("proxy").unwrap();
        let page = page(&proxy, &STYLES, None, (210, Dress::Plain)).unwrap();
        for step in ["accept", "pump", "end"] {
            let row = |line: &&str| line.starts_with(&format!("-- {step}, threads -"));
            let row = page.lines().find(row).unwrap();
            for style in ["callbacks", "promises", "async"] {
                assert!(row.contains(&format!("-- {step}, {style} -")), "{row}");
            }
        }
        assert!(!page.contains("ANCHOR"));
    }

    #[test]
    fn a_page_opens_on_the_first_step_and_may_be_one_step() {
        let proxy = SideBySide::named("proxy").unwrap();
        let shown = |step| page(&proxy, &STYLES, step, (210, Dress::Plain));
        let whole = shown(None).unwrap();
        let first = whole.lines().nth(2).unwrap().split(',').next().unwrap();
        assert!(shown(first.strip_prefix("-- ")).is_ok(), "{first}");
        let pump = shown(Some("pump")).unwrap();
        assert!(pump.contains("-- pump, async -") && !pump.contains("accept, "), "{pump}");
        let refused = shown(Some("pumb")).unwrap_err();
        assert!(refused.contains("did you mean `pump`?"), "{refused}");
    }

    #[test]
    fn a_line_goes_on_behind_a_mark_deeper_than_it_began() {
        let laid = |line: &str, width| {
            let lines = column(&[line], width).into_iter();
            lines.map(|line| line.into_iter().map(|(_, it)| it).collect()).collect::<Vec<String>>()
        };
        assert_eq!(
            laid("    let name = call(one, two);", 24),
            ["    let name = call(one,", "        > two);"]
        );
        assert_eq!(laid("abcdefghij", 8), ["abcdefgh", "    > ij"]);
        assert_eq!(laid("", 8), [""]);
    }

    #[test]
    fn styles_have_a_row_or_equal_rows() {
        let per_row = [60, 98, 99, 150, 200, 201].map(|columns| styles_in_a_row(4, columns));
        assert_eq!(per_row, [1, 1, 2, 2, 2, 4]);
        assert_eq!(styles_in_a_row(3, 150), 3);
    }

    #[test]
    fn only_a_dressed_page_has_escapes() {
        let echo = SideBySide::named("echo").unwrap();
        let page = |dress| page(&echo, &[Style::Async], None, (80, dress)).unwrap();
        assert!(!page(Dress::Plain).contains('\u{1b}'));
        let dressed = page(Dress::Colour);
        assert!(dressed.contains("\u{1b}[35masync\u{1b}[0m"), "{dressed}");
    }
}
