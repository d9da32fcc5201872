//! One table, laid out for a pipe, for a terminal or as Markdown.

use comfy_table::{
    Attribute, Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table,
    TableStyle,
};

use crate::output::{self, Dress};

/// A header and rows. The first column is aligned to the left, the others to the right.
#[derive(Debug)]
pub(crate) struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// A further column of words.
    left: Option<usize>,
}

impl Grid {
    /// Begins a table without rows.
    pub(crate) fn new(header: &[&str]) -> Grid {
        let header = header.iter().map(|&name| name.to_owned()).collect();
        Grid { header, rows: Vec::new(), left: None }
    }

    /// Aligns one more column to the left.
    pub(crate) fn with_left_column(self, column: usize) -> Grid {
        Grid { left: Some(column), ..self }
    }

    /// Adds a row, which has as many cells as the header.
    pub(crate) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Lays the table out.
    pub(crate) fn render(self, dress: Dress) -> String {
        match dress {
            Dress::Plain => self.ruled('-', dress),
            Dress::Colour => self.ruled('\u{2500}', dress),
            Dress::Markdown => self.markdown(),
            Dress::Html => self.html(),
        }
    }

    fn is_left(&self, column: usize) -> bool {
        column == 0 || self.left == Some(column)
    }

    /// A rule below the header and nothing else: what is compared stands close together.
    fn ruled(&self, rule: char, dress: Dress) -> String {
        let blank = ContentLineStyle::none();
        let header = LineStyle::none().fill(rule).junction(rule);
        let style =
            TableStyle::new().header_lines(blank).header_separator(header).content_lines(blank);
        let mut table = Table::new();
        match dress {
            Dress::Colour => table.load_style(style).enforce_styling(),
            _ => table.load_style(style).force_no_tty(),
        };
        // What has no room beside the others on a terminal goes on below itself; a pipe has room.
        if let Some(columns) = output::terminal_width() {
            let columns = u16::try_from(columns).unwrap_or(u16::MAX);
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
        }
        table.set_header(self.header.iter().map(|name| {
            let cell = Cell::new(name).set_alignment(CellAlignment::Right);
            if dress == Dress::Colour { cell.add_attribute(Attribute::Bold) } else { cell }
        }));
        for (at, column) in table.column_iter_mut().enumerate() {
            let left = self.is_left(at);
            column.set_cell_alignment(if left {
                CellAlignment::Left
            } else {
                CellAlignment::Right
            });
        }
        for row in &self.rows {
            table.add_row(row.iter().map(Cell::new));
        }
        laid_out(&table, rule)
    }

    fn html(&self) -> String {
        // Wide tables move under the finger, and by keys.
        let mut text = String::from("<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead><tr>");
        for (at, name) in self.header.iter().enumerate() {
            let left = if self.is_left(at) { " class=\"left\"" } else { "" };
            // An empty heading is none.
            let (open, close) =
                if name.is_empty() { ("td", "td") } else { ("th scope=\"col\"", "th") };
            let name = output::html(name).replace('\n', "<br>");
            text += &format!("<{open}{left}>{name}</{close}>");
        }
        text += "</tr></thead>\n<tbody>\n";
        for row in &self.rows {
            text += "<tr>";
            for (at, cell) in row.iter().enumerate() {
                let cell = output::html(cell);
                text += &match (at, self.is_left(at)) {
                    (0, _) => format!("<th scope=\"row\">{cell}</th>"),
                    (_, true) => format!("<td class=\"left\">{cell}</td>"),
                    _ => format!("<td>{cell}</td>"),
                };
            }
            text += "</tr>\n";
        }
        text + "</tbody>\n</table>\n</div>\n"
    }

    fn markdown(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let cell = |text: &String| output::escaped(&text.replace('\n', " "));
        let rule = |at| if self.is_left(at) { "---" } else { "--:" }.to_owned();
        let mut text = line(&mut self.header.iter().map(cell));
        text += &line(&mut (0..self.header.len()).map(rule));
        for row in &self.rows {
            text += &line(&mut row.iter().map(cell));
        }
        // What follows would be read as one more row.
        text.push('\n');
        text
    }
}

/// Lays a table out, its rule no longer than its longest line.
pub(crate) fn laid_out(table: &Table, rule: char) -> String {
    let text = table.trim_fmt();
    let is_rule = |line: &&str| line.chars().all(|character| character == rule);
    let width = text.lines().filter(|line| !is_rule(line)).map(|line| line.chars().count()).max();
    let cut = |line: &str| match width {
        Some(width) if is_rule(&line) => line.chars().take(width).collect::<String>() + "\n",
        _ => format!("{line}\n"),
    };
    text.lines().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(&["", "load", "CPU\nus"]).with_left_column(1);
        grid.add(vec!["raw".into(), "1 idle".into(), "1.25".into()]);
        grid.add(vec!["a|b".into(), "64 busy".into(), "-".into()]);
        grid
    }

    #[test]
    fn markdown_has_one_line_a_row_and_tells_the_alignment() {
        let expected = "|  | load | CPU us |\n| --- | --- | --: |\n| raw | 1 idle | 1.25 |\n\
                        | a\\|b | 64 busy | - |\n\n";
        assert_eq!(grid().render(Dress::Markdown), expected);
    }

    #[test]
    fn a_pipe_gets_aligned_ascii() {
        let text = grid().render(Dress::Plain);
        assert!(text.is_ascii());
        assert!(text.lines().any(|line| line.contains("raw") && line.ends_with("1.25")), "{text}");
    }
}
