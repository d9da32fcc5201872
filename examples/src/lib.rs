//! The same programs in every style, and the servers behind one face.

mod counts;
mod server;
mod style;

pub mod crossings;
pub mod depth;
pub mod echo;
pub mod frames;
pub mod hybrid;
pub mod made_of;
pub mod virality;
pub mod wrong_colour;

pub use counts::ServerCounts;
pub use server::{Server, Stopped};
pub use style::Style;
