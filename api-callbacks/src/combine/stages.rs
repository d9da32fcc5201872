//! Where the parts of a whole stand.

use std::collections::VecDeque;

use crate::operation::Operation;

/// Where a part stands that has not arrived.
///
/// | | from | to | by | when |
/// |---|---|---|---|---|
/// | 1 | - | `Starting` | `begin` | its function is about to be called |
/// | 2 | `Starting` | `Running` | `begin` | the function has returned an operation that is pending |
/// | 3 | `Starting` | `Ended` | `begin`, `Part::end` | it has ended before it returned: the result comes from the queue |
/// | 4 | `Starting` | `Dropped` | `Part::drop` | it has dropped its completion before it returned |
/// | 5 | `Starting` | `ToCancel` | `PartsOfWhole::next` | the whole is cancelled or over meanwhile |
/// | 6 | `ToCancel` | `Cancelled` | `begin` | the function has returned, and its operation was cancelled |
/// | 7 | `ToCancel` | `Ended`, `Dropped` | `begin`, `Part::end`, `Part::drop` | as 3 and 4 |
/// | 8 | `Running` | `Ended` | `PartsOfWhole::next` | it is asked to end; the result is on its way if it was not pending |
/// | 9 | `Ended` | `Cancelled` | `PartsOfWhole::told` | it was pending when it was asked |
/// | 10 | `Running`, `Ended` | forgotten | `PartsOfWhole::next`, `PartsOfWhole::failed` | what cancels it is gone, or has panicked |
/// | 11 | any | arrived | `arrive`, `Part::drop` | its completion was called, or dropped |
pub(super) enum Stage {
    /// Its function is being called.
    Starting,
    /// So it is, and it is to be cancelled once that has returned.
    ToCancel,
    /// Its function is being called, and has dropped its completion.
    Dropped,
    /// Its operation is pending.
    Running(Operation),
    /// It was cancelled, and will call back as such.
    Cancelled,
    /// It had ended before it could be cancelled: its result is on its way.
    Ended,
}

/// The stages of the parts that have not arrived, in the order in which the parts began.
///
/// A window on the numbers of the parts, from the first that has not arrived to the last: what comes and goes,
/// as the steps of a sequence do, allocates once for all of it.
#[derive(Default)]
pub(super) struct Stages {
    /// The number of the part in front.
    first: usize,
    /// Empty, or with a stage at both ends.
    window: VecDeque<Option<Stage>>,
}

impl Stages {
    /// Enters a part, or has it stand elsewhere.
    pub(super) fn set(&mut self, index: usize, stage: Stage) {
        if self.window.is_empty() {
            self.first = index;
        }
        while index < self.first {
            self.window.push_front(None);
            self.first -= 1;
        }
        let at = index - self.first;
        if at >= self.window.len() {
            self.window.resize_with(at + 1, || None);
        }
        self.window[at] = Some(stage);
    }

    /// Takes a part out.
    pub(super) fn take(&mut self, index: usize) -> Option<Stage> {
        let stage = self.window.get_mut(index.checked_sub(self.first)?)?.take();
        while let Some(None) = self.window.front() {
            self.window.pop_front();
            self.first += 1;
        }
        while let Some(None) = self.window.back() {
            self.window.pop_back();
        }
        stage
    }

    pub(super) fn get(&self, index: usize) -> Option<&Stage> {
        self.window.get(index.checked_sub(self.first)?)?.as_ref()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stage> {
        self.window.iter().flatten()
    }

    /// Returns the parts' numbers.
    pub(super) fn indices(&self) -> impl Iterator<Item = usize> {
        (self.first..)
            .zip(&self.window)
            .filter(|(_, stage)| stage.is_some())
            .map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_and_go_in_any_order_and_keep_the_order_of_their_numbers() {
        let mut stages = Stages::default();
        for index in 3..9 {
            stages.set(index, Stage::Starting);
        }
        for index in [4, 3, 8] {
            assert!(stages.take(index).is_some() && stages.take(index).is_none());
        }
        assert_eq!(stages.indices().collect::<Vec<_>>(), [5, 6, 7]);
        stages.set(3, Stage::Ended);
        assert!(matches!(stages.get(3), Some(Stage::Ended)) && stages.get(4).is_none());
        assert_eq!(stages.indices().collect::<Vec<_>>(), [3, 5, 6, 7]);
        assert_eq!(stages.iter().count(), 4);
        for index in [6, 7, 5, 3, 2, 100] {
            assert_eq!(stages.take(index).is_some(), (3..8).contains(&index), "{index}");
        }
        assert!(stages.is_empty());
        stages.set(100, Stage::Cancelled);
        assert_eq!((stages.first, stages.window.len()), (100, 1));
    }
}
