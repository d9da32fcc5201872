//! The server that the steps are taken with, and what may be wrong with it.
//!
//! Rule: it serves with blocking threads and the standard library alone, so that no style is tested
//! with itself; and it writes down what it was told.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::END_OF_TRANSMISSION;

/// How long an item takes, so that those at once can be counted.
const ITEM_TIME: Duration = Duration::from_millis(10);

/// How long a farewell is thought about, so that a client that does not wait is seen.
const FAREWELL_TIME: Duration = Duration::from_millis(20);

/// How long a trickling peer waits before each byte.
const TRICKLE_TIME: Duration = Duration::from_millis(5);

/// How much an endless peer sends at most.
const GARBAGE_BYTES_MAX: usize = 4 << 20;

/// A server on this machine; it takes connections until the process ends.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    seen: Arc<Seen>,
}

/// Something that goes wrong, some times.
#[derive(Clone, Debug)]
pub struct Fault {
    /// How the requests begin that it befalls.
    pub request: &'static str,
    /// What happens to them.
    pub what: Misbehaviour,
    /// How often it does, at most.
    pub times: usize,
}

/// What a peer may do in place of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// It never answers.
    Stalls,
    /// It resets the connection.
    Resets,
    /// It ends the connection.
    Closes,
    /// It answers what is no answer.
    TalksGarbage,
    /// It sends a line that does not end.
    TalksWithoutEnd,
    /// It answers, a byte at a time.
    Trickles,
    /// It answers that it will not.
    Refuses,
}

/// What the peer has seen.
#[derive(Debug, Default)]
struct Seen {
    /// What it was told, but for the items that were asked for.
    journal: Mutex<Vec<String>>,
    faults: Mutex<Vec<Fault>>,
    /// How many connections are open.
    open: AtomicUsize,
    /// How many clients did not wait until their farewell was answered.
    impatient: AtomicUsize,
    fetching: AtomicUsize,
    fetching_max: AtomicUsize,
}

impl Peer {
    /// Starts a server that has faults.
    ///
    /// # Errors
    /// When there is no port for it, or no thread.
    pub fn start(faults: impl IntoIterator<Item = Fault>) -> io::Result<Peer> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let faults = Mutex::new(faults.into_iter().collect());
        let seen = Arc::new(Seen { faults, ..Seen::default() });
        let shared = seen.clone();
        thread::Builder::new().spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = shared.clone();
                seen.open.fetch_add(1, Ordering::SeqCst);
                let serve = move || {
                    // How a connection ends, the journal says.
                    let _ = seen.serve(stream);
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                };
                // A client without a thread is not served: the connection is closed.
                if thread::Builder::new().spawn(serve).is_err() {
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                }
            }
        })?;
        Ok(Peer { address, seen })
    }

    /// Returns where the server is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what the server was told so far, but for the items that were asked for.
    pub fn journal(&self) -> Vec<String> {
        lock(&self.seen.journal).clone()
    }

    /// Returns how many connections are open.
    pub fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// Returns how many clients had gone before their farewell was answered.
    pub fn impatient(&self) -> usize {
        self.seen.impatient.load(Ordering::SeqCst)
    }

    /// Returns how many items were fetched at once, at most.
    pub fn fetching_max(&self) -> usize {
        self.seen.fetching_max.load(Ordering::SeqCst)
    }
}

impl Seen {
    /// Serves a connection to its end.
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while let Some(request) = lines.next().transpose()? {
            let is_item = request.starts_with("GET ");
            if !is_item {
                lock(&self.journal).push(request.clone());
            }
            if is_item {
                let others = self.fetching.fetch_add(1, Ordering::SeqCst);
                self.fetching_max.fetch_max(others + 1, Ordering::SeqCst);
                thread::sleep(ITEM_TIME);
                // Before the answer: a client that has it may ask for the next at once.
                self.fetching.fetch_sub(1, Ordering::SeqCst);
            }
            if request == "QUIT" && has_gone_after(&stream, FAREWELL_TIME)? {
                self.impatient.fetch_add(1, Ordering::SeqCst);
            }
            if !self.answer(&request, &mut stream)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers a request, or does what its fault says; tells whether the connection goes on.
    fn answer(&self, request: &str, stream: &mut TcpStream) -> io::Result<bool> {
        let (verb, argument) = request.split_once(' ').unwrap_or((request, ""));
        let answer = match verb {
            "AUTH" if argument == "open sesame" => "OK 7\n".to_owned(),
            "AUTH" => "ERR the secret is another\n".to_owned(),
            "GET" => format!("OK what {argument} is\n"),
            "COMMIT" | "ROLLBACK" => "OK\n".to_owned(),
            "QUIT" => char::from(END_OF_TRANSMISSION).to_string(),
            _ => "ERR no such request\n".to_owned(),
        };
        match self.fault(request) {
            None => stream.write_all(answer.as_bytes())?,
            Some(Misbehaviour::Stalls) => {}
            Some(Misbehaviour::Resets) => {
                SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
                return Ok(false);
            }
            Some(Misbehaviour::Closes) => return Ok(false),
            Some(Misbehaviour::TalksGarbage) => stream.write_all(b"\xff\xfe\x00what?\n")?,
            Some(Misbehaviour::TalksWithoutEnd) => {
                for _ in 0..GARBAGE_BYTES_MAX / 1024 {
                    stream.write_all(&[b'x'; 1024])?;
                }
            }
            Some(Misbehaviour::Trickles) => {
                for byte in answer.as_bytes() {
                    thread::sleep(TRICKLE_TIME);
                    stream.write_all(&[*byte])?;
                }
            }
            Some(Misbehaviour::Refuses) => stream.write_all(b"ERR not today\n")?,
        }
        Ok(verb != "QUIT")
    }

    /// Returns what goes wrong with a request this time.
    fn fault(&self, request: &str) -> Option<Misbehaviour> {
        let mut faults = lock(&self.faults);
        let befalls = |fault: &&mut Fault| fault.times > 0 && request.starts_with(fault.request);
        let fault = faults.iter_mut().find(befalls)?;
        fault.times -= 1;
        Some(fault.what)
    }
}

/// Tells whether the other side closes a connection within some time.
fn has_gone_after(stream: &TcpStream, time: Duration) -> io::Result<bool> {
    stream.set_read_timeout(Some(time))?;
    let gone =
        !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    stream.set_read_timeout(None)?;
    Ok(gone)
}

/// A thread that panicked has left nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
