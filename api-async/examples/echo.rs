//! An echo server: `cargo run -p api-async --example echo 127.0.0.1:7000`.

use std::env;
use std::error::Error;
use std::io;

use api_async::{TcpListener, echo};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("say where to listen, such as 127.0.0.1:7000")?;
    let address = address.parse()?;
    api_async::run(async move |handle| {
        let listener = TcpListener::bind(&handle, address)?;
        println!("listening on {}", listener.local_addr()?);
        let Err(error) = echo::serve(listener).await;
        Err::<(), io::Error>(error)
    })??;
    Ok(())
}
