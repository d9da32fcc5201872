//! The book: essays whose claims run, and the programs side by side.
//!
//! A page is Markdown in `src/`. What it shows of code, of claims and of what programs print is asked for
//! by a directive and put there by [`Sources::build`], before mdBook makes HTML of it:
//!
//! | directive | what comes in its place |
//! |---|---|
//! | `{{#claim C22}}` | the claim: who said it, the command, the prediction, the parts, what was seen, the verdict |
//! | `{{#observed C22}}` | what the last run printed |
//! | `{{#value C22.key}}` | one value that the last run recorded |
//! | `{{#demo zalgo}}` | what `oneloop demo zalgo` prints |
//! | `{{#program proxy}}` | the page of a program, with its sources side by side |
//! | `{{#compare echo}}` | the sources of the echo, of a program or of the crossings, side by side |
//! | `{{#crossings}}` | a table of what becomes of a value, an error, a panic at each crossing |
//! | `{{#claims}}` | a table of all claims: what each is, what came out, which was first |
//! | `{{#faults}}` | a table of the faults under which experiments come out the other way |
//! | `{{#wrong}}` | a table of the predictions that came out otherwise |
//! | `{{#predictions}}` | a table of what is predicted of the claims to come |
//! | `{{#notes}}` | a table of the notes that the book began with, and what became of each |
//! | `{{#promised}}` | tables of what is promised, how it is tested, and what was seen |
//! | `{{#instructions}}` | tables of where the instructions of a message go, and what was tried |
//! | `{{#cite}}` | how to cite the book |
//!
//! ```text
//!   book                        builds all, and checks it
//!    ├──► check/                what a page may not do
//!    └──► directives            puts things in the place of what asks for them
//!          └──► compare   notes   promised   instructions   edition   claims   predictions
//!                ├──► claim   history   experiments        one claim; what git tells; the tests
//!                └──► sources   pages   pieces   read   html        what is read, and how HTML is written
//! ```
//!
//! What a page may not do is in `check/`: [`Fault`] is what is told of it, with its place.
//!
//! Rule: a fault is told with its place and does not end the build, so that one run tells all of them.
//!
//! # Decisions
//!
//! - **A claim has an experiment.** `claims.toml` names for each claim its author, the prediction, the
//!   tests or the command that decide it, and the verdict; `observations/` has what the last run saw. An
//!   experiment prints `C22 key = value`, `C22 holds: part` or `C22 fails: part`, and the verdict of a
//!   run follows from these: refuted if a part falls that carries the statement, partly if only a detail
//!   does, held if none does. A demonstration is shown, and has no verdict. `examples::claims` reads and
//!   checks both, for `oneloop claims` and for the book.
//! - **Git tells what was first.** `history` asks it for the first commit of a prediction, of the tests
//!   that are named by its claim, and of a verdict; pages show them, and say where the order is not
//!   shown. Without a whole history they say that it was not checked, and nothing fails.
//! - **Pages ask for what they show**, by the directives above. Figures and code cannot be typed:
//!   `check/` refuses digits in prose, fences without an include, dead links, anchors that no page shows,
//!   and whatever a page would fetch from outside. `tests/it/faults.rs` breaks each rule on purpose.
//! - **Side by side without a script** is columns; with it, the same step is lit in all, by pointer and
//!   keys, and tabs on a phone. `tests/it/browser` opens every page in Chromium, where there is one, and
//!   speaks its protocol through a pipe: a client library would have brought fifty crates.

mod book;
mod check;
mod claim;
mod claims;
mod compare;
mod directives;
mod edition;
mod experiments;
mod history;
mod html;
mod instructions;
mod notes;
mod pages;
mod pieces;
mod predictions;
mod promised;
mod read;
mod sources;

pub use check::Fault;
pub use sources::Sources;
