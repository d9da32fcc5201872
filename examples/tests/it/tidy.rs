//! The measure of the house, kept by a test: mirrors, arrows, lengths.

use std::fs;
use std::path::{Path, PathBuf};

use examples::Style;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::document;

const CRATES: [&str; 7] =
    ["loop-core", "api-callbacks", "api-promises", "api-async", "examples", "benches", "essays"];

const FILE_LINES_MAX: usize = 300;
const FUNCTION_LINES_MAX: usize = 45;
const PARAMETERS_MAX: usize = 5;
const ECHO_COLUMNS_MAX: usize = 80;

/// What the table of differences names that is no wing's own.
const NOT_THE_WINGS: [&str; 3] = ["io::Result", "io::Error", "Cancelled"];

/// The files that every wing has show the same public names in the same order.
#[test]
fn the_wings_are_mirrors() {
    for row in document::table("mirror").rows() {
        let (file, names) = (&row[0], row[1].split_whitespace().collect::<Vec<_>>());
        for style in Style::WINGS {
            let path = document::root().join(format!("api-{style}/src/{file}"));
            let public = public_names(&parse(&path));
            let common: Vec<_> =
                public.iter().filter(|name| names.contains(&name.as_str())).collect();
            assert_eq!(common, names.iter().collect::<Vec<_>>(), "{}", path.display());
        }
    }
}

/// What the wings do not share on purpose is there, with a reason; a method that one wing alone is said to
/// have, no other has.
#[test]
fn the_wings_differ_where_the_table_says() {
    let public = Style::WINGS.map(|style| {
        let paths = sources_of(&format!("api-{style}/src"));
        paths.iter().flat_map(|path| public_names(&parse(path))).collect::<Vec<_>>()
    });
    let has = |wing: usize, name: &str| {
        let method = format!("::{name}");
        public[wing].iter().any(|known| known == name || known.ends_with(&method))
    };
    let text = fs::read_to_string(document::root().join("ARCHITECTURE.md")).unwrap();
    let (_, table) = text.split_once("\n<!-- differences -->\n").unwrap();
    let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 8, "{} rows", rows.len());
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 5 && !cells[4].is_empty(), "a reason is missing: {row}");
        for (wing, cell) in cells[1..4].iter().enumerate() {
            for name in cell.split('`').skip(1).step_by(2) {
                assert!(has(wing, name) || NOT_THE_WINGS.contains(&name), "{name}: {row}");
                let mut others = (0..3).filter(|other| *other != wing);
                let alone = name.contains("::") && !NOT_THE_WINGS.contains(&name);
                assert!(
                    !alone || !others.any(|other| has(other, name)),
                    "{name} is elsewhere, too"
                );
            }
        }
    }
}

/// The README shows code that the compiler has read.
#[test]
fn the_readme_shows_the_code_that_is_there() {
    let readme = fs::read_to_string(document::root().join("README.md")).unwrap();
    let blocks: Vec<_> = readme.split("```rust\n").skip(1).collect();
    assert_eq!(blocks.len(), Style::WINGS.len());
    for (block, style) in blocks.into_iter().zip(Style::WINGS) {
        let (block, _) = block.split_once("```").unwrap();
        let (comment, code) = block.split_once('\n').unwrap();
        assert!(comment.starts_with(&format!("// api-{style}: ")), "{comment}");
        let read = |name: &str| {
            fs::read_to_string(document::root().join(format!("api-{style}")).join(name)).unwrap()
        };
        assert!(read("src/echo.rs").contains(code), "{style}:\n{code}");
        assert!(read("README.md").contains(code), "{style}:\n{code}");
    }
}

/// What is read first is short: a front page, how to take part, and a page for each crate.
#[test]
fn what_is_read_first_keeps_its_length() {
    let mut pages: Vec<_> = [("README.md", 120), ("ARCHITECTURE.md", 160), ("CONTRIBUTING.md", 70)]
        .map(|(name, most)| (name.to_owned(), most))
        .into();
    pages.extend(
        CRATES
            .iter()
            .filter(|name| **name != "essays")
            .map(|name| (format!("{name}/README.md"), 30)),
    );
    for (name, most) in pages {
        let text = fs::read_to_string(document::root().join(&name)).unwrap();
        let lines = text.lines().count();
        assert!(lines <= most, "{name}: {lines} lines, of {most} at most");
    }
}

/// No wing depends on another, and the ground floor on none.
#[test]
fn arrows_point_down() {
    let manifest = |name: &str| {
        let text = fs::read_to_string(document::root().join(name).join("Cargo.toml")).unwrap();
        let (_, dependencies) = text.split_once("[dependencies]").unwrap();
        dependencies.split("[dev-dependencies]").next().unwrap().to_owned()
    };
    let below = |name: &str, allowed: &[&str]| {
        let dependencies = manifest(name);
        for other in CRATES {
            let named = dependencies.lines().any(|line| line.starts_with(other));
            assert!(!named || allowed.contains(&other), "{name} depends on {other}");
        }
    };
    below("loop-core", &[]);
    for style in Style::WINGS {
        below(&format!("api-{style}"), &["loop-core"]);
    }
    below("examples", &["loop-core", "api-callbacks", "api-promises", "api-async"]);
    below("essays", &["examples"]);
}

/// Every crate is under the workspace's lints, which forbid unsafe code.
#[test]
fn no_crate_escapes_the_lints() {
    for name in CRATES {
        let text = fs::read_to_string(document::root().join(name).join("Cargo.toml")).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{name}");
    }
    let workspace = fs::read_to_string(document::root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
}

/// A reader of the loop is told of every file of it, in an order.
#[test]
fn every_module_of_the_loop_is_in_its_reading_order() {
    let text = fs::read_to_string(document::root().join("loop-core/src/lib.rs")).unwrap();
    let (_, order) = text.split_once("//! # Reading order").unwrap();
    let (order, _) = order.split_once("//! #").unwrap();
    for path in sources_of("loop-core/src") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !["lib", "mod"].contains(&name.as_str()) {
            assert!(order.contains(&format!("`{name}`")), "`{name}` is missing");
        }
    }
}

#[test]
fn files_and_functions_keep_the_measure() {
    let mut faults = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(document::root()).unwrap().display().to_string();
        if text.lines().count() > FILE_LINES_MAX {
            faults.push(format!("{place}: {} lines", text.lines().count()));
        }
        if !text.starts_with("//!") {
            faults.push(format!("{place}: no sentence on what lives here"));
        }
        if place.ends_with("src/echo.rs") {
            let wide = text.lines().filter(|line| line.chars().count() > ECHO_COLUMNS_MAX);
            faults.extend(wide.map(|line| format!("{place}: wider than 80: {line}")));
        }
        let mut functions = Functions { place, faults: &mut faults };
        functions.visit_file(&syn::parse_file(&text).unwrap());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Finds functions that are too long or take too much.
struct Functions<'a> {
    place: String,
    faults: &'a mut Vec<String>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, span: proc_macro2::Span) {
        let lines = span.end().line - span.start().line + 1;
        let name = &signature.ident;
        if lines > FUNCTION_LINES_MAX {
            self.faults.push(format!("{}: `{name}` has {lines} lines", self.place));
        }
        if signature.inputs.len() > PARAMETERS_MAX {
            let count = signature.inputs.len();
            self.faults.push(format!("{}: `{name}` takes {count} parameters", self.place));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, function.block.span());
        visit::visit_impl_item_fn(self, function);
    }
}

/// Returns every source file of the workspace.
fn sources() -> Vec<PathBuf> {
    let files: Vec<_> = CRATES.iter().flat_map(|name| sources_of(name)).collect();
    assert!(files.len() > 50, "{} files", files.len());
    files
}

/// Returns every source file in a folder of the workspace, and below it.
fn sources_of(folder: &str) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![document::root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn parse(path: &Path) -> syn::File {
    syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Lists the public names of a file in their order; a method's is `Type::method`.
fn public_names(file: &syn::File) -> Vec<String> {
    let is_public = |visibility: &syn::Visibility| matches!(visibility, syn::Visibility::Public(_));
    let mut names = Vec::new();
    for item in &file.items {
        match item {
            syn::Item::Fn(item) if is_public(&item.vis) => names.push(item.sig.ident.to_string()),
            syn::Item::Struct(item) if is_public(&item.vis) => names.push(item.ident.to_string()),
            syn::Item::Impl(item) if item.trait_.is_none() => {
                let syn::Type::Path(path) = &*item.self_ty else { continue };
                let owner = &path.path.segments.last().unwrap().ident;
                for item in &item.items {
                    if let syn::ImplItem::Fn(function) = item
                        && is_public(&function.vis)
                    {
                        names.push(format!("{owner}::{}", function.sig.ident));
                    }
                }
            }
            _ => {}
        }
    }
    names
}
