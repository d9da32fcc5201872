//! The same programs in every style, and the servers behind one face.

mod blocking;
mod bounds;
mod counts;
mod left;
mod server;
mod style;

pub mod crossings;
pub mod demonstrations;
pub mod depth;
pub mod echo;
pub mod exhibit;
pub mod frames;
pub mod handler;
pub mod hybrid;
pub mod made_of;
pub mod programs;
pub mod virality;
pub mod wrong_colour;

pub use bounds::TIME_MAX;
pub use counts::ServerCounts;
pub use exhibit::side_by_side::{Row, SideBySide};
pub use exhibit::{anchors, claims, highlight};
pub use left::Left;
pub use programs::program::{Program, STYLES, signals};
pub use programs::{PROGRAMS, chat, crawler, happy_eyeballs, key_value, proxy, steps};
pub use server::{Server, Stopped};
pub use style::Style;
