//! `oneloop list`: what can be served, run and shown, and in which styles.

use examples::demonstrations::Demonstration;
use examples::{PROGRAMS, Style};

use crate::failure::Failure;
use crate::output;

/// Prints the scenarios, the programs, the demonstrations and the styles, a sentence each.
pub(crate) fn run() -> Result<(), Failure> {
    let mut text = String::from("Scenarios\n  echo       sends back every byte that it receives\n");
    text += "\nPrograms\n";
    for program in PROGRAMS {
        text += &format!("  {:<15} {}\n", program.name, program.sentence);
    }
    text += "\nDemonstrations\n";
    for Demonstration { name, sentence, .. } in Demonstration::ALL {
        text += &format!("  {name:<15} {sentence}\n");
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
    text += "         oneloop run crawler --style callbacks\n";
    text += "         oneloop show crawler\n";
    output::print(&text)
}
