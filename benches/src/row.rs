//! The rows of a run whose requests a server answers.

/// A kind of request whose rate is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Row {
    /// The bare route; requests carry a session token.
    Bare,
    /// The bare route; requests carry an access token, which is five times as long.
    BareWithToken,
    Session,
    /// Access tokens that the server has verified before.
    CachedToken,
    /// The bare route; requests carry a session token and the headers of a proxy.
    BareForwarded,
    /// Forward authentication, for such requests.
    Forwarded,
    /// Access tokens that the server has not seen before.
    UnseenToken,
    Refresh,
    SequentialRefresh,
    Login,
}

impl Row {
    /// In the order in which they are measured and shown.
    pub(crate) const ALL: [Self; 10] = [
        Self::Bare,
        Self::BareWithToken,
        Self::Session,
        Self::CachedToken,
        Self::BareForwarded,
        Self::Forwarded,
        Self::UnseenToken,
        Self::Refresh,
        Self::SequentialRefresh,
        Self::Login,
    ];

    /// Its name in a list of rows of one kind.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare axum route, request with a cookie",
            Self::BareWithToken => "bare axum route, request with a JWT",
            Self::Session => "protected route, session in a cookie",
            Self::CachedToken => "protected route, JWT seen before",
            Self::BareForwarded => "bare axum route, request of a proxy",
            Self::Forwarded => "forward authentication, session in a cookie",
            Self::UnseenToken => "protected route, JWT not seen before",
            Self::Refresh => "refresh, durable, 64 concurrent",
            Self::SequentialRefresh => "refresh, durable, one at a time",
            Self::Login => "login",
        }
    }
}
