//! On smol: the first to end of what is read and a timer.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use smol::Timer;
use smol::future::{or, yield_now};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

use crate::echo::BUFFER_BYTES;
use crate::echo::tally::Tally;

/// As in the echo without a timeout.
const SHARE_BYTES: usize = 4 * BUFFER_BYTES;

pub(crate) async fn echo(
    mut stream: TcpStream,
    idle_timeout: Duration,
    tally: &Tally,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut share = SHARE_BYTES;
    loop {
        let silent = async {
            Timer::after(idle_timeout).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        let length = or(stream.read(&mut buffer), silent).await?;
        if length == 0 {
            return stream.shutdown(Shutdown::Write);
        }
        tally.read();
        stream.write_all(&buffer[..length]).await?;
        tally.written();
        share = share.saturating_sub(length);
        if share == 0 {
            yield_now().await;
            share = SHARE_BYTES;
        }
    }
}
