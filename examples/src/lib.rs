//! The same programs in every style, and the servers behind one face.
//!
//! ```text
//!   exhibit           sources side by side, and the registry of claims
//!      │
//!   programs   crossings   demonstrations   patterns       what is shown
//!      │
//!   echo              the echo server in every style, and the baselines
//!      │
//!   server  style  counts                                  how a server is started and named
//! ```

mod counts;
mod server;
mod style;

pub mod crossings;
pub mod demonstrations;
pub mod echo;
pub mod exhibit;
pub mod patterns;
pub mod programs;

pub use counts::ServerCounts;
pub use exhibit::side_by_side::{Row, SideBySide};
pub use exhibit::{anchors, claims, highlight};
pub use programs::program::{Program, STYLES, signals};
pub use programs::{
    Left, PROGRAMS, TIME_MAX, chat, crawler, happy_eyeballs, key_value, proxy, steps,
};
pub use server::{Server, Stopped};
pub use style::Style;
