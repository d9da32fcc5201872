//! Of what waits for the program itself: permits, ticks, room to write, a token.

use std::time::Duration;

use api_callbacks::{CancellationToken, FlowControl, Interval, RateLimit, Semaphore};

use super::{lab, reported};

#[test]
fn of_permits_and_room_that_come_later() {
    let (mut event_loop, handle, lines) = lab();
    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    semaphore.acquire(&handle, |_| panic!("on purpose"));
    let of_acquire = line!() - 1;
    drop(permit);
    assert_eq!(reported(&mut event_loop, &lines, 1), [of_acquire]);
    let flow = FlowControl::new(&handle);
    flow.pause();
    flow.drain(|_| panic!("on purpose"));
    let of_drain = line!() - 1;
    flow.resume();
    assert_eq!(reported(&mut event_loop, &lines, 1), [of_drain]);
    let token = CancellationToken::new();
    token.cancelled(&handle, |_| panic!("on purpose"));
    let of_token = line!() - 1;
    token.cancel();
    assert_eq!(reported(&mut event_loop, &lines, 1), [of_token]);
}

#[test]
fn of_ticks_and_rates() {
    let (mut event_loop, handle, lines) = lab();
    let interval = Interval::new(&handle, Duration::from_millis(1)).unwrap();
    for _ in 0..2 {
        interval.tick(|_| panic!("on purpose"));
        assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    }
    let rate = RateLimit::new(&handle, 1, Duration::from_millis(1)).unwrap();
    for _ in 0..2 {
        rate.wait(|_| panic!("on purpose"));
        assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    }
}
