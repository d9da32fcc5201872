//! Which tests there are, read from the sources.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use syn::{Item, ItemFn};

/// The folders of the crates whose tests are experiments, or hold a promise.
const CRATES: [&str; 6] =
    ["loop-core", "api-callbacks", "api-promises", "api-async", "examples", "benches"];

/// Returns the tests below `root`, the workspace, as `crate::module::name`.
///
/// # Errors
/// When a source cannot be read, or is no Rust.
pub(crate) fn tests(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut tests = BTreeSet::new();
    for name in CRATES {
        let folder = root.join(name).join("tests/it");
        if folder.is_dir() {
            folder_tests(&folder, name, &mut tests)?;
        }
    }
    Ok(tests)
}

/// Files of a folder are modules, and so are its folders.
fn folder_tests(folder: &Path, module: &str, tests: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let inside = format!("{module}::{name}");
        if path.is_dir() {
            folder_tests(&path, &inside, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = if ["main", "mod"].contains(&name.as_str()) { module } else { &inside };
            items_tests(&parsed(&path)?, inside, tests);
        }
    }
    Ok(())
}

fn items_tests(items: &[Item], module: &str, tests: &mut BTreeSet<String>) {
    for item in items {
        match item {
            Item::Mod(inside) => {
                if let Some((_, items)) = &inside.content {
                    items_tests(items, &format!("{module}::{}", inside.ident), tests);
                }
            }
            Item::Fn(ItemFn { attrs, sig, .. }) => {
                let name = format!("{module}::{}", sig.ident);
                let is_test = attrs.iter().any(|attribute| attribute.path().is_ident("test"));
                if is_test {
                    tests.insert(name);
                }
            }
            _ => {}
        }
    }
}

fn parsed(path: &PathBuf) -> io::Result<Vec<Item>> {
    let text = fs::read_to_string(path)?;
    let file = syn::parse_file(&text)
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    Ok(file.items)
}
