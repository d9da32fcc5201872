//! async/await tasks on the loop.
