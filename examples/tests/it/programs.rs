//! What all programs have in common: the same steps in every style, a bug that is kept, a page.

use std::collections::BTreeSet;

use examples::{PROGRAMS, Program, SideBySide, Style, anchors};
use syn::visit::{self, Visit};

/// The most lines that a program has in any style.
const PROGRAM_LINES_MAX: usize = 250;

/// Names the steps of a source in their order.
fn steps<'a>(program: &Program, source: &'a str) -> Vec<&'a str> {
    let steps = anchors::steps(source).unwrap_or_else(|fault| panic!("{}: {fault}", program.name));
    steps.into_iter().filter_map(|step| step.name).collect()
}

/// Returns how a program is written, by styles.
fn sources(program: &Program) -> Vec<(Style, &'static str)> {
    let shown = SideBySide::named(program.name).unwrap();
    program.styles().into_iter().map(|style| (style, shown.source(style).unwrap())).collect()
}

#[test]
fn there_are_six_with_names_in_order_and_a_sentence_each() {
    let names: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.is_sorted());
    for program in PROGRAMS {
        assert!(Program::named(program.name).is_some_and(|found| found.name == program.name));
        assert!(program.sentence.len() < 100 && !program.sentence.ends_with('.'));
    }
    assert!(Program::named("life").is_none());
}

#[test]
fn every_style_of_a_program_has_the_same_steps_in_the_same_order() {
    for program in PROGRAMS {
        let [first, ..] = program.sources.map(|source| steps(program, source));
        assert!(first.len() >= 3, "{}: {first:?}", program.name);
        for (style, source) in sources(program) {
            assert_eq!(first, steps(program, source), "{} in {style}", program.name);
        }
    }
}

#[test]
fn no_style_of_a_program_is_longer_than_can_be_read() {
    for program in PROGRAMS {
        for (style, source) in sources(program) {
            let lines = source.lines().count();
            assert!(lines <= PROGRAM_LINES_MAX, "{} in {style}: {lines} lines", program.name);
        }
    }
}

/// Finds anchors that lie in the body of a function.
struct Bodies<'a> {
    anchored: &'a BTreeSet<usize>,
    within: Vec<String>,
}

impl Bodies<'_> {
    fn look(&mut self, name: &syn::Ident, block: &syn::Block) {
        let span = block.brace_token.span;
        let (first, last) = (span.open().start().line, span.close().end().line);
        if self.anchored.range(first..=last).next().is_some() {
            self.within.push(name.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Bodies<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.look(&function.sig.ident, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.look(&function.sig.ident, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}

#[test]
fn no_anchor_lies_in_a_body() {
    for program in PROGRAMS {
        for (_style, source) in sources(program) {
            let lines = source.lines().enumerate();
            let anchors = lines.filter(|(_, line)| line.trim().starts_with("// ANCHOR"));
            let anchored = anchors.map(|(number, _)| number + 1).collect();
            let mut bodies = Bodies { anchored: &anchored, within: Vec::new() };
            bodies.visit_file(&syn::parse_file(source).unwrap());
            assert!(bodies.within.is_empty(), "{}: {:?}", program.name, bodies.within);
        }
    }
}

#[test]
fn each_keeps_a_bug_and_has_a_page_that_names_it() {
    for program in PROGRAMS {
        let (file, source) = program.naive;
        assert!(file.starts_with("naive_") && source.starts_with("//!"), "{file}");
        assert!(program.page.starts_with("# "), "{}", program.name);
        assert!(program.page.contains(file), "the page of {} says nothing of {file}", program.name);
        let bugs = program.page.split("## The typical bug\n").nth(1).expect("there is one");
        for style in ["threads", "callbacks", "promises", "async"] {
            let of_style = format!("\n- {style}: ");
            assert!(bugs.contains(&of_style), "{} has no bug of {style}", program.name);
        }
    }
}

/// Where callbacks are closures, they are shown as an expert of protocols would write them, too.
#[test]
fn what_serves_is_written_as_a_protocol_and_is_beside_the_closures() {
    for program in PROGRAMS {
        let serves = ["chat", "key-value", "proxy"].contains(&program.name);
        let written =
            sources(program).iter().any(|(_, source)| source.contains("impl Protocol for "));
        assert_eq!(written, serves, "{}", program.name);
        let beside =
            program.styles().windows(2).any(|it| it == [Style::Callbacks, Style::Protocol]);
        assert_eq!(beside, program.protocol.is_some(), "{}", program.name);
    }
}

/// What a page tells, in this order: the task, four styles, the bug, the price.
#[test]
fn every_page_tells_of_the_task_each_style_the_bug_and_the_price() {
    for program in PROGRAMS {
        let page = program.page;
        let place = |mark: &str| {
            let found = page.match_indices(mark).map(|(at, _)| at).collect::<Vec<_>>();
            assert_eq!(found.len(), 1, "{mark} on the page of {}", program.name);
            found[0]
        };
        let marks = [
            "## What is easy and hard\n",
            "**Threads.**",
            "**Callbacks.**",
            "**Promises.**",
            "**Async.**",
            "## The typical bug\n",
            "## What it costs\n",
            "<!-- cost:begin -->\n",
            "<!-- cost:end -->\n",
        ];
        assert!(marks.map(place).is_sorted(), "{}", program.name);
        // A sentence at least is before the first heading of its own.
        assert!(place(marks[0]) > 200, "{} has no task", program.name);
        assert!(page.lines().all(|line| line.chars().count() <= 110), "{}", program.name);
    }
}

#[test]
fn each_takes_no_flag_at_all() {
    for program in PROGRAMS {
        let command = (program.flags)(clap::Command::new(program.name));
        command.clone().debug_assert();
        assert!(command.try_get_matches_from([program.name]).is_ok(), "{}", program.name);
    }
}
