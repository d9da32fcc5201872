//! A single-threaded event loop over mio, in the manner of CPython's asyncio.
