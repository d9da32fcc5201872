//! Sources side by side, as HTML: a row for each step, a cell for each style.
//!
//! Rule: it is read without a script and without a style sheet; the script only adds to it. There is no
//! line break in it, since an empty line of code would end a block of HTML in Markdown.

use examples::highlight::{Class, spans};
use examples::{STYLES, SideBySide, Style};

use crate::html::escaped;

/// Lays out the echo, a program, or the crossings.
pub(crate) fn compare(name: &str) -> Result<String, String> {
    let shown = SideBySide::named(name).ok_or_else(|| format!("nothing is called `{name}`"))?;
    let rows = shown.rows(&STYLES)?;
    let rows = rows.iter().map(|row| Row { name: row.name, cells: row.cells.clone() });
    Ok(table(name, &rows.collect::<Vec<_>>()))
}

/// A step in every style, or what lies between steps.
struct Row<'a> {
    name: Option<&'a str>,
    cells: Vec<Vec<&'a str>>,
}

fn table(name: &str, rows: &[Row<'_>]) -> String {
    let name = escaped(name);
    let mut text =
        format!("<div class=\"compare\" id=\"{name}\" data-columns=\"{}\">", STYLES.len());
    let mut between = 0;
    for row in rows {
        text += &match row.name {
            Some(step) => step_row(&name, step, row),
            None => {
                between += 1;
                format!(
                    "<div class=\"compare-row between\" data-row=\"{between}\">{}</div>",
                    cells(None, row)
                )
            }
        };
    }
    text + "</div>"
}

fn step_row(name: &str, step: &str, row: &Row<'_>) -> String {
    let (step, words) = (escaped(step), escaped(&step.replace(['_', '-'], " ")));
    format!(
        "<div class=\"compare-row step\" id=\"{name}-{step}\" data-step=\"{step}\">\
         <p class=\"compare-step\"><a href=\"#{name}-{step}\" title=\"Link to this step\">{words}</a></p>{}</div>",
        cells(Some(&step), row)
    )
}

fn cells(step: Option<&str>, row: &Row<'_>) -> String {
    let cell = |(style, lines): (&Style, &Vec<&str>)| {
        let name = style.name();
        let step = step.map_or(String::new(), |step| {
            format!(
                " data-step=\"{step}\" tabindex=\"0\" role=\"group\" aria-label=\"{step}, {name}\""
            )
        });
        let empty = if lines.is_empty() { " empty" } else { "" };
        format!(
            "<div class=\"compare-cell{empty}\" data-style=\"{name}\"{step}>\
             <span class=\"compare-style\">{name}</span>{}</div>",
            code(lines)
        )
    };
    STYLES.iter().zip(&row.cells).map(cell).collect()
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
                text += "&#10;</span>";
                text += &begins.next().unwrap_or_default();
            }
            text += &coloured(class, piece);
        }
    }
    if lines.is_empty() { text } else { text + "&#10;</span>" }
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
        Class::Plain => return escaped(text),
    };
    if text.is_empty() {
        String::new()
    } else {
        format!("<span class=\"{class}\">{}</span>", escaped(text))
    }
}
