//! How much memory bodies may take together while they are being read: in all, and those of one source.

use crate::limits::quota::{Exhausted, Share, Shares, Source};
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
pub(crate) struct Bodies(Shares);

impl Bodies {
    /// As many bytes as these limits allow; enough for one request at least, and for one of each source.
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = limits.max_total_body_memory.max(REQUEST);
        let part =
            most as u128 * limits.max_connections_per_ip as u128 / limits.max_connections.max(1) as u128;
        let least = REQUEST.saturating_add(limits.max_body_size);
        Self(Shares::new(most, usize::try_from(part).unwrap_or(usize::MAX).max(least)))
    }

    /// Begins a body, if there is something left; its share grows with it. A source that is not named may have all.
    pub(crate) fn begin(&self, source: Option<Source>) -> Result<Share, Exhausted> {
        self.0.take(source, REQUEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Source = [1; 17];

    /// A tenth of them for each source.
    fn bodies(bytes: usize) -> Bodies {
        Bodies::new(&Limits { max_total_body_memory: bytes, max_body_size: 0, ..Limits::default() })
    }

    #[test]
    fn each_body_costs_a_request_and_a_source_has_a_part() {
        let bodies = bodies(20 * REQUEST);
        let mut first = bodies.begin(Some(ONE)).unwrap();
        let _second = bodies.begin(Some(ONE)).unwrap();

        assert_eq!(first.grow(1), Err(Exhausted::Part), "two are its part");
        let mut rest = bodies.begin(None).unwrap();
        assert_eq!(rest.grow(17 * REQUEST), Ok(()), "a proxy has what is left");
        assert_eq!(rest.grow(1), Err(Exhausted::All));
    }

    #[test]
    fn one_request_and_one_whole_body_of_each_source_there_always_is() {
        assert!(bodies(0).begin(Some(ONE)).is_ok());
        let limits = Limits { max_connections_per_ip: 1, ..Limits::default() };

        assert_eq!(Bodies::new(&limits).begin(Some(ONE)).unwrap().grow(limits.max_body_size), Ok(()));
    }
}
