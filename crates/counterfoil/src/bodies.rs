//! How much memory bodies may take together while they are being read.

use tokio::sync::{Semaphore, SemaphorePermit};

/// What a request that is being read costs beside its body: its headers, a task, buffers below us.
const REQUEST: u32 = 8 * 1024;

/// The bytes that there are for bodies that are not at their end yet.
///
/// Ten thousand connections with a few streams each, and a body of a few bytes less than it announced on each of
/// them, would otherwise hold gigabytes for as long as a request may take. Whoever finds nothing left is told to
/// come back; what was begun is read to its end, or to the end of its time.
#[derive(Debug)]
pub(crate) struct Bodies(Semaphore);

/// What one body holds of them, until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held<'b> {
    bodies: &'b Bodies,
    bytes: SemaphorePermit<'b>,
}

impl Bodies {
    /// So many bytes; enough for one request at least.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Semaphore::new(bytes.clamp(REQUEST as usize, Semaphore::MAX_PERMITS)))
    }

    /// Begins a body, if there is something left.
    pub(crate) fn begin(&self) -> Option<Held<'_>> {
        Some(Held { bodies: self, bytes: self.0.try_acquire_many(REQUEST).ok()? })
    }
}

impl Held<'_> {
    /// Takes so many bytes more; false if there are not as many.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let more = u32::try_from(bytes).ok().and_then(|bytes| self.bodies.0.try_acquire_many(bytes).ok());
        more.map(|more| self.bytes.merge(more)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_take_no_more_together_than_there_is() {
        let bodies = Bodies::new(3 * REQUEST as usize);
        let mut one = bodies.begin().unwrap();
        let mut other = bodies.begin().unwrap();

        assert!(one.grow(REQUEST as usize - 1) && other.grow(1));
        assert!(!other.grow(1), "nothing is left");
        assert!(bodies.begin().is_none());
        drop(one);
        assert!(other.grow(1) && bodies.begin().is_some(), "what was read is let go");
    }

    #[test]
    fn what_is_larger_than_anything_is_not_there() {
        let bodies = Bodies::new(usize::MAX);
        assert!(!bodies.begin().unwrap().grow(usize::MAX));
        assert!(Bodies::new(0).begin().is_some(), "one request there always is");
    }
}
