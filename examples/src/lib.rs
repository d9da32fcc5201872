//! The same programs in every style, and the servers behind one face.

mod blocking;
mod bounds;
mod counts;
mod left;
mod program;
mod programs;
mod server;
mod side_by_side;
mod style;

pub mod anchors;
pub mod chat;
pub mod claims;
pub mod crawler;
pub mod crossings;
pub mod demonstrations;
pub mod depth;
pub mod echo;
pub mod frames;
pub mod happy_eyeballs;
pub mod highlight;
pub mod hybrid;
pub mod key_value;
pub mod made_of;
pub mod proxy;
pub mod steps;
pub mod virality;
pub mod wrong_colour;

pub use bounds::TIME_MAX;
pub use counts::ServerCounts;
pub use left::Left;
pub use program::{Program, STYLES, signals};
pub use programs::PROGRAMS;
pub use server::{Server, Stopped};
pub use side_by_side::{Row, SideBySide};
pub use style::Style;
