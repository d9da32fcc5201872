//! `oneloop list`: what can be served and run, and in which styles.

use examples::{PROGRAMS, Style};

use crate::failure::Failure;
use crate::output;

/// Prints the scenarios, the programs and the styles, a sentence each.
pub(crate) fn run() -> Result<(), Failure> {
    let mut text = String::from("Scenarios\n  echo       sends back every byte that it receives\n");
    text += "\nPrograms\n";
    for program in PROGRAMS {
        text += &format!("  {:<14} {}\n", program.name, program.sentence);
    }
    text += "\nStyles of the loop\n";
    for style in Style::ALL {
        if style == Style::Raw {
            text += "\nBaselines\n";
        }
        text += &format!("  {style:<10} {}\n", style.sentence());
    }
    text += "\n`compare` takes protocol and smol with --all or --only, others with --peer.\n";
    text += "\nTry one: oneloop serve echo --style async --listen 127.0.0.1:7000\n";
    text += "            oneloop run crawler --style callbacks\n";
    output::print(&text)
}
