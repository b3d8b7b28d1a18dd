//! What a verifier is told before it judges anything; there is no verifier without it.

use std::time::Duration;

use counterfoil_jose::Algorithm;

/// The most that clocks may differ. Revocations are remembered for this much longer than tokens
/// live, and no verifier may accept one that its log has forgotten.
const MAX_LEEWAY: Duration = Duration::from_secs(60);

/// The longest access lifetime that an issuer grants unless it is configured.
const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(3600);

/// Verified tokens that are remembered, unless it is said otherwise.
const DEFAULT_CACHE: usize = 100_000;

/// A verifier that could not judge safely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The issuer is empty, or ends with a slash that its tokens will not have.
    #[error("the issuer is to be its exact URL, without a trailing slash")]
    Issuer,
    /// An audience is empty.
    #[error("an audience is to be a text that tokens name")]
    Audience,
    /// No algorithm is allowed, or secrets beside public keys (RFC 8725, section 2.1).
    #[error("the algorithms are to be of one family, secret or public keys, and at least one")]
    Algorithms,
    /// The leeway is over a minute.
    #[error("the leeway is to be at most 60 seconds: revocations are remembered no longer")]
    Leeway,
}

/// What a [`TokenVerifier`](crate::TokenVerifier) goes by; made by
/// [`TokenVerifier::builder`](crate::TokenVerifier::builder).
#[derive(Debug, Clone)]
pub struct TokenVerifierBuilder {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) leeway: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) cache: usize,
}

impl TokenVerifierBuilder {
    pub(crate) fn new(issuer: &str, audience: &str, algorithms: &[Algorithm]) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            algorithms: algorithms.to_vec(),
            leeway: MAX_LEEWAY,
            max_lifetime: DEFAULT_MAX_LIFETIME,
            cache: DEFAULT_CACHE,
        }
    }

    /// Takes tokens for this audience too, exactly as it stands in `aud`.
    #[must_use]
    pub fn or_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How far the issuer's clock may differ from ours; 60 seconds unless said otherwise, and at most.
    #[must_use]
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest `exp - iat` that is taken; an hour unless said otherwise. It is to be no longer
    /// than the issuer's own maximum: revocations are remembered for that long.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// How many verified tokens are remembered, so that their signature need not be judged again,
    /// about 1.5 KiB each; 100,000 unless said otherwise, 0 for none.
    #[must_use]
    pub const fn remember(mut self, tokens: usize) -> Self {
        self.cache = tokens;
        self
    }

    /// Refuses what would not be safe to judge by.
    pub(crate) fn judge(&self) -> Result<(), SettingsError> {
        if self.issuer.is_empty() || self.issuer.ends_with('/') {
            return Err(SettingsError::Issuer);
        }
        if self.audiences.iter().any(String::is_empty) {
            return Err(SettingsError::Audience);
        }
        let secret = self.algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
        if self.algorithms.is_empty() || (secret != 0 && secret != self.algorithms.len()) {
            return Err(SettingsError::Algorithms);
        }
        if self.leeway > MAX_LEEWAY {
            return Err(SettingsError::Leeway);
        }
        Ok(())
    }
}
