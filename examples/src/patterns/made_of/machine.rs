//! The state machine behind an `async` block: by hand, and the compiler's, and how large both are.
//!
//! The program adds up two numbers that come one after the other. What it needs after a pause must
//! stand in its state; what it does not, need not. A buffer that lives across the pause is part of the
//! future, and one that is gone before is not: that is all there is to the size of a future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How much both programs put aside for a moment.
pub const BUFFER_BYTES: usize = 1024;

/// Adds up two numbers, by hand. Each variant is a place where the program pauses, with what it still
/// needs there.
pub enum Sum<A, B> {
    /// It waits for the first number, and has the future of the second.
    First(A, B),
    /// It waits for the second number, and has the first.
    Second(u64, B),
    /// It is over.
    Done,
}

impl<A, B> Future for Sum<A, B>
where
    A: Future<Output = u64> + Unpin,
    B: Future<Output = u64> + Unpin,
{
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        loop {
            match std::mem::replace(&mut *self, Sum::Done) {
                Sum::First(mut first, second) => match Pin::new(&mut first).poll(cx) {
                    Poll::Ready(value) => *self = Sum::Second(value, second),
                    Poll::Pending => {
                        *self = Sum::First(first, second);
                        return Poll::Pending;
                    }
                },
                Sum::Second(value, mut second) => match Pin::new(&mut second).poll(cx) {
                    Poll::Ready(other) => return Poll::Ready(value + other),
                    Poll::Pending => {
                        *self = Sum::Second(value, second);
                        return Poll::Pending;
                    }
                },
                Sum::Done => panic!("a future is not polled after its end"),
            }
        }
    }
}

/// Adds up two numbers, as one would write it.
pub async fn sum(first: impl Future<Output = u64>, second: impl Future<Output = u64>) -> u64 {
    let first = first.await;
    first + second.await
}

/// Fills a buffer, waits, and looks at the buffer: it lives across the pause.
pub async fn across(pause: impl Future<Output = u64>) -> u64 {
    let buffer = [1_u8; BUFFER_BYTES];
    let value = pause.await;
    value + buffer.iter().map(|byte| u64::from(*byte)).sum::<u64>()
}

/// Fills a buffer, looks at it, and waits: it is gone before the pause.
pub async fn before(pause: impl Future<Output = u64>) -> u64 {
    let sum = {
        let buffer = [1_u8; BUFFER_BYTES];
        buffer.iter().map(|byte| u64::from(*byte)).sum::<u64>()
    };
    pause.await + sum
}

#[cfg(test)]
mod tests {
    use std::mem::{size_of, size_of_val};
    use std::task::Waker;

    use super::*;

    /// A number that comes when it has been asked for so many times.
    struct After(u32, u64);

    impl Future for After {
        type Output = u64;

        fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<u64> {
            if self.0 == 0 {
                return Poll::Ready(self.1);
            }
            self.0 -= 1;
            Poll::Pending
        }
    }

    /// Polls until the end; returns the output and how many polls it took.
    fn drive(future: impl Future<Output = u64>) -> (u64, usize) {
        let mut future = Box::pin(future);
        let mut cx = Context::from_waker(Waker::noop());
        for polls in 1.. {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return (output, polls);
            }
        }
        unreachable!("it ends")
    }

    #[test]
    fn both_machines_take_the_same_steps() {
        for (first, second) in [(0, 0), (2, 0), (0, 3), (2, 3)] {
            let by_hand = drive(Sum::First(After(first, 40), After(second, 2)));
            let by_compiler = drive(sum(After(first, 40), After(second, 2)));
            assert_eq!(by_hand, by_compiler);
            assert_eq!(by_hand, (42, (first + second + 1) as usize));
        }
    }

    /// The compiler's machine keeps its arguments beside the places they are moved to, so that it is
    /// larger than one by hand, by what it was given.
    #[test]
    fn the_machine_by_hand_is_not_larger_than_the_compiler_s() {
        let by_hand = size_of_val(&Sum::First(After(0, 0), After(0, 0)));
        let by_compiler = size_of_val(&sum(After(0, 0), After(0, 0)));
        println!("by hand {by_hand} bytes, by the compiler {by_compiler}");
        assert!(by_hand <= 2 * size_of::<After>() + size_of::<u64>());
        assert!(by_hand <= by_compiler);
        assert!(by_compiler <= 5 * size_of::<After>() + 2 * size_of::<u64>());
    }

    #[test]
    fn only_what_lives_across_a_pause_is_part_of_a_future() {
        let (across, before) =
            (size_of_val(&across(After(0, 0))), size_of_val(&before(After(0, 0))));
        println!("across {across} bytes, before {before}");
        assert!(across >= BUFFER_BYTES);
        assert!(before < BUFFER_BYTES / 4);
        assert_eq!(drive(super::across(After(1, 0))), drive(super::before(After(1, 0))));
    }
}
