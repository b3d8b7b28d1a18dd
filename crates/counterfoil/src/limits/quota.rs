//! So much of something for all, and a part of it for one source: counted when taken, given back when dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whom something is given to, as the throttle sees it too.
pub(crate) type Source = [u8; 17];

/// What there is of something. One source gets a part of it, so that nobody takes it all.
#[derive(Debug, Clone)]
pub(crate) struct Shares(Arc<Bounds>);

#[derive(Debug)]
struct Bounds {
    most: usize,
    most_of_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<Source, usize>,
}

/// What somebody has of it, until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Share {
    bounds: Arc<Bounds>,
    source: Option<Source>,
    amount: usize,
}

/// Why somebody gets nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// All of it is taken, by whomever.
    All,
    /// The source has its part already: its own doing, whatever others have.
    Part,
}

impl Shares {
    /// So much in all, and so much of it for one source.
    pub(crate) fn new(most: usize, most_of_source: usize) -> Self {
        Self(Arc::new(Bounds { most, most_of_source, taken: Mutex::default() }))
    }

    /// So much for `source`, if it is there. A source that is not named may have all.
    pub(crate) fn take(&self, source: Option<Source>, amount: usize) -> Result<Share, Exhausted> {
        let mut share = Share { bounds: Arc::clone(&self.0), source, amount: 0 };
        share.grow(amount)?;
        Ok(share)
    }
}

impl Share {
    /// Takes so much more. What it has already it keeps in either case.
    pub(crate) fn grow(&mut self, amount: usize) -> Result<(), Exhausted> {
        let bounds = &*self.bounds;
        bounds.taken().take(amount, self.source, bounds)?;
        self.amount += amount;
        Ok(())
    }
}

impl Bounds {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counters that are whole after each statement.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Takes so much, if both bounds hold with it.
    fn take(&mut self, amount: usize, source: Option<Source>, bounds: &Bounds) -> Result<(), Exhausted> {
        let within = |taken: usize, most: usize| taken.checked_add(amount).filter(|sum| *sum <= most);
        let of_source = |source| self.of.get(&source).copied().unwrap_or_default();
        let part = source.map(|source| {
            within(of_source(source), bounds.most_of_source).map(|sum| (source, sum)).ok_or(Exhausted::Part)
        });
        let part = part.transpose()?;
        self.all = within(self.all, bounds.most).ok_or(Exhausted::All)?;
        self.of.extend(part);
        Ok(())
    }

    fn give_back(&mut self, amount: usize, source: Option<Source>) {
        self.all -= amount;
        if let Some(source) = source
            && let Some(of_source) = self.of.get_mut(&source)
        {
            *of_source -= amount;
            // Who is gone takes no memory.
            if *of_source == 0 {
                self.of.remove(&source);
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bounds.taken().give_back(self.amount, self.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Source = [1; 17];
    const OTHER: Source = [2; 17];

    #[test]
    fn no_more_is_taken_together_than_there_is() {
        let shares = Shares::new(3, 3);
        let (one, mut other) = (shares.take(None, 2).unwrap(), shares.take(Some(OTHER), 1).unwrap());

        assert_eq!(other.grow(1), Err(Exhausted::All));
        assert_eq!(shares.take(None, 1).unwrap_err(), Exhausted::All);
        drop(one);
        assert_eq!(other.grow(2), Ok(()), "what is let go is there again");
    }

    #[test]
    fn one_source_takes_its_part_and_others_have_the_rest() {
        let shares = Shares::new(10, 2);
        let (mut first, second) = (shares.take(Some(ONE), 1).unwrap(), shares.take(Some(ONE), 1).unwrap());

        assert_eq!(first.grow(1), Err(Exhausted::Part));
        assert_eq!(shares.take(Some(ONE), 1).unwrap_err(), Exhausted::Part);
        let _other = shares.take(Some(OTHER), 2).unwrap();
        drop(second);
        assert_eq!(first.grow(1), Ok(()));
        let _unbounded = shares.take(None, 6).unwrap();
        assert_eq!(
            first.grow(1),
            Err(Exhausted::Part),
            "its own doing, though nothing is left for others either"
        );
    }

    #[test]
    fn who_is_gone_is_not_remembered() {
        let shares = Shares::new(1000, 2);
        for number in 0..=255 {
            let mut held = shares.take(Some([number; 17]), 1).unwrap();
            assert_eq!(held.grow(1), Ok(()));
        }

        let taken = shares.0.taken();
        assert_eq!((taken.all, taken.of.len()), (0, 0));
    }

    #[test]
    fn who_gets_nothing_leaves_no_trace() {
        let shares = Shares::new(1, 2);
        assert_eq!(shares.take(Some(ONE), 2).unwrap_err(), Exhausted::All);
        assert_eq!(shares.take(Some(ONE), usize::MAX).unwrap_err(), Exhausted::Part);

        let taken = shares.0.taken();
        assert_eq!((taken.all, taken.of.len()), (0, 0));
    }

    #[test]
    fn what_is_larger_than_anything_is_not_there() {
        let shares = Shares::new(usize::MAX, usize::MAX);

        assert_eq!(shares.take(None, 1).unwrap().grow(usize::MAX), Err(Exhausted::All));
    }
}
