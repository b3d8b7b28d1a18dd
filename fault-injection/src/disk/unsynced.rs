//! Which unsynced changes survive a simulated power loss.

/// What a power loss leaves of the changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsyncedData {
    /// Nothing.
    Lost,
    /// All changes.
    Kept,
    /// Some writes, each of them complete.
    SomeWrites,
    /// Some sectors of each write.
    SomeSectors,
}

impl UnsyncedData {
    /// All variants.
    pub const ALL: [Self; 4] = [Self::Lost, Self::Kept, Self::SomeWrites, Self::SomeSectors];
}
