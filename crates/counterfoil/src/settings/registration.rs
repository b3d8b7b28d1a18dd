//! Whether users register themselves.

/// Whether users may register over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Anyone may register.
    #[default]
    Open,
    /// Only an operator or an administrator adds users.
    Closed,
}
