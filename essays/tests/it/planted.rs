//! A small book in a folder of its own, in which faults are planted.

use std::fs;
use std::path::PathBuf;

use essays::{Fault, Sources};
use tempfile::TempDir;

/// A book in which nothing is wrong, and which has one of everything.
const FILES: [(&str, &str); 9] = [
    ("CITATION.cff", "title: \"A book\"\nversion: 1.2.3\ndate-released: 2026-11-25\n"),
    (
        "essays/book.toml",
        "[book]\ntitle = \"A book\"\n[output.html]\ninput-404 = \"\"\nprint.enable = false\nhash-files = false\n",
    ),
    (
        "essays/claims.toml",
        "[[claim]]\nid = \"C01\"\nnature = \"experiment\"\nstatement = \"It holds.\"\n\
         source = [{ who = \"Somebody\", where = \"https://example.org\", when = \"2016\" }]\n\
         decided_by = \"counts\"\nexperiments = [\"examples::c01_it_holds\"]\n\
         prediction = \"It holds.\"\n\
         parts = [{ name = \"it turns\", at_least = 41, unit = \"turns\" }]\n\
         faults = [{ what = \"It is stopped.\", test = \"examples::stopped\" }]\nverdict = \"held\"\n",
    ),
    (
        "essays/observations/C01.toml",
        "run = \"a run\"\ndate = \"2026-11-25\"\ncommit = \"1\"\nrustc = \"1\"\n\
         tests = [\"examples::c01_it_holds\"]\nprinted = \"turns = 41\"\n\
         [parts]\n\"it turns\" = \"holds\"\n[values]\nturns = \"41000\"\n",
    ),
    ("essays/src/SUMMARY.md", "- [One](one.md)\n- [Two](two.md)\n"),
    (
        "essays/src/one.md",
        "# One\n\n{{#claim C01}}\n\nIt took {{#value C01.turns}} turns.\n\n{{#observed C01}}\n\n\
         ```rust,ignore\n{{#rustdoc_include ../../examples/src/shown.rs:whole}}\n```\n",
    ),
    ("essays/src/two.md", "# Two\n\nSee [C01](one.md#c01), or [above](#two).\n"),
    ("examples/tests/it/main.rs", "#[test]\nfn c01_it_holds() {}\n#[test]\nfn stopped() {}\n"),
    ("examples/src/shown.rs", "// ANCHOR: whole\nfn whole() {}\n// ANCHOR_END: whole\n"),
];

/// The book in a folder of its own.
pub(crate) struct Planted(TempDir);

impl Planted {
    pub(crate) fn new() -> Planted {
        let folder = TempDir::new().unwrap();
        for (file, text) in FILES {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Planted(folder)
    }

    /// Replaces a text of a file, which has it.
    pub(crate) fn plant(&self, file: &str, text: &str, fault: &str) {
        let path = self.path(file);
        let whole = fs::read_to_string(&path).unwrap();
        assert!(whole.contains(text), "{file}: {text}");
        fs::write(path, whole.replace(text, fault)).unwrap();
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    pub(crate) fn faults(&self) -> Vec<Fault> {
        Sources::read(self.0.path()).unwrap().build(&self.path("book")).unwrap()
    }

    pub(crate) fn page(&self, file: &str) -> String {
        fs::read_to_string(self.path("book").join(file)).unwrap()
    }
}

/// Plants a fault, and holds that it is found where it is, and nothing else.
pub(crate) fn is_caught(file: &str, text: &str, fault: &str, place: &str, what: &str) {
    let book = Planted::new();
    book.plant(file, text, fault);
    let found = book.faults();
    assert!(!found.is_empty(), "{fault}: not caught");
    for Fault { place: at, what: is } in found {
        assert!(at == place && is.contains(what), "{at}: {is}");
    }
}

/// Tells of a book's faults, each with its place.
pub(crate) fn told(book: &Planted) -> Vec<String> {
    book.faults().iter().map(Fault::to_string).collect()
}
