//! What comes in the place of `{{#name argument}}` on a page.

use examples::demonstrations::{Demonstration, Detail};
use examples::{PROGRAMS, Program};

use crate::compare;
use crate::html::block;
use crate::pages::Pages;
use crate::pieces::{Directive, Piece, pieces};
use crate::sources::Sources;

/// What mdBook itself puts in the place of.
const OF_MDBOOK: [&str; 3] = ["include", "rustdoc_include", "title"];

/// Puts what each directive asks for in its place; tells of those that ask for what is not there.
pub(crate) fn expand(page: &str, sources: &Sources, pages: &Pages) -> (String, Vec<String>) {
    let Sources { claims, edition, instructions, notes, promised, .. } = sources;
    let (mut expanded, mut faults) = (String::new(), Vec::new());
    for piece in pieces(page) {
        let Directive { name, argument } = match piece {
            Piece::Text(text) => {
                expanded += text;
                continue;
            }
            Piece::Directive(directive) => directive,
        };
        let put = match name {
            "claim" => claims.claim(argument),
            "observed" => claims.observed(argument),
            "value" => claims.value(argument),
            "demo" => demo(argument),
            "program" => program(argument),
            "compare" => compare::compare(argument),
            "crossings" => Ok(compare::effects()),
            "claims" => Ok(claims.table(pages)),
            "faults" => Ok(claims.planted(pages)),
            "wrong" => Ok(claims.wrong(pages)),
            "predictions" => Ok(claims.to_come()),
            "notes" => notes.table(pages),
            "promised" => Ok(promised.tables()),
            "instructions" => Ok(instructions.tables()),
            "cite" => Ok(edition.cite()),
            name if OF_MDBOOK.contains(&name) => Ok(format!("{{{{#{name} {argument}}}}}")),
            name => Err(format!("no directive is called `{name}`")),
        };
        match put {
            Ok(put) => expanded += &put,
            Err(fault) => {
                expanded += &format!("**[{name} {argument}: {fault}]**");
                faults.push(format!("{{{{#{name} {argument}}}}}: {fault}"));
            }
        }
    }
    (expanded, faults)
}

/// Returns what a demonstration prints, as a block.
fn demo(name: &str) -> Result<String, String> {
    let demonstration = Demonstration::named(name);
    let demonstration =
        demonstration.ok_or_else(|| format!("no demonstration is called `{name}`"))?;
    let printed = demonstration.show(Detail::Long).map_err(|error| error.to_string())?;
    Ok(block(&printed))
}

/// Returns the page of a program, with its sources before the first section.
fn program(name: &str) -> Result<String, String> {
    let program = Program::named(name).ok_or_else(|| {
        let known: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        format!("no program is called `{name}`; there are {}", known.join(", "))
    })?;
    let (task, rest) = program.page.split_once("\n## ").ok_or("its page has no section")?;
    let beside = compare::compare(name)?;
    Ok(format!("{task}\n\n{beside}\n\n## {rest}"))
}
