//! A file descriptor in reserve, so that connections can be accepted and closed when no other is free.

use std::fs::File;
use std::io;

use rustix::io::Errno;

/// Errors of `accept` that belong to the one connection (accept(2), "Error handling"): the next one can be accepted.
const CONNECTION_ERRORS: [Errno; 12] = [
    Errno::CONNABORTED,
    Errno::INTR,
    Errno::PERM,
    Errno::PROTO,
    Errno::NOPROTOOPT,
    Errno::OPNOTSUPP,
    Errno::NETDOWN,
    Errno::NETUNREACH,
    Errno::NONET,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
    Errno::TIMEDOUT,
];

/// A descriptor of `/dev/null`. Without a free descriptor `accept` fails at once, again and again, and the clients wait
/// in the system's queue. This one is closed then, and the next connection takes its place.
#[derive(Debug)]
pub(crate) struct SpareDescriptor(Option<File>);

impl SpareDescriptor {
    /// Takes a descriptor if one is free.
    pub(crate) fn new() -> Self {
        let mut spare = Self(None);
        spare.restore();
        spare
    }

    /// Takes a descriptor again, if one is free. Returns whether it has one.
    ///
    /// Call it after the connection is accepted for which the descriptor was closed, not before.
    pub(crate) fn restore(&mut self) -> bool {
        if self.0.is_none() {
            self.0 = File::open("/dev/null").ok();
        }
        self.0.is_some()
    }

    /// Closes the descriptor. Returns false if it is closed already.
    pub(crate) fn release(&mut self) -> bool {
        self.0.take().is_some()
    }
}

/// Whether an error of `accept` belongs to the one connection, so that the next one can be accepted at once.
pub(crate) fn is_connection_error(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| CONNECTION_ERRORS.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_is_released_once_until_it_is_restored() {
        let mut spare = SpareDescriptor::new();

        assert!(spare.release());
        assert!(!spare.release());
        assert!(spare.restore());
        assert!(spare.release());
    }

    #[test]
    fn an_aborted_connection_does_not_concern_the_next_one_and_a_lack_of_descriptors_does() {
        assert!(is_connection_error(&Errno::CONNABORTED.into()));
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::BADF] {
            assert!(!is_connection_error(&errno.into()), "{errno}");
        }
    }
}
