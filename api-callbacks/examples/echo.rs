//! An echo server: `cargo run -p api-callbacks --example echo 127.0.0.1:7000`.

use std::env;
use std::error::Error;

use api_callbacks::{TcpListener, echo};
use loop_core::EventLoop;

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("say where to listen, such as 127.0.0.1:7000")?;
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let listener = TcpListener::bind(&handle, address.parse()?)?;
    println!("listening on {}", listener.local_addr()?);
    echo::serve(listener, move |error| {
        eprintln!("cannot accept: {error}");
        handle.stop();
    });
    Ok(event_loop.run_forever()?)
}
