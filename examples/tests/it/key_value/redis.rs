//! The server beside the real one, and asked by the real one's own tools.
//!
//! Rule: where these are not installed, a test says so in one line, and is skipped.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use examples::Style;
use examples::key_value::Version;

use super::{LONG_GRACE, Running};
use crate::client::connect;
use crate::server::{PATIENCE, wait_until};

pub(super) const STYLES: [Style; 4] =
    [Style::Threads, Style::Callbacks, Style::Promises, Style::Async];

/// Runs a tool against a server, or says that it is not there.
fn ask(tool: &str, server: &Running, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(tool);
    let port = server.addr.port().to_string();
    command.args(["-h", "127.0.0.1", "-p", &port]).args(arguments).stdin(Stdio::null());
    let Ok(Output { status, stdout, stderr }) = command.output() else {
        eprintln!("skipped: {tool} is not installed");
        return None;
    };
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success() && stderr.is_empty(), "{tool} {arguments:?}: {status}: {stderr}");
    Some(String::from_utf8_lossy(&stdout).into_owned())
}

#[test]
fn redis_cli_is_understood() {
    for style in STYLES {
        let server = Running::start(Version::Good(style), LONG_GRACE);
        for (command, reply) in [
            (&["SET", "k", "a word"][..], "OK\n"),
            (&["GET", "k"], "a word\n"),
            (&["GET", "nobody"], "\n"),
            (&["INCR", "n"], "1\n"),
            (&["EXPIRE", "n", "10"], "1\n"),
            (&["TTL", "n"], "10\n"),
            (&["DEL", "k", "n"], "2\n"),
            (&["PING"], "PONG\n"),
        ] {
            let Some(told) = ask("redis-cli", &server, command) else { return };
            assert_eq!(told, reply, "{style}: {command:?}");
        }
        server.stop();
    }
}

#[test]
fn redis_benchmark_is_served() {
    for style in STYLES {
        let server = Running::start(Version::Good(style), LONG_GRACE);
        for pipeline in ["1", "16"] {
            let load =
                ["-t", "ping,set,get,incr", "-n", "2000", "-c", "20", "-P", pipeline, "--csv"];
            let Some(told) = ask("redis-benchmark", &server, &load) else { return };
            for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR"] {
                assert!(told.contains(&format!("\"{test}\"")), "{style}: {told}");
            }
            assert!(!told.contains("WARNING"), "{style}: {told}");
        }
        server.stop();
    }
}

/// A real server, which ends with the test.
pub(super) struct Redis {
    child: Child,
    pub(super) port: u16,
}

impl Redis {
    /// Starts one; `None`, and a line that says so, when there is none.
    pub(super) fn start() -> Option<Redis> {
        // It announces no port: one that was free a moment ago will do.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
        let Ok(child) = command.stdout(Stdio::null()).spawn() else {
            eprintln!("skipped: redis-server is not installed");
            return None;
        };
        let redis = Redis { child, port };
        wait_until("Redis listens", PATIENCE, || {
            TcpStream::connect(("127.0.0.1", redis.port)).is_ok()
        });
        Some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What both have to say the same to, byte by byte.
const CONVERSATIONS: [&str; 14] = [
    "PING\r\nPING hello\r\nECHO \"a b\"\r\n",
    "SET k v\r\nGET k\r\nSET k w XX\r\nGET k\r\nSET k x NX\r\nEXISTS k k nobody\r\nDEL k k\r\n",
    "INCR n\r\nINCR n\r\nSET n 007\r\nINCR n\r\nSET n -1\r\nINCR n\r\nSET n \" 1\"\r\nINCR n\r\n",
    "SET n 9223372036854775807\r\nINCR n\r\nGET n\r\n",
    "SET t v EX 100\r\nTTL t\r\nPERSIST t\r\nTTL t\r\nEXPIRE t 50\r\nTTL t\r\nTTL nobody\r\n",
    "SET t v EX 0\r\nSET t v EX x\r\nSET t v EX\r\nSET t v NX XX\r\nSET t v EX 1 PX 1\r\n",
    "EXPIRE t -5\r\nEXISTS t\r\nEXPIRE t 1\r\nEXPIRE t 9223372036854775807\r\nEXPIRE t x\r\n",
    "GET\r\nGET a b\r\nSET a\r\nDEL\r\nPING a b\r\nEXPIRE a\r\nTTL\r\n",
    "FLY\r\nFLY to the moon\r\n*1\r\n$5\r\nA\r\nBC\r\n",
    "\r\n*0\r\n*-1\r\n   \r\nPING\r\n*1\r\n$4\r\nPING\r\nSELECT 0\r\nSELECT x\r\n",
    "PING\r\n*x\r\nPING\r\n",
    "*1\r\n+PING\r\nPING\r\n",
    "*2\r\n$3\r\nGET\r\n$-1\r\nPING\r\n",
    "GET \"k\r\nPING\r\n",
];

#[test]
fn the_answers_are_those_of_redis() {
    let Some(redis) = Redis::start() else { return };
    let server = Running::start(Version::Good(Style::Async), LONG_GRACE);
    for conversation in CONVERSATIONS {
        let [ours, theirs] = [server.addr.port(), redis.port].map(|port| {
            let mut stream = connect(([127, 0, 0, 1], port).into());
            stream.write_all(format!("{conversation}QUIT\r\n").as_bytes()).unwrap();
            let (mut told, mut block) = (Vec::new(), [0; 4096]);
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            // A close with something unread ends the stream with a reset.
            while let Ok(count @ 1..) = stream.read(&mut block) {
                told.extend_from_slice(&block[..count]);
            }
            String::from_utf8_lossy(&told).into_owned()
        });
        assert_eq!(ours, theirs, "{conversation:?}");
    }
    server.stop();
}
