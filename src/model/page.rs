//! Pages of a room’s history.

use serde::Serialize;

use super::Message;

/// A contiguous part of a room's history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<M = Message> {
    /// The messages, oldest first.
    pub messages: Vec<M>,
    /// Whether there are older ones.
    pub more_before: bool,
    /// Whether there are newer ones.
    pub more_after: bool,
}

/// The requested part of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The end of the log.
    Latest,
    /// Messages just before this `seq`, exclusive.
    Before(i64),
    /// Messages just after this `seq`, exclusive.
    After(i64),
    /// This `seq` in the middle.
    Around(i64),
}

impl Window {
    /// The inclusive range of `seq` for a log that ends at `last`, or an empty range. There are no gaps, so `limit` numbers are
    /// `limit` messages.
    pub fn range(self, limit: i64, last: i64) -> (i64, i64) {
        let ending_at = |to: i64| ((to - limit + 1).max(1), to);
        match self {
            Self::Latest => ending_at(last),
            Self::Before(seq) => ending_at((seq - 1).clamp(0, last)),
            Self::After(seq) => {
                let from = seq.clamp(0, last) + 1;
                (from, (from + limit - 1).min(last))
            }
            Self::Around(seq) => {
                // If one side is short, the other gets its share.
                let from = (seq.clamp(1, last.max(1)) - limit / 2).min(last - limit + 1).max(1);
                (from, (from + limit - 1).min(last))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_range_of_places() {
        assert_eq!(Window::Latest.range(50, 120), (71, 120));
        assert_eq!(Window::Latest.range(50, 3), (1, 3));
        assert_eq!(Window::Before(71).range(50, 120), (21, 70));
        assert_eq!(Window::Before(10).range(50, 120), (1, 9));
        assert_eq!(Window::Before(9_999).range(50, 120), (71, 120));
        assert_eq!(Window::After(20).range(50, 120), (21, 70));
        assert_eq!(Window::After(100).range(50, 120), (101, 120));
        assert_eq!(Window::Around(60).range(10, 120), (55, 64));
        assert_eq!(Window::Around(1).range(10, 120), (1, 10));
        assert_eq!(Window::Around(120).range(10, 120), (111, 120));
        assert_eq!(Window::Around(9_999).range(10, 120), (111, 120));
    }

    #[test]
    fn an_empty_window_holds_nothing() {
        for (window, last) in
            [(Window::Latest, 0), (Window::Before(1), 5), (Window::After(5), 5), (Window::After(9), 5), (Window::Around(3), 0)]
        {
            let (from, to) = window.range(50, last);
            assert!(from > to, "{window:?} gave {from}..={to}");
        }
    }
}
