//! `oneloop list`: what can be served, run and shown, and in which styles.

use examples::demonstrations::Demonstration;
use examples::{PROGRAMS, Style};

use crate::failure::Failure;
use crate::measure::suites;
use crate::output;
use crate::report;
use crate::show::PAGES;

/// Prints the scenarios, the programs, the demonstrations and the styles, a sentence each.
pub(crate) fn run() -> Result<(), Failure> {
    let mut text =
        String::from("Scenarios\n  echo            sends back every byte that it receives\n");
    text += "\nPrograms: run, show and cost programs take them\n";
    for program in PROGRAMS {
        text += &item(program.name, program.sentence);
    }
    text += "\nPages: show takes them, and echo\n";
    for (name, sentence) in PAGES {
        text += &item(name, sentence);
    }
    text += "\nDemonstrations: demo takes them\n";
    text += &demonstrations();
    text += "\nSuites and their versions: compare takes them with --suite\n";
    text += &suites::list();
    text += "\nStyles of the loop\n";
    for style in Style::ALL {
        if style == Style::Raw {
            text += "\nBaselines\n";
        }
        text += &item(style.name(), style.sentence());
    }
    text += "\n`compare` takes fibers and smol with --all or --only, others with --peer;\n`oneloop peers` lists ready-made ones.\n";
    text += "\nTry one: oneloop serve echo --style async --listen 127.0.0.1:7000\n";
    text += "         oneloop run crawler --style callbacks\n";
    text += "         oneloop show crawler\n";
    output::print(&text)
}

/// Lists the demonstrations, a sentence each.
pub(crate) fn demonstrations() -> String {
    let all = Demonstration::ALL.iter();
    all.map(|Demonstration { name, sentence, .. }| item(name, sentence)).collect()
}

fn item(name: &str, sentence: &str) -> String {
    report::item(&format!("  {name:<15} "), sentence)
}
