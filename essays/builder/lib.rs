//! The book: essays whose claims run, and the programs side by side.
//!
//! A page is Markdown in `src/`. What it shows of code, of claims and of what programs print is asked for
//! by a directive and put there by [`Sources::build`], before mdBook makes HTML of it:
//!
//! | directive | what comes in its place |
//! |---|---|
//! | `{{#claim C22}}` | the claim: who said it, the command, the prediction, what was seen, the verdict |
//! | `{{#observed C22}}` | what the last run printed |
//! | `{{#value C22.key}}` | one value that the last run recorded |
//! | `{{#demo zalgo}}` | what `oneloop demo zalgo` prints |
//! | `{{#program proxy}}` | the page of a program, with its sources side by side |
//! | `{{#compare echo}}` | the sources of the echo, of a program or of the crossings, side by side |
//! | `{{#crossings}}` | a table of what becomes of a value, an error, a panic at each crossing |
//! | `{{#claims}}` | a table of all claims with their verdicts |
//! | `{{#notes}}` | a table of the notes that the book began with, and what became of each |
//! | `{{#promised}}` | tables of what is promised, how it is tested, and what was seen |
//! | `{{#cite}}` | how to cite the book |
//!
//! ```text
//!   book                        builds all, and checks it
//!    ├──► check/                what a page may not do
//!    └──► directives            puts things in the place of what asks for them
//!          └──► compare   notes   promised   edition   claims   experiments
//!                └──► sources   pages   pieces   html        what is read, and how HTML is written
//! ```
//!
//! What a page may not do is in `check/`: [`Fault`] is what is told of it, with its place.
//!
//! Rule: a fault is told with its place and does not end the build, so that one run tells all of them.

mod book;
mod check;
mod claims;
mod compare;
mod directives;
mod edition;
mod experiments;
mod html;
mod notes;
mod pages;
mod pieces;
mod promised;
mod sources;

pub use check::Fault;
pub use sources::Sources;
