//! The same programs in every style, and the servers behind one face.

mod counts;
mod left;
mod program;
mod server;
mod style;

pub mod echo;
pub mod happy_eyeballs;
pub mod made_of;
pub mod steps;

pub use counts::ServerCounts;
pub use left::Left;
pub use program::{PROGRAMS, Program, STYLES};
pub use server::{Server, Stopped};
pub use style::Style;
