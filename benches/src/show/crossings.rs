//! The page of the crossings: the code of each in a line, then what crosses.

use comfy_table::{ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};
use examples::crossings::{Colour, Crossing, Effect, Event};

use super::pieces;
use crate::output::Dress;
use crate::report::grid::{Grid, laid_out};
use crate::report::{heading, wrapped};

/// Lays out the page.
pub(crate) fn page(columns: usize, dress: Dress) -> String {
    let mut text =
        String::from("From each colour of function to each other: the caller is at the left\n");
    text += &essences(columns, dress);
    text += "The code: from_CALLER.rs in examples/src/crossings, function to_CALLEE.\n";
    text += &heading("What crosses", dress);
    text += &effects(dress);
    text += "\n";
    for line in LEGEND {
        text += &wrapped(line, "  ");
    }
    text
}

/// Columns of the first column: `from_callback.rs`, and its spaces.
const FIRST: usize = 18;

const LEGEND: [&str; 8] = [
    "- value, error: what the callee answers. crosses: the caller gets it as it is.",
    "- panic: of the callee. On the loop, the exception handler hears of each as well.",
    "- silence: the callee drops what it was to answer with. - means that it cannot: it answers by \
     ending, and only its caller can drop it.",
    "- told: the caller gets an error that says what happened. bare: one that says only that there \
     is no answer.",
    "- cancel: the caller gives up by the means of its style (a sync caller stops the loop). drop: it \
     drops what the crossing gave it (a sync caller drops the loop).",
    "- stops: the callee ends early. survives: it goes on to its end, and its answer is dropped or \
     comes late.",
    "- callback to promise, cancelled: guard the promise with a token, and it stops.",
    "- a sync function that the loop has called cannot cross: it would wait for the loop that waits \
     for it. What blocks goes to a thread (callee sync), which nothing can stop.",
];

/// The fewest columns of a cell: its longest piece of code is no longer.
const ROOM_MIN: usize = 22;

/// The code of each crossing: four by four or, where that has no room, below each other.
fn essences(columns: usize, dress: Dress) -> String {
    // What the first column and the spaces between leave to each of four.
    let room = columns.saturating_sub(FIRST + 4 * 3) / Colour::ALL.len();
    if room < ROOM_MIN { listed(columns) } else { table(columns, room, dress) }
}

fn listed(columns: usize) -> String {
    let mut text = String::new();
    for from in Colour::ALL {
        text += &format!("\nfrom {from} (from_{from}.rs)\n");
        for to in Colour::ALL {
            let code = cell(from, to, columns.saturating_sub(4));
            text += &format!("  to {to}\n");
            for line in code.trim_end().lines() {
                text += &format!("    {line}\n");
            }
        }
    }
    text.push('\n');
    text
}

fn table(columns: usize, room: usize, dress: Dress) -> String {
    let rule = if dress == Dress::Plain { '-' } else { '\u{2500}' };
    let line = LineStyle::none().fill(rule).junction(rule);
    let style = TableStyle::new()
        .header_lines(ContentLineStyle::none())
        .header_separator(line)
        .content_lines(ContentLineStyle::none());
    let mut table = Table::new();
    table
        .load_style(style)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    let header = Colour::ALL.map(|to| format!("to {to}"));
    table.set_header([String::from("from")].into_iter().chain(header));
    for from in Colour::ALL {
        let cells = Colour::ALL.map(|to| cell(from, to, room));
        table.add_row([format!("{from}\nfrom_{from}.rs")].into_iter().chain(cells));
    }
    laid_out(&table, rule)
}

fn cell(from: Colour, to: Colour, columns: usize) -> String {
    let Some(crossing) = Crossing::between(from, to) else { return same(from).to_owned() };
    let mut lines = vec![String::new()];
    for piece in pieces(crossing.essence) {
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() && line.len() + piece.trim_end().len() > columns {
            line.truncate(line.trim_end().len());
            lines.push(format!("  {}", piece.trim_start()));
        } else {
            line.push_str(piece);
        }
    }
    // A blank line below, between one caller and the next.
    lines.join("\n") + "\n "
}

/// Says how a colour calls its own.
fn same(colour: Colour) -> &'static str {
    match colour {
        Colour::Sync => "work()",
        Colour::Callback => "start(callback)",
        Colour::Promise => "promise.then(...)",
        Colour::Async => "future.await",
    }
}

fn effects(dress: Dress) -> String {
    let mut header = vec!["from", "to"];
    header.extend(Event::ALL.map(Event::name));
    let mut grid = Grid::new(&header).with_left_column(1);
    for from in Colour::ALL {
        for to in Colour::ALL {
            let Some(crossing) = Crossing::between(from, to) else { continue };
            let mut row = vec![from.to_string(), to.to_string()];
            row.extend(crossing.effects.map(Effect::name).map(str::to_owned));
            grid.add(row);
        }
    }
    grid.render(dress)
}
