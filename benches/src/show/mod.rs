//! `oneloop show`: code and what it promises, laid out to be read.

mod crossings;
mod frames;
mod pager;
mod sources;
mod virality;

use clap::Args;
use examples::{SideBySide, Style};

use crate::failure::Failure;
use crate::output::{self, Dress};
use crate::{nearest, run};

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop show proxy              the program in every style, step by step
  oneloop show echo --styles callbacks,async
  oneloop show proxy --step pump  one step of it
  oneloop show chat --width 220 | less -S
  oneloop show crossings          from each colour of function to each other
  oneloop show frames             what a backtrace has of a program that fails
  oneloop show virality           what changes when the leaf must wait

Of a program, as many styles stand side by side as have 48 columns each. A line
that is too long goes on below itself, behind `> `. Colours go to a terminal;
NO_COLOR takes them away, and CLICOLOR_FORCE keeps them in a pipe. What is
longer than the terminal goes through $PAGER, or less.";

/// The arguments of `show`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ShowArguments {
    /// What to show: echo, a program that `list` names, crossings, frames, virality
    #[arg(value_parser = subject)]
    pub(crate) subject: Subject,
    /// Styles of the program, side by side: threads, callbacks, promises, async, and protocol where
    /// callbacks have that form too [default: all]
    #[arg(long, value_name = "STYLES", value_delimiter = ',', value_parser = run::style)]
    pub(crate) styles: Vec<Style>,
    /// One step of the program, by its name
    #[arg(long, value_name = "NAME")]
    pub(crate) step: Option<String>,
    /// Columns of the page [default: the terminal's, or 120]
    #[arg(long, value_name = "N", value_parser = width)]
    pub(crate) width: Option<usize>,
}

/// What can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The page of the twelve crossings.
    Crossings,
    /// What backtraces show of a program.
    Frames,
    /// How a program is written in every style.
    Sources(SideBySide),
    /// What changes when the leaf of a program must wait.
    Virality,
}

/// What can be shown besides the sources of programs.
pub(crate) const PAGES: [(&str, &str); 3] = [
    ("crossings", "from each colour of function to each other"),
    ("frames", "what a backtrace has of a program that fails"),
    ("virality", "what changes when the leaf of a program must wait"),
];

/// The fewest columns of a page.
const WIDTH_MIN: usize = 40;

/// Lays out what was asked for.
pub(crate) fn run(asked: &ShowArguments) -> Result<(), Failure> {
    let dress = Dress::of_stdout();
    let columns = asked.width.unwrap_or_else(page_width);
    if !matches!(asked.subject, Subject::Sources(_)) {
        let given = [("--styles", !asked.styles.is_empty()), ("--step", asked.step.is_some())];
        if let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(Failure::Usage(format!("{flag} is for a program; the others show all")));
        }
    }
    let text = match &asked.subject {
        Subject::Crossings => crossings::page(columns.max(80), dress),
        Subject::Frames => frames::page(dress)?,
        Subject::Sources(shown) => {
            let all = shown.styles();
            let styles = if asked.styles.is_empty() { &all } else { &asked.styles };
            let step = asked.step.as_deref();
            sources::page(shown, styles, step, (columns, dress)).map_err(Failure::Usage)?
        }
        Subject::Virality => virality::page(dress),
    };
    pager::print(&text)
}

fn subject(name: &str) -> Result<Subject, String> {
    match name {
        "crossings" => Ok(Subject::Crossings),
        "frames" => Ok(Subject::Frames),
        "virality" => Ok(Subject::Virality),
        _ => SideBySide::named(name).map(Subject::Sources).ok_or_else(|| {
            let sources = SideBySide::all().into_iter().map(|shown| shown.name);
            let pages = PAGES.iter().map(|(name, _)| *name);
            let names: Vec<_> = pages.chain(sources).collect();
            let hint = nearest::hint(name, names.iter().copied());
            format!("nothing of this name can be shown; {hint}there is: {}", names.join(", "))
        }),
    }
}

fn width(text: &str) -> Result<usize, String> {
    let within = text.parse().ok().filter(|columns| (WIDTH_MIN..=1_000).contains(columns));
    within.ok_or_else(|| format!("must be a whole number from {WIDTH_MIN} to 1000 columns"))
}

/// Returns the columns of the terminal that the page goes to; 120 where there is none.
fn page_width() -> usize {
    output::terminal_width().unwrap_or(120).max(WIDTH_MIN)
}

/// Cuts code where a line may end: after a space or an opening bracket, and before a method's dot.
fn pieces(code: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut begun = 0;
    let following = code.chars().skip(1).map(Some).chain([None]);
    for ((at, character), next) in code.char_indices().zip(following) {
        let cut = match character {
            ' ' => at + 1,
            '(' if next != Some(')') => at + 1,
            '.' if next.is_some_and(char::is_alphabetic) => at,
            _ => continue,
        };
        if cut > begun {
            pieces.push(&code[begun..cut]);
            begun = cut;
        }
    }
    pieces.push(&code[begun..]);
    pieces
}
