//! Many fibers, cancelled wherever they are: nothing is left of them. And what a message allocates.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use allocation_counter::measure;
use examples::fibers::{self, Fiber, TcpListener, all, race, sleep, spawn, timeout};
use loop_core::{EventLoop, LoopHandle, ManualClock};

use super::processes::alone;
use super::{Held, SECOND};

/// The most fibers that are there at once.
const AT_ONCE_MAX: usize = 10_000;

/// The longest that a fiber sleeps.
const MOST_SECONDS: u64 = 2_000;

#[test]
fn a_hundred_thousand_fibers_that_are_cancelled_anywhere_leave_nothing() {
    let output = alone("fibers::crowd::a_hundred_thousand");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "a process of its own for another test: it counts what the process maps"]
fn a_hundred_thousand() {
    storm(100_000);
}

#[test]
#[ignore = "a minute; a process of its own"]
fn a_million() {
    storm(1_000_000);
}

/// Spawns so many fibers, cancels each at some point of what it does, and looks at what is left.
fn storm(fibers: usize) {
    let clock = ManualClock::new().autojump(Duration::ZERO);
    let mut event_loop = EventLoop::with_clock(clock).unwrap();
    let handle = event_loop.handle();
    let mapped = mappings();
    let (drops, live) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (dropped, lives, inside) = (drops.clone(), live.clone(), handle.clone());
    let most = fibers::run(&mut event_loop, move || blow(&inside, fibers, &dropped, &lives));
    let most = most.unwrap();
    assert!((AT_ONCE_MAX / 5..=AT_ONCE_MAX).contains(&most), "{most} at once");
    assert_eq!((drops.get(), live.get()), (fibers, 0));
    let left = handle.snapshot();
    assert!(left.ready.is_empty() && left.timed.is_empty(), "{left:?}");
    // Two windows of turns give back the stacks that none of their turns has needed.
    for _ in 0..200 {
        handle.call_soon(|| ());
        event_loop.run_once().unwrap();
    }
    let left = mappings();
    assert!(left <= mapped + 8, "{mapped} mappings before, {left} after");
}

/// Returns how many were there at once; each may have two fibers of its own beside.
fn blow(
    handle: &LoopHandle,
    fibers: usize,
    drops: &Rc<Cell<usize>>,
    live: &Rc<Cell<usize>>,
) -> io::Result<usize> {
    let (mut random, mut most, mut spawned) = (fastrand(), 0, Vec::<Fiber<()>>::new());
    for _ in 0..fibers {
        live.set(live.get() + 1);
        let (held, choice) = ((Held(drops.clone()), Leaves(live.clone())), random());
        let inside = handle.clone();
        spawned.push(spawn(handle, move || {
            let _held = held;
            wander(&inside, choice)
        }));
        most = most.max(live.get());
        if random() % 64 == 0 {
            sleep(handle, SECOND * (random() % 3) as u32)?;
        }
        if spawned.len() == AT_ONCE_MAX / 3 {
            let fiber = spawned.swap_remove(random() as usize % spawned.len());
            fiber.cancel();
            // Others are detached while they unwind.
            if random() % 2 == 0 {
                fiber.join().ok();
            }
        }
    }
    spawned.iter().for_each(|fiber| _ = fiber.cancel());
    spawned.into_iter().for_each(|fiber| _ = fiber.join());
    // A fiber whose joiner was cancelled runs on.
    sleep(handle, SECOND * MOST_SECONDS as u32)?;
    Ok(most)
}

/// Counts one less when its fiber has gone.
struct Leaves(Rc<Cell<usize>>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Waits in one way or another, perhaps for nothing and perhaps in fibers of its own.
fn wander(handle: &LoopHandle, choice: u64) -> io::Result<()> {
    let after = |seconds: u64| {
        let handle = handle.clone();
        move || sleep(&handle, SECOND * seconds as u32)
    };
    let long = choice % MOST_SECONDS;
    match choice % 7 {
        0 => Ok(()),
        1 => after(long)(),
        2 => timeout(handle, SECOND, after(long)).or(Ok(())),
        3 => all(handle, [after(long), after(2)]).map(drop),
        4 => race(handle, [after(long), after(MOST_SECONDS / 2)]),
        5 => spawn(handle, after(long)).join(),
        _ => {
            fibers::wait(|resume| api_callbacks::sleep(handle, SECOND, |slept| resume.with(slept)))
        }
    }
}

/// Returns numbers that are the same in each run (Knuth: MMIX).
fn fastrand() -> impl FnMut() -> u64 {
    let mut state = 23_u64;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

#[test]
fn a_message_allocates_nothing_nor_does_its_deadline() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let inside = handle.clone();
    spawn(&handle, move || {
        let (stream, _peer) = listener.accept()?;
        while let Some(chunk) = timeout(&inside, 60 * SECOND, || stream.read_chunk())? {
            stream.write_chunk(chunk)?;
        }
        Ok(())
    })
    .detach();
    let mut allocations = |messages: usize| {
        let mut echo = || {
            let written = handle.counts().writes;
            client.write_all(b"message").unwrap();
            while handle.counts().writes == written {
                event_loop.run_once().unwrap();
            }
            client.read_exact(&mut [0; 7]).unwrap();
        };
        measure(|| (0..messages).for_each(|_| echo())).count_total
    };
    allocations(200);
    assert_eq!([100, 1_000, 10_000].map(&mut allocations), [0; 3]);
}
