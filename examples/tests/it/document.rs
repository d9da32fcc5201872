//! The tables of ARCHITECTURE.md, which tests hold against the code.

use std::fs;
use std::path::{Path, PathBuf};

/// A table in Markdown: its head and its rows, cell by cell.
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Returns the workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Reads the table that follows the comment `<!-- NAME -->`.
pub(crate) fn table(name: &str) -> Table {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mark = format!("\n<!-- {name} -->\n");
    let (_, after) = text.split_once(&mark).unwrap_or_else(|| panic!("no table `{name}`"));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>()
    };
    let lines = after.trim_start().lines().take_while(|line| line.starts_with('|'));
    let mut rows: Vec<_> = lines.map(cells).collect();
    let head = rows.remove(0);
    // Below the head is its rule.
    Table { head, rows: rows.split_off(1) }
}

impl Table {
    /// Returns the cell in a row and a column, by their names.
    pub(crate) fn cell(&self, row: &str, column: &str) -> &str {
        let column = self.head.iter().position(|head| head == column);
        let row = self.rows.iter().find(|cells| cells[0] == row);
        &row.unwrap_or_else(|| panic!("no such row"))[column.expect("no such column")]
    }

    /// Returns the rows.
    pub(crate) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }
}
