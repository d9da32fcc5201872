//! Random programs of the protocol, on every style and on a real Redis: what is told is the same, byte by
//! byte, but for what the page lists.
//!
//! Rule: a program has keys of its own, and no time that runs out meanwhile; its words are drawn from what
//! the page says that the server knows, and from what none knows.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;

use examples::key_value::Version;

use super::redis::{Redis, STYLES};
use super::{LONG_GRACE, Running, request};
use crate::client::connect;

/// How many programs there are, unless `ONELOOP_RESP_PROGRAMS` says another number: 5,000 take two minutes.
const PROGRAMS: u64 = 500;

/// Numbers that are the same in each run: a generator by Marsaglia.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// What may be an argument: `k` stands for a key of the program, `v` for any value, `i` for a number, `t`
/// for a time, `d` for a database, `w` for a word of `SET`.
const COMMANDS: [(&str, &str); 22] = [
    ("GET", "k"),
    ("SET", "kv"),
    ("SET", "ki"),
    ("SET", "kvwt"),
    ("SET", "kvwtw"),
    ("SET", "kvwwt"),
    ("SET", "kvw"),
    ("DEL", "k"),
    ("DEL", "kkk"),
    ("EXISTS", "kkk"),
    ("INCR", "k"),
    ("EXPIRE", "kt"),
    ("PERSIST", "k"),
    ("TTL", "k"),
    ("DBSIZE", ""),
    ("PING", ""),
    ("PING", "v"),
    ("ECHO", "v"),
    ("SELECT", "d"),
    ("FLY", "vvv"),
    ("", "v"),
    ("GETALLTHINGS", ""),
];

const VALUES: [&[u8]; 12] = [
    b"",
    b"value",
    b"two words",
    b"a\r\nb",
    b"\x00\xff\"'\\",
    b"0",
    b"-1",
    b"007",
    b" 1",
    b"1.5",
    b"9223372036854775807",
    b"-9223372036854775808",
];

const NUMBERS: [&[u8]; 8] = [
    b"0",
    b"1",
    b"41",
    b"-2",
    b"9223372036854775806",
    b"9223372036854775807",
    b"9223372036854775808",
    b"+1",
];

const TIMES: [&[u8]; 10] = [
    b"100000",
    b"200000",
    b"0",
    b"-1",
    b"x",
    b"",
    b"1.5",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
];

const WORDS: [&[u8]; 9] =
    [b"NX", b"XX", b"nx", b"EX", b"px", b"PX", b"KEEPTTL", b"keepttl", b"HARD"];

/// What cannot be understood, or is another protocol: it ends the program.
const ENDS: [&[u8]; 14] = [
    b"*x\r\n",
    b"*1\r\n+PING\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$x\r\n",
    b"*2\r\n$4\r\nPING\r\n:1\r\n",
    b"*99999999999\r\n",
    b"GET \"k\r\n",
    b"GET 'k'x\r\n",
    b"POST / HTTP/1.1\r\nHost: here\r\n\r\n",
    b"host: here\r\n",
    b"*1\r\n$4\r\npost\r\n",
    b"QUIT\r\n",
    b"*1\r\n$4\r\nquit\r\n",
    b"quit now\r\n",
];

fn argument(random: &mut Random, kind: u8, program: u64) -> Vec<u8> {
    match kind {
        b'k' => format!("{program}:{}", random.below(3)).into_bytes(),
        b'i' => random.one(&NUMBERS).to_vec(),
        b't' => random.one(&TIMES).to_vec(),
        b'w' => random.one(&WORDS).to_vec(),
        b'd' => random.one(&[&b"0"[..], b"16", b"-1", b"x", b"99999999999"]).to_vec(),
        _ => random.one(&VALUES).repeat(random.one(&[1, 1, 1, 20])),
    }
}

/// Writes a command as programs do, or as a person.
fn command(random: &mut Random, program: u64) -> Vec<u8> {
    let (name, kinds) = random.one(&COMMANDS);
    let name = if random.below(4) == 0 { name.to_lowercase() } else { name.to_owned() };
    let mut words = vec![name.into_bytes()];
    words.extend(kinds.bytes().map(|kind| argument(random, kind, program)));
    match random.below(12) {
        0 => drop(words.pop()),
        1 => words.push(argument(random, b'v', program)),
        _ => {}
    }
    // `EXPIRE` has more words in Redis: the page says so.
    if words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"expire")) {
        words.truncate(3);
    }
    if random.below(3) > 0 {
        let words: Vec<_> = words.iter().map(Vec::as_slice).collect();
        return request(&words);
    }
    let quoted = |word: &Vec<u8>| {
        let escaped = word.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
        let plain = !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric);
        if plain { String::from_utf8_lossy(word).into_owned() } else { format!("\"{escaped}\"") }
    };
    let line = words.iter().map(quoted).collect::<Vec<_>>().join(random.one(&[" ", "  ", "\t"]));
    format!("{line}{}", random.one(&["\r\n", "\n"])).into_bytes()
}

/// A program: what is said first, and what is said when that is answered.
fn program(random: &mut Random, number: u64) -> [Vec<u8>; 2] {
    let mut first = Vec::new();
    for _ in 0..=random.below(10) {
        if random.below(8) == 0 {
            first.extend_from_slice(random.one(&[&b"\r\n"[..], b"*0\r\n", b"*-1\r\n", b"  \r\n"]));
        }
        first.extend(command(random, number));
    }
    first.extend(request(&[b"ECHO", &answered(number)]));
    let mut last = random.one(&ENDS).to_vec();
    last.extend(request(&[b"SET", format!("{number}:0").as_bytes(), b"too late"]));
    [first, last]
}

fn answered(number: u64) -> Vec<u8> {
    format!("program {number} is answered").into_bytes()
}

/// Says a program in pieces, and returns all that is told.
fn told(port: u16, [first, last]: &[Vec<u8>; 2], cut: usize, number: u64) -> Vec<u8> {
    let mut stream = connect(([127, 0, 0, 1], port).into());
    let (before, behind) = first.split_at(cut % first.len());
    stream.write_all(before).unwrap();
    stream.write_all(behind).unwrap();
    let (mut told, answered) = (Vec::new(), [answered(number), b"\r\n".to_vec()].concat());
    while !told.ends_with(&answered) {
        assert!(read(&mut stream, &mut told), "the end of {:?}", told.escape_ascii().to_string());
    }
    stream.write_all(last).unwrap();
    // A close with something unread ends the stream with a reset.
    while read(&mut stream, &mut told) {}
    told
}

fn read(stream: &mut TcpStream, told: &mut Vec<u8>) -> bool {
    let mut block = [0; 4096];
    let Ok(count @ 1..) = stream.read(&mut block) else { return false };
    told.extend_from_slice(&block[..count]);
    true
}

#[test]
fn random_programs_are_answered_as_by_redis_in_every_style() {
    let Some(redis) = Redis::start() else { return };
    let servers = STYLES.map(|style| Running::start(Version::Good(style), LONG_GRACE));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let programs =
        env::var("ONELOOP_RESP_PROGRAMS").map_or(PROGRAMS, |count| count.parse().unwrap());
    for number in 0..programs {
        let (program, cut) = (program(&mut random, number), random.below(1000));
        let expected = told(redis.port, &program, cut, number);
        for (server, style) in servers.iter().zip(STYLES) {
            let ours = told(server.addr.port(), &program, cut, number);
            assert_eq!(
                ours.escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{style}, program {number}: {}",
                program.concat().escape_ascii()
            );
        }
    }
    servers.into_iter().for_each(|server| _ = server.stop());
}
