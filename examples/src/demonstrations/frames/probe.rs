//! The fault, and the backtrace that is taken where it happens.

use std::backtrace::Backtrace;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use super::FUNCTIONS;

/// When the program fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// In `look_up`, before it waits.
    Before,
    /// In `look_up`, after it has waited.
    After,
    /// In `serve`, when the answer has come back.
    Back,
    /// It does not.
    Never,
}

/// What a backtrace shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The names of all frames, innermost first, as the backtrace spells them.
    pub frames: Vec<String>,
}

/// What the program asks at each moment whether it is to fail.
#[derive(Clone)]
pub(super) struct Probe {
    moment: Moment,
    /// What `look_up` finds: a constant would be known to the compiler, which makes a tail call then,
    /// and a frame less.
    found: u32,
    /// Shared with a thread, in one of the styles.
    seen: Arc<Mutex<Seen>>,
}

/// What the program fails with: not a panic, which would be printed, but the same unwinding.
pub(super) const FAULT: &str = "the injected fault";

impl Moment {
    /// The moments at which it fails.
    pub const FAULTS: [Moment; 3] = [Moment::Before, Moment::After, Moment::Back];
}

impl Seen {
    /// Returns which functions of the program are there, innermost first, as often as they are there.
    pub fn functions(&self) -> Vec<&'static str> {
        self.frames.iter().filter_map(|frame| function_of_the_program(frame)).collect()
    }

    /// Returns how many frames are the loop's or a wing's.
    pub fn frames_of_the_loop(&self) -> usize {
        let ours = ["loop_core::", "api_callbacks::", "api_promises::", "api_async::"];
        let is_ours = |frame: &&String| {
            let frame = frame.trim_start_matches('<');
            ours.iter().any(|start| frame.starts_with(start))
        };
        self.frames.iter().filter(is_ours).count()
    }

    /// Reads a backtrace as it is printed: `  7: name`, and the place in a line of its own.
    fn read(text: &str) -> Seen {
        let frames = text.lines().filter_map(|line| {
            let (number, name) = line.trim_start().split_once(": ")?;
            number.parse::<usize>().ok()?;
            Some(name.to_owned())
        });
        Seen { frames: frames.collect() }
    }
}

/// Finds the function of the program that a frame is of, be it the function or a closure in it.
pub(super) fn function_of_the_program(frame: &str) -> Option<&'static str> {
    let (_style, function) =
        frame.strip_prefix("examples::demonstrations::frames::")?.split_once("::")?;
    let end = function.find([':', '<', '(', ' ']).unwrap_or(function.len());
    FUNCTIONS.into_iter().find(|known| *known == &function[..end])
}

impl Probe {
    pub(super) fn new(moment: Moment) -> Probe {
        Probe { moment, found: std::hint::black_box(20), seen: Arc::default() }
    }

    pub(super) fn found(&self) -> u32 {
        self.found
    }

    /// Fails if this is the moment.
    #[inline(never)]
    pub(super) fn at(&self, moment: Moment) {
        if moment == self.moment {
            self.take_backtrace();
            resume_unwind(Box::new(FAULT));
        }
    }

    /// Keeps the backtrace of the caller.
    #[inline(never)]
    pub(super) fn take_backtrace(&self) {
        let seen = Seen::read(&Backtrace::force_capture().to_string());
        *self.seen.lock().expect("no failure holds the lock") = seen;
    }

    /// Returns what the backtrace showed, if one was taken.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().expect("no failure holds the lock").clone()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Moment::Before => "before it waits",
            Moment::After => "after it has waited",
            Moment::Back => "on the way back",
            Moment::Never => "never",
        })
    }
}
