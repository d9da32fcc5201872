//! On tokio: a timeout of what is read.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::echo::BUFFER_BYTES;
use crate::echo::tally::Tally;

pub(crate) async fn echo(
    mut stream: TcpStream,
    idle_timeout: Duration,
    tally: &Tally,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = timeout(idle_timeout, stream.read(&mut buffer)).await??;
        if length == 0 {
            return stream.shutdown().await;
        }
        tally.read();
        stream.write_all(&buffer[..length]).await?;
        tally.written();
    }
}
