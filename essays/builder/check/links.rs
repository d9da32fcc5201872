//! The pages as they are built: every link leads somewhere, and nothing is fetched from outside.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::{Fault, below, files};

/// What leads from a page elsewhere.
#[derive(Default)]
struct Page {
    ids: BTreeSet<String>,
    /// Ids that are there more than once.
    twice: BTreeSet<String>,
    /// What a reader may follow.
    links: Vec<String>,
    /// What the browser fetches by itself.
    fetched: Vec<String>,
}

/// Tells of every link below a folder that leads nowhere, of every anchor that is there twice, and of
/// everything that would be fetched from outside.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn faults(folder: &Path) -> io::Result<Vec<Fault>> {
    let (mut pages, mut faults) = (BTreeMap::new(), Vec::new());
    let files: BTreeSet<PathBuf> =
        files(folder)?.iter().map(|file| below(folder, file).into()).collect();
    for file in &files {
        let text = || fs::read_to_string(folder.join(file));
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("html") => drop(pages.insert(file.clone(), read(&text()?))),
            Some("css") => {
                let outside =
                    text()?.split("url(").skip(1).any(is_outside) || text()?.contains("@import");
                if outside {
                    faults.push(Fault::new(file.display().to_string(), "fetches from outside"));
                }
            }
            _ => {}
        }
    }
    for (file, page) in &pages {
        let place = file.display().to_string();
        let mut tell = |what| faults.push(Fault::new(&*place, what));
        for id in &page.twice {
            tell(format!("the anchor `#{id}` is there twice"));
        }
        for link in page.fetched.iter().filter(|link| is_outside(link)) {
            tell(format!("`{link}` is fetched from outside"));
        }
        let inside = page.links.iter().chain(&page.fetched);
        for link in inside.filter(|link| !is_outside(link)) {
            if let Some(fault) = dead(link, file, &files, &pages) {
                tell(fault);
            }
        }
    }
    Ok(faults)
}

/// Says what is wrong with a link to another page or file of the book, if anything is.
fn dead(
    link: &str,
    from: &Path,
    files: &BTreeSet<PathBuf>,
    pages: &BTreeMap<PathBuf, Page>,
) -> Option<String> {
    let (address, anchor) = link.split_once('#').unwrap_or((link, ""));
    let address = address.split('?').next().unwrap_or_default();
    let target = match address {
        "" => Some(from.to_owned()),
        address => resolved(from.parent().unwrap_or(Path::new("")), address),
    };
    let Some(target) = target.filter(|target| files.contains(target)) else {
        return Some(format!("`{link}` leads nowhere"));
    };
    let known = |page: &Page| anchor.is_empty() || page.ids.contains(anchor);
    let found = pages.get(&target).is_none_or(known);
    (!found).then(|| format!("`{link}` leads to an anchor that is not there"))
}

/// Joins an address to the folder of its page, without `.` and `..`; none, if it leads out of the book.
fn resolved(folder: &Path, address: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in folder.join(address).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if path.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}

/// Tells whether an address leads out of the book. What lies in the page itself does not.
fn is_outside(address: &str) -> bool {
    let address = address.trim_start_matches(['"', '\'', ' ']);
    let scheme = address.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|character| character.is_ascii_alphanumeric())
    });
    address.starts_with("//") || scheme && !address.starts_with("data:")
}

/// Reads the anchors and the links of a page.
fn read(html: &str) -> Page {
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

#[derive(Default)]
struct Reader(RefCell<Page>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token {
            self.0.borrow_mut().note(&tag);
        }
        TokenSinkResult::Continue
    }
}

impl Page {
    fn note(&mut self, tag: &Tag) {
        for attribute in &tag.attrs {
            let value = attribute.value.to_string();
            match (&*tag.name, &*attribute.name.local) {
                (_, "id") if !self.ids.insert(value.clone()) => drop(self.twice.insert(value)),
                ("a" | "area", "href") => self.links.push(value),
                (_, "href" | "src" | "srcset" | "data" | "poster") => self.fetched.push(value),
                _ => {}
            }
        }
    }
}
