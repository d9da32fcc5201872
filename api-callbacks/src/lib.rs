//! Raw callbacks on the loop.
