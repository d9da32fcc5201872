//! What a connection can be told, and how it is made and written to, in every style the same.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::{self, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use api_async::run_until_complete;
use examples::Style;
use futures::io::AsyncWriteExt;
use loop_core::{AggregateError, Chunk, EventLoop, LoopHandle, is_cancelled};
use socket2::SockRef;

/// What the streams of all styles can be told.
trait Told: AsFd + Sized {
    fn of_std(handle: &LoopHandle, stream: net::TcpStream) -> io::Result<Self>;
    fn nodelay(&self, nodelay: bool) -> io::Result<()>;
    fn keepalive(&self, silence: Option<Duration>) -> io::Result<()>;
    fn linger(&self, time: Option<Duration>) -> io::Result<()>;
}

macro_rules! told {
    ($wing:ident) => {
        impl Told for $wing::TcpStream {
            fn of_std(handle: &LoopHandle, stream: net::TcpStream) -> io::Result<Self> {
                $wing::TcpStream::from_std(handle, stream)
            }

            fn nodelay(&self, nodelay: bool) -> io::Result<()> {
                self.set_nodelay(nodelay)
            }

            fn keepalive(&self, silence: Option<Duration>) -> io::Result<()> {
                self.set_keepalive(silence)
            }

            fn linger(&self, time: Option<Duration>) -> io::Result<()> {
                self.set_linger(time)
            }
        }
    };
}

told!(api_callbacks);
told!(api_promises);
told!(api_async);

fn pair() -> (net::TcpStream, net::TcpStream) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (connected, listener.accept().unwrap().0)
}

/// Tells a stream of one style all that there is, and asks the system what it has heard.
fn hears_what_it_is_told<S: Told>() {
    let event_loop = EventLoop::new().unwrap();
    let (ours, _theirs) = pair();
    let stream = S::of_std(&event_loop.handle(), ours).unwrap();
    let asked = SockRef::from(&stream);
    assert!(asked.nonblocking().unwrap());
    for nodelay in [true, false] {
        stream.nodelay(nodelay).unwrap();
        assert_eq!(asked.tcp_nodelay().unwrap(), nodelay);
    }
    let (short, seconds) = (Duration::from_millis(1_500), Duration::from_secs(2));
    stream.keepalive(Some(short)).unwrap();
    assert!(asked.keepalive().unwrap());
    assert_eq!(asked.tcp_keepalive_time().unwrap(), seconds);
    stream.keepalive(None).unwrap();
    assert!(!asked.keepalive().unwrap());
    for (told, heard) in [(short, seconds), (Duration::ZERO, Duration::ZERO)] {
        stream.linger(Some(told)).unwrap();
        assert_eq!(asked.linger().unwrap(), Some(heard), "half a second is not cut off to none");
    }
    stream.linger(None).unwrap();
    assert_eq!(asked.linger().unwrap(), None);
}

#[test]
fn a_stream_of_the_standard_library_hears_what_it_is_told() {
    hears_what_it_is_told::<api_callbacks::TcpStream>();
    hears_what_it_is_told::<api_promises::TcpStream>();
    hears_what_it_is_told::<api_async::TcpStream>();
}

/// Tells a stream of one style what the system cannot do; returns the errors.
fn refusals<S: Told>() -> Vec<String> {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (ours, _theirs) = pair();
    let stream = S::of_std(&handle, ours).unwrap();
    let refused = [
        stream.keepalive(Some(Duration::ZERO)),
        stream.keepalive(Some(Duration::from_secs(32_768))),
        stream.linger(Some(Duration::MAX)),
    ];
    assert!(!SockRef::from(&stream).keepalive().unwrap(), "what is refused sets nothing");
    event_loop.close();
    assert!(is_cancelled(&S::of_std(&handle, pair().0).err().unwrap()));
    stream.nodelay(true).unwrap();
    let texts = refused.map(|refused| {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    });
    texts.into()
}

#[test]
fn what_the_system_cannot_do_is_the_same_error_in_every_style() {
    let refused = refusals::<api_callbacks::TcpStream>();
    assert_eq!(refused[0], "a keep-alive of 0ns is not from 1 to 32767 seconds");
    assert_eq!(refused, refusals::<api_promises::TcpStream>());
    assert_eq!(refused, refusals::<api_async::TcpStream>());
}

#[test]
fn a_listener_of_the_standard_library_accepts_in_every_style() {
    for style in Style::WINGS {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted: io::Result<SocketAddr> = match style {
            Style::Callbacks => {
                let listener = api_callbacks::TcpListener::from_std(&handle, listener).unwrap();
                assert!(SockRef::from(&listener).nonblocking().unwrap());
                let accepted = event_loop.run_until_complete(|completer| {
                    listener.accept(|_, accepted| completer.complete(accepted));
                });
                accepted.unwrap().map(|(_, peer)| peer)
            }
            Style::Promises => {
                let listener = api_promises::TcpListener::from_std(&handle, listener).unwrap();
                assert!(SockRef::from(&listener).nonblocking().unwrap());
                let accepted = listener.accept().map(|(_, peer)| peer);
                accepted.run_until_complete(&mut event_loop).unwrap()
            }
            _ => {
                let listener = api_async::TcpListener::from_std(&handle, listener).unwrap();
                assert!(SockRef::from(&listener).nonblocking().unwrap());
                let accepts = async move { listener.accept().await.map(|(_, peer)| peer) };
                run_until_complete(&mut event_loop, accepts).unwrap()
            }
        };
        assert_eq!(accepted.unwrap(), client.local_addr().unwrap(), "{style}");
    }
}

/// Connects to a host in one style, and returns the address that took the connection.
fn reached(style: Style, host: &str, port: u16) -> io::Result<SocketAddr> {
    let mut event_loop = EventLoop::new().unwrap();
    let (handle, host) = (event_loop.handle(), (host, port));
    match style {
        Style::Callbacks => {
            let connected = event_loop.run_until_complete(|completer| {
                api_callbacks::TcpStream::connect_to_host(&handle, host, |connected| {
                    completer.complete(connected);
                });
            });
            connected.unwrap()?.peer_addr()
        }
        Style::Promises => {
            let connected = api_promises::TcpStream::connect_to_host(&handle, host);
            connected.run_until_complete(&mut event_loop).unwrap()?.peer_addr()
        }
        _ => {
            let (name, connects) = (host.0.to_owned(), handle.clone());
            let connects = async move {
                api_async::TcpStream::connect_to_host(&connects, (&name, port)).await
            };
            run_until_complete(&mut event_loop, connects).unwrap()?.peer_addr()
        }
    }
}

#[test]
fn a_host_is_looked_up_and_its_addresses_tried_in_turn() {
    // Only on IPv4, so that where the name has an IPv6 address too, that one is refused.
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for style in Style::WINGS {
        assert_eq!(reached(style, "localhost", address.port()).unwrap(), address, "{style}");
        assert_eq!(reached(style, "127.0.0.1", address.port()).unwrap(), address, "{style}");
    }
}

#[test]
fn when_no_address_takes_it_every_failure_is_told_with_its_address() {
    let closed = net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut texts = Vec::new();
    for style in Style::WINGS {
        let error = reached(style, "localhost", closed.port()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{style}");
        let all: &AggregateError<io::Error> = error.get_ref().unwrap().downcast_ref().unwrap();
        assert!(all.to_string().contains(&format!("{closed}: ")), "{style}: {all}");
        texts.push(error.to_string());
        assert!(reached(style, "not a name", 80).is_err(), "{style}");
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

/// Writes a header and a body as one style does, and returns how many system calls that took.
fn written(style: Style) -> u64 {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (ours, mut theirs) = pair();
    let parts = vec![Chunk::from(b"header ".to_vec()), Chunk::from(b"body".to_vec())];
    let before = handle.counts().writes;
    let count = match style {
        Style::Callbacks => {
            let stream = api_callbacks::TcpStream::from_std(&handle, ours).unwrap();
            let written = event_loop.run_until_complete(|completer| {
                api_callbacks::bytes::write_all_vectored(&stream, parts, |_, written, _| {
                    completer.complete(written);
                });
            });
            written.unwrap().unwrap()
        }
        Style::Promises => {
            let stream = api_promises::TcpStream::from_std(&handle, ours).unwrap();
            let written = api_promises::bytes::write_all_vectored(&stream, parts);
            written.run_until_complete(&mut event_loop).unwrap().unwrap().0
        }
        _ => {
            let stream = api_async::TcpStream::from_std(&handle, ours).unwrap();
            let writes = async move {
                let (written, _) = api_async::bytes::write_all_vectored(&stream, parts).await;
                written
            };
            run_until_complete(&mut event_loop, writes).unwrap().unwrap()
        }
    };
    let calls = handle.counts().writes - before;
    let mut bytes = [0; 11];
    theirs.read_exact(&mut bytes).unwrap();
    assert_eq!((count, &bytes), (11, b"header body"), "{style}");
    calls
}

#[test]
fn a_header_and_its_body_are_one_system_call_in_every_style() {
    for style in Style::WINGS {
        assert_eq!(written(style), 1, "{style}");
    }
}

#[test]
fn so_they_are_through_the_trait_of_futures() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (ours, _theirs) = pair();
    let mut stream = api_async::TcpStream::from_std(&handle, ours).unwrap();
    let before = handle.counts().writes;
    let parts = [IoSlice::new(b"header "), IoSlice::new(b"body")];
    let writes = async move { stream.write_vectored(&parts).await };
    assert_eq!(run_until_complete(&mut event_loop, writes).unwrap().unwrap(), 11);
    assert_eq!(handle.counts().writes - before, 1);
}
