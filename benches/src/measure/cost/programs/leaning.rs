//! What a program leans on: the modules that its `use` names, in its wing and beside it, and libraries.
//!
//! Rule: a program is short where others have written the rest, so that its lines are not compared
//! without theirs. Counted are whole modules, without what these use themselves. The standard library and
//! the loop are every style's, and count for none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::lines_of_code;

/// Crates that every style has.
const EVERY_STYLE_S: [&str; 4] = ["std", "core", "alloc", "loop_core"];

/// What one source leans on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Leaning {
    /// Files of this workspace, with their lines of code.
    pub(super) modules: BTreeMap<PathBuf, usize>,
    /// Crates of others.
    pub(super) libraries: BTreeSet<String>,
}

impl Leaning {
    /// Reads what a source leans on that lies in the folder of a program.
    ///
    /// `workspace` holds the crates; without their sources nothing is known.
    pub(super) fn of(source: &str, folder: &Path, workspace: &Path) -> Leaning {
        let mut leaning = Leaning::default();
        for path in uses(source) {
            let [first, rest @ ..] = &path[..] else { continue };
            let (root, rest) = match first.as_str() {
                known if EVERY_STYLE_S.contains(&known) => continue,
                "super" => (folder.join("mod.rs"), rest),
                "crate" => (workspace.join("examples/src/lib.rs"), rest),
                wing if wing.starts_with("api_") => {
                    (workspace.join(wing.replace('_', "-")).join("src/lib.rs"), rest)
                }
                library => {
                    leaning.libraries.insert(library.to_owned());
                    continue;
                }
            };
            let file = module_of(&root, rest);
            if let Ok(text) = fs::read_to_string(&file) {
                let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
                leaning.modules.insert(file, lines_of_code(code));
            }
        }
        leaning
    }

    /// Returns the lines of what it leans on and not all of `others` do.
    pub(super) fn lines_beyond(&self, others: &[Leaning]) -> usize {
        let of_all = |file: &PathBuf| others.iter().all(|other| other.modules.contains_key(file));
        self.modules.iter().filter(|(file, _)| !of_all(file)).map(|(_, lines)| lines).sum()
    }
}

/// Returns the path of each name that a source takes by `use`.
fn uses(source: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for statement in statements(source, "use ") {
        expand(&statement, &mut Vec::new(), &mut paths);
    }
    paths
}

/// Returns what follows a word up to the semicolon, wherever a line begins with it, without spaces.
fn statements(source: &str, word: &str) -> Vec<String> {
    let after = |start: usize| source[start + word.len()..].split(';').next().unwrap_or_default();
    let starts = source.match_indices(word).map(|(at, _)| at);
    let begins = |at: &usize| *at == 0 || source[..*at].ends_with('\n');
    let squeezed = |text: &str| text.chars().filter(|it| !it.is_whitespace()).collect();
    starts.filter(begins).map(|at| squeezed(after(at))).collect()
}

/// Takes `a::{b, c::d}` apart.
fn expand(tree: &str, before: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let Some((prefix, group)) = tree.split_once('{') else {
        let names = tree.split("::").filter(|name| *name != "self" && !name.is_empty());
        paths.push(before.iter().cloned().chain(names.map(str::to_owned)).collect());
        return;
    };
    let depth = before.len();
    before.extend(prefix.split("::").filter(|name| !name.is_empty()).map(str::to_owned));
    let group = group.strip_suffix('}').unwrap_or(group);
    for part in parts(group) {
        expand(part, before, paths);
    }
    before.truncate(depth);
}

/// Divides a group at its own commas.
fn parts(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begun) = (Vec::new(), 0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[begun..at]);
                begun = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[begun..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Finds the file in which the item of a path stands, from the file of the module that holds it.
fn module_of(file: &Path, path: &[String]) -> PathBuf {
    let [name, rest @ ..] = path else { return file.to_owned() };
    if let Some(child) = child(file, name) {
        return module_of(&child, rest);
    }
    let text = fs::read_to_string(file).unwrap_or_default();
    for statement in statements(&text, "pub use ") {
        let mut paths = Vec::new();
        expand(&statement, &mut Vec::new(), &mut paths);
        for mut path in paths {
            if path.last() == Some(name) && path.len() > 1 {
                path.retain(|part| part != "crate");
                return module_of(file, &path);
            }
        }
    }
    file.to_owned()
}

/// Returns the file of a module within another.
fn child(file: &Path, name: &str) -> Option<PathBuf> {
    let folder = match file.file_stem()?.to_str()? {
        "lib" | "mod" => file.parent()?.to_owned(),
        _ => file.with_extension(""),
    };
    let candidates = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
    candidates.into_iter().find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_taken_apart() {
        let source =
            "//! It.\nuse std::io::{self, Read};\nuse a::{b, c::{d,\n    e}};\n\nfn f() {}\n";
        let paths: Vec<_> = uses(source).iter().map(|path| path.join("::")).collect();
        assert_eq!(paths, ["std::io", "std::io::Read", "a::b", "a::c::d", "a::c::e"]);
    }

    #[test]
    fn an_item_is_found_behind_its_re_export() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = workspace.join("examples/src/programs/chat");
        let source = "use api_async::{TaskGroup, bytes};\nuse futures::join;\nuse super::room::Room;\n\
                      use loop_core::LoopHandle;\n";
        let leaning = Leaning::of(source, &folder, workspace);
        let within = |file: &PathBuf| file.strip_prefix(workspace).unwrap().display().to_string();
        let files: Vec<_> = leaning.modules.keys().map(within).collect();
        let (group, room) = ("api-async/src/task/group.rs", "examples/src/programs/chat/room.rs");
        assert_eq!(files, ["api-async/src/bytes.rs", group, room]);
        assert_eq!(leaning.libraries, BTreeSet::from(["futures".to_owned()]));
        assert!(leaning.modules.values().all(|lines| *lines > 10), "{leaning:?}");
    }

    #[test]
    fn what_all_lean_on_counts_for_none() {
        let of = |files: &[(&str, usize)]| Leaning {
            modules: files.iter().map(|(file, lines)| (PathBuf::from(file), *lines)).collect(),
            libraries: BTreeSet::new(),
        };
        let all = [of(&[("room", 100), ("tcp", 40)]), of(&[("room", 100), ("scope", 60)])];
        assert_eq!(all[0].lines_beyond(&all), 40);
        assert_eq!(all[1].lines_beyond(&all), 60);
    }
}
