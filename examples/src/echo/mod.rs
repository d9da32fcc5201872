//! The echo server in every style.
