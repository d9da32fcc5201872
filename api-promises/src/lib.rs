//! Chainable promises on the loop.
