//! The page of virality: what changes when the leaf of a program must wait.

use examples::crossings::virality::changes;

use crate::output::Dress;
use crate::report::grid::Grid;

/// Lays out the page.
pub(crate) fn page(dress: Dress) -> String {
    let mut grid = Grid::new(&["style", "signatures", "tokens", "added", "removed", "% changed"]);
    for change in changes() {
        let signatures = format!("{} of {}", change.signatures.len(), change.functions);
        let share = 100 * (change.added + change.removed) / change.tokens;
        let counts = [change.tokens, change.added, change.removed, share];
        let mut row = vec![change.name, signatures];
        row.extend(counts.map(|count| count.to_string()));
        grid.add(row);
    }
    let mut text = String::from("A program eight calls deep, when its leaf must wait\n");
    text += &grid.render(dress);
    text += "The code: examples/src/crossings/virality; it starts from before.rs, with a core\n";
    text += "that does no input from sans_io_before.rs. Comments and `use` lines are not\n";
    text += "counted.\n";
    text
}
