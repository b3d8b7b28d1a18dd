//! The values that a status list can have for a token.

/// The status of a token (draft-ietf-oauth-status-list, section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenStatus {
    /// 0: the token is valid.
    Valid,
    /// 1: the token is revoked, for ever.
    Invalid,
    /// 2: the token is not valid now, and may be again.
    Suspended,
    /// A value that is reserved or has a meaning in the application only. Such a token is not valid.
    Other(u8),
}

impl TokenStatus {
    /// Whether the token may be accepted. What is not known is not valid.
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Valid)
    }
}

impl From<u8> for TokenStatus {
    fn from(value: u8) -> Self {
        match value {
            0 => Self::Valid,
            1 => Self::Invalid,
            2 => Self::Suspended,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TokenStatus;

    #[test]
    fn only_0_is_valid() {
        let valid: Vec<u8> = (0..=u8::MAX).filter(|value| TokenStatus::from(*value).is_valid()).collect();
        assert_eq!(valid, [0]);
        assert_eq!(TokenStatus::from(2), TokenStatus::Suspended);
        assert_eq!(TokenStatus::from(0x0c), TokenStatus::Other(0x0c));
    }
}
