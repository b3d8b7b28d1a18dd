//! How much memory bodies may take together while they are being read: in all, and those of one source.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::places::Source;
use crate::settings::Limits;

/// What a request that is being read costs beside its body: its headers, a task, buffers below us.
const REQUEST: usize = 8 * 1024;

/// The bytes that there are for bodies that are not at their end yet.
///
/// Ten thousand connections with a few streams each, and a body of a few bytes less than it announced on each of
/// them, would otherwise hold gigabytes for as long as a request may take. Whoever finds nothing left is told to
/// come back; what was begun is read to its end, or to the end of its time. One source has the same part of them
/// that it has of the connections: with the streams of HTTP/2 it could else take them all.
#[derive(Debug)]
pub(crate) struct Bodies {
    most: usize,
    most_of_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<Source, usize>,
}

/// What one body holds of them, until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held<'b> {
    bodies: &'b Bodies,
    source: Option<Source>,
    bytes: usize,
}

impl Bodies {
    /// As many bytes as these limits allow; enough for one request at least, and for one of each source.
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = limits.bodies.max(REQUEST);
        let part = most as u128 * limits.connections_of_source as u128 / limits.connections.max(1) as u128;
        let least = REQUEST.saturating_add(limits.body);
        let most_of_source = usize::try_from(part).unwrap_or(usize::MAX).max(least);
        Self { most, most_of_source, taken: Mutex::default() }
    }

    /// Begins a body, if there is something left. A source that is not named may have all.
    pub(crate) fn begin(&self, source: Option<Source>) -> Option<Held<'_>> {
        let mut held = Held { bodies: self, source, bytes: 0 };
        held.grow(REQUEST).then_some(held)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counters that are whole after each statement.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Takes so many bytes, if both bounds hold with them.
    fn take(&mut self, bytes: usize, source: Option<Source>, bodies: &Bodies) -> bool {
        let of_source = source.map_or(0, |source| self.of.get(&source).copied().unwrap_or_default());
        let fits = |taken: usize, most: usize| taken.checked_add(bytes).is_some_and(|sum| sum <= most);
        if !fits(self.all, bodies.most) || (source.is_some() && !fits(of_source, bodies.most_of_source)) {
            return false;
        }
        self.all += bytes;
        if let Some(source) = source {
            self.of.insert(source, of_source + bytes);
        }
        true
    }
}

impl Held<'_> {
    /// Takes so many bytes more; false if there are not as many.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let has_grown = self.bodies.taken().take(bytes, self.source, self.bodies);
        self.bytes += if has_grown { bytes } else { 0 };
        has_grown
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut taken = self.bodies.taken();
        taken.all -= self.bytes;
        if let Some(source) = self.source
            && let Some(of_source) = taken.of.get_mut(&source)
        {
            *of_source -= self.bytes;
            // Who is gone takes no memory.
            if *of_source == 0 {
                taken.of.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Source = [1; 17];
    const OTHER: Source = [2; 17];

    /// A tenth of them for each source.
    fn bodies(bytes: usize) -> Bodies {
        Bodies::new(&Limits { bodies: bytes, body: 0, ..Limits::default() })
    }

    #[test]
    fn bodies_take_no_more_together_than_there_is() {
        let bodies = bodies(3 * REQUEST);
        let mut one = bodies.begin(None).unwrap();
        let mut other = bodies.begin(None).unwrap();

        assert!(one.grow(REQUEST - 1) && other.grow(1));
        assert!(!other.grow(1), "nothing is left");
        assert!(bodies.begin(None).is_none());
        drop(one);
        assert!(other.grow(1) && bodies.begin(None).is_some(), "what was read is let go");
    }

    #[test]
    fn one_source_takes_its_part_and_others_are_read() {
        let bodies = bodies(20 * REQUEST);
        let mut first = bodies.begin(Some(ONE)).unwrap();
        let second = bodies.begin(Some(ONE)).unwrap();

        assert!(bodies.begin(Some(ONE)).is_none() && !first.grow(1), "two are its part");
        assert!(bodies.begin(Some(OTHER)).is_some());
        assert!(
            bodies.begin(None).is_some_and(|mut held| held.grow(17 * REQUEST)),
            "a proxy has what is left"
        );
        drop(second);
        assert!(first.grow(REQUEST), "what is let go is there again");
    }

    #[test]
    fn who_is_gone_is_not_remembered() {
        let bodies = bodies(20 * REQUEST);
        let mut held = bodies.begin(Some(ONE)).unwrap();
        assert!(held.grow(1));
        drop(held);

        let taken = bodies.taken();
        assert_eq!((taken.all, taken.of.len()), (0, 0));
    }

    #[test]
    fn what_is_larger_than_anything_is_not_there() {
        assert!(!bodies(usize::MAX).begin(Some(ONE)).unwrap().grow(usize::MAX));
        assert!(bodies(0).begin(Some(ONE)).is_some(), "one request there always is");
        let narrow = Bodies::new(&Limits { connections_of_source: 1, ..Limits::default() });
        assert!(
            narrow.begin(Some(ONE)).unwrap().grow(narrow.most / 2048),
            "and one whole body of each source"
        );
    }
}
