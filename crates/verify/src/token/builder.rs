//! What a verifier is told before it judges anything; there is no verifier without it.

use std::time::Duration;

use counterfoil_jose::Algorithm;

use crate::token::foreign_claims::RelaxedChecks;

/// The most that clocks may differ. Revocations are remembered for this much longer than tokens
/// live, and no verifier may accept one that its log has forgotten.
const MAX_LEEWAY: Duration = Duration::from_secs(60);

/// The longest access lifetime that an issuer grants unless it is configured.
const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(3600);

/// Verified tokens that are remembered, unless it is said otherwise.
const DEFAULT_CACHE_SIZE: usize = 100_000;

/// A verifier that could not judge safely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierBuildError {
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
    /// A subject or roles are read from claims that our own tokens do not have.
    #[error("claims are mapped, but foreign claims are not accepted")]
    ClaimMapping,
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
    pub(crate) cache_size: usize,
    /// What is not asked of tokens; nothing unless a danger was named.
    pub(crate) relaxed: Option<RelaxedChecks>,
}

impl TokenVerifierBuilder {
    pub(crate) fn new(issuer: &str, audience: &str, algorithms: &[Algorithm]) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            algorithms: algorithms.to_vec(),
            leeway: MAX_LEEWAY,
            max_lifetime: DEFAULT_MAX_LIFETIME,
            cache_size: DEFAULT_CACHE_SIZE,
            relaxed: None,
        }
    }

    /// Takes tokens for this audience too, exactly as it stands in `aud`.
    #[must_use]
    pub fn additional_audience(mut self, audience: impl Into<String>) -> Self {
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
    pub const fn cache_size(mut self, tokens: usize) -> Self {
        self.cache_size = tokens;
        self
    }

    /// Takes tokens with the claims of another issuer: Keycloak, Auth0, an application with a secret of its
    /// own. The subject is any text, `scp` is read for `scope`, `azp` for `client_id`; `exp` and `iat` are
    /// required as ever. An issuer may end with a slash.
    ///
    /// It opens this: such tokens do not say where our log of revocations stood (`pos`, `sid`), so a logout or a
    /// revocation does not reach them. They are good until they expire.
    ///
    /// ```
    /// use counterfoil_jose::{Algorithm, KeySet, VerifyingKey};
    /// use counterfoil_verify::TokenVerifier;
    ///
    /// // An Express application with `jwt.sign({ userId, role }, process.env.JWT_SECRET, { expiresIn: '15m' })`.
    /// let secret = b"8f1d2a6c5b9e4f07a3d6c1e8b2f4907d5ac3e6f1b8092d4e7f6a1c3b5d8e9f02";
    /// let key = VerifyingKey::from_secret(Algorithm::Hs256, "express", secret)?;
    /// let verifier = TokenVerifier::builder("express", "express", &[Algorithm::Hs256])
    ///     .danger_accept_foreign_claims()
    ///     .danger_accept_untyped()
    ///     .danger_accept_any_issuer()
    ///     .danger_accept_any_audience()
    ///     .subject_claim("userId")
    ///     .roles_claim(&["role"])
    ///     .build(KeySet::new([key])?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn danger_accept_foreign_claims(mut self) -> Self {
        self.relax().foreign_claims = true;
        self
    }

    /// Takes tokens whose `typ` is `JWT` or absent. One that names another kind is refused all the same.
    ///
    /// It opens this: an ID token, or a link to reset a password, that the same key signed for the same
    /// audience is taken for an access token (RFC 8725, section 2.8).
    #[must_use]
    pub fn danger_accept_untyped(mut self) -> Self {
        self.relax().untyped = true;
        self
    }

    /// Takes tokens for any audience, or for none.
    ///
    /// It opens this: whoever runs another service of the same issuer can use here the tokens that its users
    /// show there (RFC 8725, section 2.7).
    #[must_use]
    pub fn danger_accept_any_audience(mut self) -> Self {
        self.relax().any_audience = true;
        self
    }

    /// Takes tokens that name another issuer, or none: whoever has the key is the issuer.
    ///
    /// It opens this: where several issuers or tenants sign with one key, each speaks for the users of all.
    #[must_use]
    pub fn danger_accept_any_issuer(mut self) -> Self {
        self.relax().any_issuer = true;
        self
    }

    /// AcceptedCredentials who it is from this claim of a foreign token: a text or a whole number. It is to be a name that is
    /// never given to somebody else, and that users cannot choose; an e-mail address is neither.
    #[must_use]
    pub fn subject_claim(mut self, claim: &str) -> Self {
        self.relax().subject = Some(claim.to_owned());
        self
    }

    /// AcceptedCredentials the roles of a foreign token at the end of this path through its claims: `["realm_access",
    /// "roles"]` with Keycloak, `["https://shop.example/roles"]` with Auth0. A text is one role.
    #[must_use]
    pub fn roles_claim(mut self, path: &[&str]) -> Self {
        self.relax().roles = path.iter().map(|&name| name.to_owned()).collect();
        self
    }

    fn relax(&mut self) -> &mut RelaxedChecks {
        self.relaxed.get_or_insert_default()
    }

    /// Refuses what would not be safe to judge by.
    pub(crate) fn validate(&self) -> Result<(), VerifierBuildError> {
        let foreign = self.relaxed.as_ref().is_some_and(|relaxed| relaxed.foreign_claims);
        if self.issuer.is_empty() || (self.issuer.ends_with('/') && !foreign) {
            return Err(VerifierBuildError::Issuer);
        }
        if !foreign && self.relaxed.as_ref().is_some_and(RelaxedChecks::maps_claims) {
            return Err(VerifierBuildError::ClaimMapping);
        }
        if self.audiences.iter().any(String::is_empty) {
            return Err(VerifierBuildError::Audience);
        }
        let secret = self.algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
        if self.algorithms.is_empty() || (secret != 0 && secret != self.algorithms.len()) {
            return Err(VerifierBuildError::Algorithms);
        }
        if self.leeway > MAX_LEEWAY {
            return Err(VerifierBuildError::Leeway);
        }
        Ok(())
    }
}
