//! A server as a child process: started, addressed and stopped in one way, whatever its style.
