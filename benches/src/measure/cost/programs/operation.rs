//! What is counted of each program: one operation, and how it is done again and again.
//!
//! Rule: the peer of a program lives in this process, waits until the program has gone to sleep,
//! and is never counted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use examples::{Server, Stopped, Style, steps};
use socket2::{Domain, Socket, Type};

use crate::measure::arm::{Tool, this_program};

/// Operations of a short and of a long run: of those that take a moment, and a while.
const MANY: [u64; 2] = [10, 110];
const SOME: [u64; 2] = [5, 55];
const FEW: [u64; 2] = [2, 12];

/// In which a program goes to sleep between two operations.
const PAUSE: Duration = Duration::from_millis(2);

/// The same for a server that has a timer of its own: that is to count for less than a tenth.
const SHORT_PAUSE: Duration = Duration::from_micros(500);

/// Nothing here takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many hear what one says.
const HEARERS: usize = 3;

const MESSAGE: [u8; 64] = [b'x'; 64];

/// Has an operation done so often.
pub(super) type Drive = fn(&Trial, u64) -> io::Result<Stopped>;

/// An operation of a program.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// The program.
    pub(super) program: &'static str,
    /// What is done once.
    pub(super) what: &'static str,
    /// How often in a short and in a long run.
    pub(super) times: [u64; 2],
    /// Whether each run of it makes a loop of its own, which is not the program's cost.
    pub(super) makes_a_loop: bool,
    /// What drives the program to do it.
    pub(super) drive: Drive,
}

/// The operation of each program, by name.
pub(super) static OPERATIONS: [Operation; 6] = [
    Operation {
        program: "chat",
        what: "a line that one says and three others hear",
        times: MANY,
        makes_a_loop: false,
        drive: chat,
    },
    Operation {
        program: "crawler",
        what: "a page, fetched over a connection of its own and searched for links",
        times: SOME,
        makes_a_loop: false,
        drive: crawl,
    },
    Operation {
        program: "happy-eyeballs",
        what: "a connection, when the first address refuses and the second takes it",
        times: SOME,
        makes_a_loop: true,
        drive: connect,
    },
    Operation {
        program: "key-value",
        what: "a GET of a value of 64 bytes, alone in its segment",
        times: MANY,
        makes_a_loop: false,
        drive: get,
    },
    Operation {
        program: "proxy",
        what: "a message of 64 bytes that is passed on, and its echo that is passed back",
        times: MANY,
        makes_a_loop: false,
        drive: pass_on,
    },
    Operation {
        program: "steps",
        what: "a whole run with its items fetched one after the other, to the end of its clean-up",
        times: FEW,
        makes_a_loop: true,
        drive: take_steps,
    },
];

/// A program in a process of its own, which may be watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) program: &'static str,
    pub(super) style: Style,
    pub(super) tool: Tool,
}

impl Trial {
    fn command(&self, times: u64, peers: &[SocketAddr]) -> Command {
        let mut command = match self.tool {
            [] => Command::new(this_program()),
            [tool, arguments @ ..] => {
                let mut command = Command::new(tool);
                command.args(arguments).arg(this_program());
                command
            }
        };
        command.args(["operate", self.program, "--style", self.style.name()]);
        command.args(["--times", &times.to_string()]);
        command.args(["--end-with", &std::process::id().to_string()]);
        for peer in peers {
            command.args(["--peer", &peer.to_string()]);
        }
        command
    }

    /// Runs a program that ends by itself.
    pub(super) fn finish(&self, times: u64, peers: &[SocketAddr]) -> io::Result<Stopped> {
        let output = self.command(times, peers).output()?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Ok(Stopped { status: output.status, stdout, stderr })
    }

    /// Runs a server while `drive` talks to it.
    fn serve(
        &self,
        peers: &[SocketAddr],
        drive: impl FnOnce(SocketAddr) -> io::Result<()>,
    ) -> io::Result<Stopped> {
        let server = Server::start(&mut self.command(1, peers))?;
        drive(server.addr())?;
        server.stop()
    }
}

fn chat(trial: &Trial, times: u64) -> io::Result<Stopped> {
    trial.serve(&[], |addr| {
        let mut members = Vec::new();
        for name in ["ann", "bob", "cid", "dan"] {
            let mut member = BufReader::new(client(addr)?);
            member.get_mut().write_all(format!("{name}\n").as_bytes())?;
            // A member that has joined hears the others' names, and they hear its name.
            read_until(&mut member, "here with you")?;
            members.iter_mut().try_for_each(|other| read_until(other, name))?;
            members.push(member);
        }
        let (speaker, hearers) = members.split_first_mut().expect("four have joined");
        assert_eq!(hearers.len(), HEARERS);
        for _ in 0..times {
            thread::sleep(PAUSE);
            speaker.get_mut().write_all(b"a line\n")?;
            hearers.iter_mut().try_for_each(|hearer| read_until(hearer, "a line"))?;
        }
        Ok(())
    })
}

/// Reads lines until one has a text.
fn read_until(reader: &mut impl BufRead, text: &str) -> io::Result<()> {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

fn crawl(trial: &Trial, times: u64) -> io::Result<Stopped> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        let links: String = (1..times).map(|page| format!("<a href=\"/{page}\">x</a>")).collect();
        // How a connection ends is in the totals of the crawl.
        listener.incoming().flatten().for_each(|stream| drop(serve_page(stream, &links)));
    });
    trial.finish(1, &[addr])
}

/// Answers one request, and waits until the client has gone.
fn serve_page(stream: TcpStream, links: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request)?;
    let body = if request.starts_with("GET / ") { links } else { "a page" };
    thread::sleep(PAUSE);
    let head = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length:";
    let answer = format!("{head} {}\r\n\r\n{body}", body.len());
    stream.get_mut().write_all(answer.as_bytes())?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn connect(trial: &Trial, times: u64) -> io::Result<Stopped> {
    // It has an address, and nothing listens there.
    let refusing = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    refusing.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let refusing_addr = refusing.local_addr()?.as_socket().expect("it is an IPv4 socket");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let taking_addr = listener.local_addr()?;
    thread::spawn(move || listener.incoming().for_each(drop));
    trial.finish(times, &[refusing_addr, taking_addr])
}

fn get(trial: &Trial, times: u64) -> io::Result<Stopped> {
    trial.serve(&[], |addr| {
        let mut client = client(addr)?;
        let mut request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$64\r\n".to_vec();
        request.extend(MESSAGE);
        request.extend(b"\r\n");
        client.write_all(&request)?;
        client.read_exact(&mut [0; "+OK\r\n".len()])?;
        for _ in 0..times {
            thread::sleep(SHORT_PAUSE);
            client.write_all(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")?;
            client.read_exact(&mut [0; "$64\r\n".len() + MESSAGE.len() + "\r\n".len()])?;
        }
        Ok(())
    })
}

fn pass_on(trial: &Trial, times: u64) -> io::Result<Stopped> {
    let target = TcpListener::bind("127.0.0.1:0")?;
    let target_addr = target.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        let (mut stream, _peer) = target.accept()?;
        stream.set_nodelay(true)?;
        let mut message = MESSAGE;
        loop {
            stream.read_exact(&mut message)?;
            thread::sleep(PAUSE);
            stream.write_all(&message)?;
        }
    });
    trial.serve(&[target_addr], |addr| {
        let mut client = client(addr)?;
        for _ in 0..times {
            thread::sleep(PAUSE);
            client.write_all(&MESSAGE)?;
            client.read_exact(&mut [0; MESSAGE.len()])?;
        }
        Ok(())
    })
}

fn take_steps(trial: &Trial, times: u64) -> io::Result<Stopped> {
    let peer = steps::Peer::start([])?;
    trial.finish(times, &[peer.address()])
}

fn client(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
