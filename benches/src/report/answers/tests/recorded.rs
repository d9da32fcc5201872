//! Blocks of one server against itself, recorded, drawn again and again.
