//! Sources side by side, as HTML: a row for each step, a cell for each style.
//!
//! Rule: it is read without a script and without a style sheet; the script only adds to it. There is no
//! line break in it, since an empty line of code would end a block of HTML in Markdown.

use examples::anchors;
use examples::crossings::{Colour, Event, SOURCES, TABLE};
use examples::highlight::{Class, spans};
use examples::{STYLES, SideBySide, Style};

use crate::html::escaped;

/// The name by which the twelve crossings are asked for.
pub(crate) const CROSSINGS: &str = "crossings";

/// Lays out the echo, a program, or the crossings.
pub(crate) fn compare(name: &str) -> Result<String, String> {
    let names = |styles: &[Style]| styles.iter().map(Style::to_string).collect::<Vec<_>>();
    if name == CROSSINGS {
        let columns = Colour::ALL.map(|colour| format!("from {colour}")).to_vec();
        return Ok(Table { name, styles: names(&STYLES), columns, rows: crossings()? }.html());
    }
    let shown = SideBySide::named(name).ok_or_else(|| format!("nothing is called `{name}`"))?;
    let rows = shown.rows(&shown.styles())?.into_iter();
    let rows = rows.map(|row| Row { name: row.name.map(str::to_owned), cells: row.cells });
    let styles = names(&shown.styles());
    Ok(Table { name, columns: styles.clone(), styles, rows: rows.collect() }.html())
}

/// A row for each callee, a column for each caller.
fn crossings() -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for to in Colour::ALL {
        let name = format!("to_{to}");
        let mut cells = Vec::new();
        for source in SOURCES {
            let mut steps = anchors::steps(source)?.into_iter();
            let step = steps.find(|step| step.name == Some(&name));
            cells.push(step.map_or(Vec::new(), |step| briefly(&step.lines)));
        }
        rows.push(Row { name: Some(name), cells });
    }
    Ok(rows)
}

/// Makes a table of what becomes of each event at each crossing.
pub(crate) fn effects() -> String {
    let events = Event::ALL.map(Event::name).join(" | ");
    let mut text =
        format!("| from | to | {events} |\n|---|---|{}\n", "---|".repeat(Event::ALL.len()));
    for crossing in TABLE {
        let effects = Event::ALL.map(|event| crossing.effect(event).name()).join(" | ");
        text += &format!("| {} | {} | {effects} |\n", crossing.from, crossing.to);
    }
    text
}

/// Leaves of the documentation of a function what comes first, and no example.
fn briefly(lines: &[&'static str]) -> Vec<&'static str> {
    let documented = lines.iter().take_while(|line| line.starts_with("///")).count();
    let (documentation, function) = lines.split_at(documented);
    let first = documentation.iter().take_while(|line| **line != "///");
    first.chain(function).copied().collect()
}

/// Sources side by side.
struct Table<'a> {
    name: &'a str,
    /// By what the columns are chosen.
    styles: Vec<String>,
    /// What stands above them.
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// A step in every style, or what lies before, between or after the steps.
struct Row {
    name: Option<String>,
    cells: Vec<Vec<&'static str>>,
}

impl Table<'_> {
    fn html(&self) -> String {
        let name = self.name;
        let mut text = format!(
            "<div class=\"compare\" id=\"{name}-side-by-side\" style=\"--columns:{}\">",
            self.columns.len()
        );
        text += "<div class=\"compare-head\" aria-hidden=\"true\">";
        for (style, column) in self.styles.iter().zip(&self.columns) {
            text += &format!("<span data-style=\"{style}\">{column}</span>");
        }
        text += "</div>";
        for row in &self.rows {
            text += &match &row.name {
                Some(step) => format!(
                    "<div class=\"compare-row step\" id=\"{name}-{step}\" data-step=\"{step}\">\
                     <p class=\"compare-step\"><a href=\"#{name}-{step}\">{}</a></p>",
                    step.replace('_', " ")
                ),
                None => "<div class=\"compare-row between\">".to_owned(),
            };
            text += &format!("<div class=\"compare-cells\">{}</div></div>", self.cells(row));
        }
        text + "</div>"
    }

    fn cells(&self, row: &Row) -> String {
        let mut text = String::new();
        for (column, lines) in row.cells.iter().enumerate() {
            let (style, label) = (&self.styles[column], &self.columns[column]);
            let empty = if lines.is_empty() { " empty" } else { "" };
            text += &format!("<div class=\"compare-cell{empty}\" data-style=\"{style}\"");
            if let Some(step) = &row.name {
                text += &format!(" data-step=\"{step}\" tabindex=\"0\" role=\"group\"");
                text += &format!(" aria-label=\"{}, {label}\"", step.replace('_', " "));
            }
            let code = code(lines);
            text += &format!("><span class=\"compare-style\">{label}</span>{code}</div>");
        }
        text
    }
}

/// Colours the lines; one that is too long for its cell goes on under its own indentation.
fn code(lines: &[&str]) -> String {
    let source = lines.join("\n");
    let mut begins = lines.iter().map(|line| {
        let indentation = line.len() - line.trim_start().len();
        format!("<span class=\"line\" style=\"--indent:{indentation}\">")
    });
    let mut text = begins.next().unwrap_or_default();
    for (class, span) in spans(&source) {
        for (place, piece) in span.split('\n').enumerate() {
            if place > 0 {
                text += "</span>";
                text += &begins.next().expect("a line begins behind each but the last");
            }
            text += &coloured(class, piece);
        }
    }
    if text.is_empty() { text } else { text + "</span>" }
}

/// Gives a word the class by which every theme of mdBook colours it.
fn coloured(class: Class, text: &str) -> String {
    let class = match class {
        // What the colour of a function is seen by.
        Class::Keyword if ["async", "await"].contains(&text) => "hljs-keyword colour",
        Class::Keyword => "hljs-keyword",
        Class::Comment => "hljs-comment",
        Class::Doc => "hljs-comment hljs-doctag",
        Class::Lifetime => "hljs-symbol",
        Class::Text => "hljs-string",
        Class::Number => "hljs-number",
        Class::Type => "hljs-type",
        Class::Function => "hljs-title",
        Class::Macro => "hljs-built_in",
        Class::Plain => return breakable(text),
    };
    if text.is_empty() {
        return String::new();
    }
    format!("<span class=\"{class}\">{}</span>", escaped(text))
}

/// Lets a line that is too long break where a reader would: behind a bracket or `::`, before a point.
fn breakable(text: &str) -> String {
    let text = escaped(text).replace('(', "(<wbr>").replace("(<wbr>)", "()");
    let text = text.replace("::", "::<wbr>");
    if text.contains("..") { text } else { text.replace('.', "<wbr>.") }
}
