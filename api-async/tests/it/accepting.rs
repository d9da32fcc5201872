//! Accepting while descriptors have run out.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpStream as Peer};
use std::process::Command;
use std::time::Duration;

use api_async::combine::timeout;
use api_async::{TcpListener, run_until_complete, scope, sleep};
use futures::future::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use loop_core::{AggregateError, EventLoop, LoopHandle, ManualClock};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A task that is polled by its scope, and not by the loop, is parked with the scope's waker.
#[test]
fn an_accept_inside_a_scope_goes_on_when_descriptors_are_there_again() {
    alone("accepting::in_a_scope");
}

#[test]
fn an_accept_among_futures_of_its_task_goes_on_when_descriptors_are_there_again() {
    alone("accepting::among_futures");
}

#[test]
#[ignore = "a process of its own for another test"]
fn in_a_scope() {
    shortage(|handle, listener| async move {
        let (address, listener) = (listener.local_addr().unwrap(), &listener);
        let accepted = Cell::new(0);
        let counted = &accepted;
        let whole = scope(&handle.clone(), |scope| async move {
            scope.spawn(async move {
                for _ in 0..2 {
                    listener.accept().await?;
                    counted.set(counted.get() + 1);
                }
                io::Result::Ok(())
            });
            lack_and_relief(&handle, address).await;
            Ok(())
        });
        let ended: Result<(), AggregateError<io::Error>> = whole.await;
        ended.unwrap();
        assert_eq!(accepted.get(), 2);
    });
}

#[test]
#[ignore = "a process of its own for another test"]
fn among_futures() {
    shortage(|handle, listener| async move {
        let address = listener.local_addr().unwrap();
        let accepting = async {
            listener.accept().await.unwrap();
            listener.accept().await.unwrap();
        };
        let parts = [accepting.boxed_local(), lack_and_relief(&handle, address).boxed_local()];
        FuturesUnordered::from_iter(parts).for_each(|()| async {}).await;
    });
}

/// Runs `program` with a listener, on a clock that jumps, for an hour at most.
fn shortage<F: Future<Output = ()> + 'static>(program: impl FnOnce(LoopHandle, TcpListener) -> F) {
    let clock = ManualClock::new().autojump(Duration::from_millis(50));
    let mut event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    handle.set_exception_handler(|_, context| assert!(context.message.contains("accepting again")));
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let program = program(handle.clone(), listener).map(io::Result::Ok);
    let within = async move { timeout(&handle, Duration::from_secs(3_600), program).await };
    run_until_complete(&mut event_loop, within).unwrap().expect("the listener is deaf");
}

/// Connects twice while no descriptor is left, and lets them be there again.
async fn lack_and_relief(handle: &LoopHandle, address: SocketAddr) {
    let peers = [Peer::connect(address).unwrap(), Peer::connect(address).unwrap()];
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: limit.maximum }).unwrap();
    sleep(handle, Duration::from_millis(100)).await;
    setrlimit(Resource::Nofile, limit).unwrap();
    sleep(handle, Duration::from_secs(3)).await;
    drop(peers);
}

/// Runs an ignored test in a process of its own, where no other test opens descriptors meanwhile.
fn alone(test: &str) {
    let arguments = ["--exact", test, "--ignored", "--nocapture"];
    let output = Command::new(std::env::current_exe().unwrap()).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}
