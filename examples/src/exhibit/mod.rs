//! What is shown of the code: sources side by side, with their steps, and what is claimed.

pub mod anchors;
pub mod claims;
pub mod highlight;
pub(crate) mod side_by_side;
