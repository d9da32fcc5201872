//! The words that the house does not use, with what to say instead.
//!
//! Rule: a thing is "what" and never "who", an agent is named, and a metaphor of ours gives way to the
//! field's word. The essays' prose has its own measure.

use std::fs;
use std::path::{Path, PathBuf};

use crate::document;

/// A word, and what to say instead.
const WORDS: &[(&str, &str)] = &[
    ("who", "what, which, or the agent by its name: the task that waits"),
    ("whom", "the agent by its name"),
    ("whoever", "the agent by its name"),
    ("nobody", "nothing, no program, no task"),
    ("somebody", "a program, a task"),
    ("anybody", "a program, a task"),
    ("everybody", "all, and of what"),
    ("door", "function, bridge, entrance"),
    ("doors", "functions, bridges, entrances"),
    ("coat", "wrapper"),
    ("epitaph", "how it ended"),
    ("fate", "outcome, effect"),
    ("fates", "outcomes, effects"),
    ("burial", "drop"),
    ("burials", "drops"),
    ("drawer", "bucket"),
    ("drawers", "buckets"),
    ("mood", "noise"),
    ("moods", "noise"),
    ("wobble", "vary"),
    ("wobbles", "varies"),
];

/// Where a word is right: it speaks of a person, or is a name that others have given.
const RIGHT: &[&str] = &[
    "who said",
    "Who said",
    "reader who",
    "\\\"Somebody\\\"",
    "who = ",
    "who = \\\"",
    ".who",
    "who: String",
    "(who",
    "{who}",
    "let who",
    "who_calls_whom",
    "\"Who calls whom\"",
    "a person who",
    "those who",
    "Those who",
    // What a member of the chat says, and keys of the store.
    "who are you?",
    "who was that?",
    "here with you: nobody",
    "is there nobody?",
    "\"nobody\"",
    "GET nobody",
    "TTL nobody",
    "k k nobody",
    "n nobody",
    "that nobody observes",
    "that nobody runs",
    "lose who asked",
];

/// What is no text of ours, or has its own measure: pages of the book, records, and this list.
const LEFT_OUT: &[&str] = &[
    "essays/src",
    "essays/observations",
    "essays/claims.toml",
    "essays/notes.toml",
    "examples/tests/it/words.rs",
];

#[test]
fn no_text_has_a_word_that_the_house_does_not_use() {
    let mut found = Vec::new();
    for path in texts() {
        let text = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(document::root()).unwrap().display().to_string();
        for (number, line) in text.lines().enumerate() {
            for (word, instead) in words_of(line) {
                found.push(format!("{place}:{}: `{word}`: say {instead}", number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{} places:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_word_is_found_whole_and_in_any_case_unless_it_is_right_there() {
    let found = |line: &str| words_of(line).map(|(word, _)| word).collect::<Vec<_>>();
    assert_eq!(found("/// Whoever waits, and who does not."), ["who", "whoever"]);
    assert!(found("the whole of it, indoors, by those who read").is_empty());
}

/// Returns the words of a line that are not used, where they are not right.
fn words_of(line: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut line = line.to_owned();
    for right in RIGHT {
        line = line.replace(right, "");
    }
    // A name in the code is one word.
    let words = line.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_lowercase);
    let words: Vec<_> = words.collect();
    WORDS.iter().copied().filter(move |(word, _)| words.iter().any(|found| found == word))
}

/// Returns every text of ours: sources, documents, manifests and scripts.
fn texts() -> Vec<PathBuf> {
    let mut texts = Vec::new();
    gather(&document::root(), &mut texts);
    assert!(texts.len() > 300, "{}", texts.len());
    texts
}

fn gather(folder: &Path, texts: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let within = path.strip_prefix(document::root()).unwrap();
        let left_out = LEFT_OUT.iter().any(|left| within.starts_with(left));
        if left_out || name.starts_with('.') && name != ".ci" {
            continue;
        }
        if path.is_dir() {
            if !["target", "node_modules", "site", "results"].contains(&name.as_str()) {
                gather(&path, texts);
            }
        } else if name == "run" || [".rs", ".md", ".toml"].iter().any(|end| name.ends_with(end)) {
            // The page of a program is a page of the book.
            if name != "page.md" {
                texts.push(path);
            }
        }
    }
}
