//! The counter: which functions have another signature, and how many tokens came and went.

use examples::crossings::virality::Change;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};

/// A program before and after its leaf must wait.
#[derive(Clone, Copy, Debug)]
struct Refactoring {
    name: &'static str,
    before: &'static str,
    after: &'static str,
}

const BEFORE: &str = include_str!("../../../src/crossings/virality/before.rs");

const SOURCES: [Refactoring; 5] = [
    Refactoring {
        name: "threads",
        before: BEFORE,
        after: include_str!("../../../src/crossings/virality/threads.rs"),
    },
    Refactoring {
        name: "callbacks",
        before: BEFORE,
        after: include_str!("../../../src/crossings/virality/callbacks.rs"),
    },
    Refactoring {
        name: "promises",
        before: BEFORE,
        after: include_str!("../../../src/crossings/virality/promises.rs"),
    },
    Refactoring {
        name: "async",
        before: BEFORE,
        after: include_str!("../../../src/crossings/virality/async_await.rs"),
    },
    Refactoring {
        name: "sans-I/O",
        before: include_str!("../../../src/crossings/virality/sans_io_before.rs"),
        after: include_str!("../../../src/crossings/virality/sans_io.rs"),
    },
];

/// Counts what the committed refactorings have changed.
///
/// Comments are no tokens here, and `use` lines are not counted: they follow from the rest.
pub(super) fn counted() -> Vec<Change> {
    SOURCES.iter().map(change).collect()
}

fn change(refactoring: &Refactoring) -> Change {
    let before = Program::parse(refactoring.before);
    let after = Program::parse(refactoring.after);
    let signatures = before.functions.iter().filter(|function| !after.functions.contains(function));
    let signatures: Vec<_> = signatures.map(|function| function.name.clone()).collect();
    let kept = longest_common(&before.tokens, &after.tokens);
    Change {
        name: refactoring.name.to_owned(),
        functions: before.functions.len(),
        signatures,
        tokens: before.tokens.len(),
        added: after.tokens.len() - kept,
        removed: before.tokens.len() - kept,
    }
}

/// Returns how much of a source file is in functions that are `async`, in tokens per hundred. `use`
/// lines and comments are no part of it.
pub(super) fn coloured_percent(source: &str) -> usize {
    let mut file = syn::parse_file(source).expect("the compiler has read it");
    file.items.retain(|item| !matches!(item, syn::Item::Use(_)));
    file.attrs.clear();
    let mut coloured = Coloured(0);
    coloured.visit_file(&file);
    100 * coloured.0 / count(&file)
}

/// Counts the tokens of functions that are `async`.
struct Coloured(usize);

impl<'ast> Visit<'ast> for Coloured {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if function.sig.asyncness.is_some() {
            self.0 += count(function)
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if function.sig.asyncness.is_some() {
            self.0 += count(function)
        }
    }
}

fn count(code: &impl ToTokens) -> usize {
    let mut tokens = Vec::new();
    flatten(code.to_token_stream(), &mut tokens);
    tokens.len()
}

/// A source file as the counter sees it.
struct Program {
    functions: Vec<Function>,
    tokens: Vec<String>,
}

#[derive(PartialEq, Eq)]
struct Function {
    name: String,
    signature: String,
}

impl Program {
    fn parse(source: &str) -> Program {
        let mut file = syn::parse_file(source).expect("the compiler has read it");
        file.items.retain(|item| !matches!(item, syn::Item::Use(_)));
        file.attrs.clear();
        let mut functions = Functions(Vec::new());
        functions.visit_file(&file);
        let mut tokens = Vec::new();
        flatten(file.to_token_stream(), &mut tokens);
        Program { functions: functions.0, tokens }
    }
}

/// Collects signatures.
struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature) {
        let name = signature.ident.to_string();
        if name != "new" {
            self.0.push(Function { name, signature: signature.to_token_stream().to_string() });
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig);
        visit::visit_impl_item_fn(self, function);
    }
}

/// Lists the tokens, with both ends of a group, without comments and attributes.
fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(mark) if mark.as_char() == '#' => drop(trees.next()),
            TokenTree::Group(group) => {
                tokens.push(format!("{:?} opens", group.delimiter()));
                flatten(group.stream(), tokens);
                tokens.push(format!("{:?} closes", group.delimiter()));
            }
            leaf => tokens.push(leaf.to_string()),
        }
    }
}

/// Returns how many tokens the two have in common, in order.
fn longest_common(left: &[String], right: &[String]) -> usize {
    let mut row = vec![0; right.len() + 1];
    for token in left {
        let mut diagonal = 0;
        for (column, other) in right.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = if token == other { diagonal + 1 } else { above.max(row[column]) };
            diagonal = above;
        }
    }
    row[right.len()]
}
