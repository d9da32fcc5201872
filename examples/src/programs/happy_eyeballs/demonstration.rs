//! Happy eyeballs from the command line: a host of the user's, or three addresses of this machine.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{Options, interleave, run};
use crate::Style;
use crate::programs::bounds::{MILLISECONDS_MAX, number};
use crate::programs::program::say;

/// How long it takes to see that an address does not answer any more.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The host to connect to [default: three addresses of this machine, of which one answers]
    #[arg(value_name = "HOST:PORT", value_parser = target)]
    target: Option<String>,
    /// How long an attempt is alone before the next one begins, 0..=86400000
    #[arg(long, value_name = "MS", default_value_t = 250, allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=MILLISECONDS_MAX))]
    delay: u32,
    /// How long the whole may take, 0..=86400000
    #[arg(long, value_name = "MS", default_value_t = 10_000, allow_negative_numbers = true)]
    #[arg(value_parser = number(0..=MILLISECONDS_MAX))]
    limit: u32,
}

/// Connects, and says to which; that none takes the connection is the program's failure.
pub(super) fn demonstrate(style: Style, flags: &Flags) -> io::Result<()> {
    let here = Here::new()?;
    let addresses = match &flags.target {
        Some(target) => interleave(&target.to_socket_addrs()?.collect::<Vec<_>>(), 1),
        None => here.told()?,
    };
    let (delay, limit) = (
        Duration::from_millis(flags.delay.into()),
        Some(Duration::from_millis(flags.limit.into())),
    );
    let begun = Instant::now();
    let race = run(style, &Options { addresses, delay, limit })?;
    let winner = race.connected.map_err(io::Error::other)?;
    say(&format!("connected to {winner} after {} ms", begun.elapsed().as_millis()));
    Ok(())
}

/// Reads a host and a port; whether there is such a host is found out later.
fn target(text: &str) -> Result<String, String> {
    let (_host, port) = text.rsplit_once(':').ok_or("a host and a port are HOST:PORT")?;
    number(0..=u16::MAX)(port)?;
    Ok(text.to_owned())
}

/// Three addresses of this machine.
struct Here {
    silent: Socket,
    /// Connections that are not accepted, so that there is no room for another.
    _filling: Vec<TcpStream>,
    refusing: Socket,
    listening: TcpListener,
}

impl Here {
    fn new() -> io::Result<Here> {
        let listening = TcpListener::bind("127.0.0.1:0")?;
        let (silent, refusing) = (bound()?, bound()?);
        silent.listen(0)?;
        let address = address_of(&silent)?;
        let connect = || TcpStream::connect_timeout(&address, PATIENCE).ok();
        Ok(Here { silent, _filling: std::iter::from_fn(connect).collect(), refusing, listening })
    }

    /// Says what is at which address, and returns all, the one that answers last.
    fn told(&self) -> io::Result<Vec<SocketAddr>> {
        let (silent, refusing) = (address_of(&self.silent)?, address_of(&self.refusing)?);
        let listening = self.listening.local_addr()?;
        say(&format!("{silent} does not answer"));
        say(&format!("{refusing} refuses"));
        say(&format!("{listening} takes connections"));
        Ok(vec![silent, refusing, listening])
    }
}

/// Returns a socket that has an address of its own; while nothing listens there, it refuses.
fn bound() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    Ok(socket)
}

fn address_of(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
