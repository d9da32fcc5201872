//! Circles of modules: which files of a crate take names from each other, so that neither can be read
//! first.
//!
//! An arrow leads from a file to the file that defines a name it uses, whatever re-exports the name.
//! Tests do not count: they may look at everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use crate::document;

/// The roots of the crates.
const ROOTS: [&str; 7] = [
    "loop-core/src/lib.rs",
    "api-callbacks/src/lib.rs",
    "api-promises/src/lib.rs",
    "api-async/src/lib.rs",
    "examples/src/lib.rs",
    "benches/src/main.rs",
    "essays/builder/lib.rs",
];

#[test]
fn no_crate_has_a_circle_of_modules() {
    for root in ROOTS {
        let circles = circles(&document::root().join(root));
        assert!(circles.is_empty(), "{root}: {circles:#?}");
    }
}

#[test]
fn a_circle_is_found_whatever_reexports_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("lib.rs"), "mod a; mod b; mod c; pub use b::B;").unwrap();
    fs::write(file("a.rs"), "use crate::B; pub struct A(Option<Box<B>>);").unwrap();
    fs::write(file("b.rs"), "pub struct B(super::a::A);").unwrap();
    fs::write(file("c.rs"), "use crate::a::A; #[cfg(test)] mod tests { use crate::c::C; }")
        .unwrap();
    assert_eq!(circles(&file("lib.rs")), [[file("a.rs"), file("b.rs")]]);
    fs::write(file("a.rs"), "pub struct A;").unwrap();
    assert!(circles(&file("lib.rs")).is_empty());
}

/// A file of a crate: a module with what it declares.
struct Module {
    file: PathBuf,
    /// Names from elsewhere, and where they come from.
    imports: BTreeMap<String, Vec<String>>,
    /// Paths that its code mentions.
    mentions: Vec<Vec<String>>,
}

/// The modules of a crate by their paths; the root's is empty.
type Modules = BTreeMap<Vec<String>, Module>;

/// Returns the circles of a crate, each as its files.
fn circles(root: &Path) -> Vec<Vec<PathBuf>> {
    let mut modules = Modules::new();
    enter(root, Vec::new(), &mut modules);
    let arrows = arrows(&modules);
    let reached: BTreeMap<_, _> =
        modules.keys().map(|from| (from, reached(from, &arrows))).collect();
    let mut circles = BTreeSet::new();
    for (from, behind) in &reached {
        let circle: Vec<_> = behind.iter().filter(|to| reached[*to].contains(*from)).collect();
        if circle.len() > 1 {
            circles.insert(
                circle.into_iter().map(|path| modules[path.as_slice()].file.clone()).collect(),
            );
        }
    }
    circles.into_iter().collect()
}

/// Reads a file and those of its modules.
fn enter(file: &Path, path: Vec<String>, modules: &mut Modules) {
    let text = fs::read_to_string(file).unwrap();
    let mut reading = Reading::default();
    reading.visit_file(&syn::parse_file(&text).unwrap());
    let is_root = path.is_empty() || file.ends_with("mod.rs");
    let folder = file.parent().unwrap();
    let folder = if is_root { folder.to_owned() } else { folder.join(file.file_stem().unwrap()) };
    for child in reading.children {
        let alone = folder.join(format!("{child}.rs"));
        let file = if alone.exists() { alone } else { folder.join(&child).join("mod.rs") };
        enter(&file, [path.clone(), vec![child]].concat(), modules);
    }
    let Reading { imports, mentions, .. } = reading;
    modules.insert(path, Module { file: file.to_owned(), imports, mentions });
}

/// What a file declares.
#[derive(Default)]
struct Reading {
    children: Vec<String>,
    imports: BTreeMap<String, Vec<String>>,
    mentions: Vec<Vec<String>>,
}

impl Reading {
    /// Takes note of the names of a `use`.
    fn import(&mut self, tree: &syn::UseTree, mut prefix: Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.import(&path.tree, prefix);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, prefix.clone()));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                self.keep(prefix.last().unwrap().clone(), prefix);
            }
            syn::UseTree::Name(name) => {
                prefix.push(name.ident.to_string());
                self.keep(name.ident.to_string(), prefix);
            }
            syn::UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    prefix.push(rename.ident.to_string());
                }
                self.keep(rename.rename.to_string(), prefix);
            }
            syn::UseTree::Glob(_) => self.mentions.push(prefix),
        }
    }

    fn keep(&mut self, name: String, path: Vec<String>) {
        self.mentions.push(path.clone());
        self.imports.insert(name, path);
    }
}

impl<'ast> Visit<'ast> for Reading {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !attributes.iter().any(is_of_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_none() {
            self.children.push(item.ident.to_string());
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.mentions.push(path.segments.iter().map(|part| part.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }
}

fn is_of_tests(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && list.tokens.to_string().contains("test")
}

/// Returns the modules that each module takes names from.
fn arrows(modules: &Modules) -> BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> {
    let targets = |from: &Vec<String>, module: &Module| {
        let defined = module.mentions.iter().filter_map(|path| defining(from, path, modules, 0));
        // What a module takes from the one around it does not lead out of that one.
        defined.filter(|to| !from.starts_with(to)).collect()
    };
    modules.iter().map(|(from, module)| (from, targets(from, module))).collect()
}

/// Finds the module that defines what a path names, seen from a module.
fn defining<'a>(
    from: &[String],
    path: &[String],
    modules: &'a Modules,
    depth: usize,
) -> Option<&'a Vec<String>> {
    let (mut at, mut rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (from.to_vec(), &path[1..]),
        "super" => (from.split_last()?.1.to_vec(), &path[1..]),
        _ => (from.to_vec(), path),
    };
    let is_relative = rest.len() == path.len();
    while let Some(name) = rest.first() {
        let child = [at.clone(), vec![name.clone()]].concat();
        let (here, _) = modules.get_key_value(&at)?;
        rest = &rest[1..];
        if name == "super" {
            at.pop();
        } else if modules.contains_key(&child) {
            at = child;
        } else if let Some(origin) = modules[here].imports.get(name).filter(|_| depth < 8) {
            let origin = [origin.as_slice(), rest].concat();
            return defining(&at, &origin, modules, depth + 1);
        } else if is_relative && here.as_slice() == from {
            // Another crate's, or the module's own.
            return None;
        } else {
            return Some(here);
        }
    }
    modules.get_key_value(&at).map(|(module, _)| module)
}

/// Returns all modules that a module takes names from, directly or not.
fn reached<'a>(
    from: &'a Vec<String>,
    arrows: &BTreeMap<&'a Vec<String>, BTreeSet<&'a Vec<String>>>,
) -> BTreeSet<&'a Vec<String>> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        next.extend(arrows[at].iter().filter(|to| reached.insert(**to)));
    }
    reached
}
