//! The settings of a token verifier, and the checks that refuse unsafe ones.

use std::time::Duration;

use counterfoil_jose::Algorithm;

use crate::token::foreign_claims::RelaxedChecks;

/// The settings of a verifier are unsafe or contradictory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierBuildError {
    /// The issuer is empty, or ends with a slash that the `iss` of its tokens does not have.
    #[error("the issuer must be its exact URL, without a trailing slash")]
    Issuer,
    /// An audience is empty.
    #[error("an audience must not be empty")]
    Audience,
    /// No algorithm is allowed, or shared-secret and public-key algorithms together (RFC 8725, section 2.1).
    #[error("the algorithms must be at least one, and either all for public keys or all for shared secrets")]
    Algorithms,
    /// The leeway is longer than a minute.
    #[error("the leeway must be at most 60 seconds, because revocations are kept no longer")]
    Leeway,
    /// The subject or the roles are mapped from claims that the issuer's own tokens do not have.
    #[error("mapping claims requires `danger_accept_foreign_claims`")]
    ClaimMapping,
}

/// Builds a [`TokenVerifier`](crate::TokenVerifier); created by
/// [`TokenVerifier::builder`](crate::TokenVerifier::builder).
#[derive(Debug, Clone)]
pub struct TokenVerifierBuilder {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) leeway: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) cache_size: usize,
    /// The checks that a `danger_…` method has turned off.
    pub(crate) relaxed: Option<RelaxedChecks>,
}

impl TokenVerifierBuilder {
    /// The longest leeway, and the default. Revocations are kept for this much longer than tokens live, and a verifier must
    /// not accept a token whose revocation has already been removed from the log.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(60);

    /// The default maximum of `exp - iat`: the longest lifetime of access tokens that an issuer grants by default.
    pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(3600);

    /// The default number of verified tokens in the cache.
    pub const DEFAULT_CACHE_SIZE: usize = 100_000;

    pub(crate) fn new(issuer: &str, audience: &str, algorithms: &[Algorithm]) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            algorithms: algorithms.to_vec(),
            leeway: Self::MAX_LEEWAY,
            max_lifetime: Self::DEFAULT_MAX_LIFETIME,
            cache_size: Self::DEFAULT_CACHE_SIZE,
            relaxed: None,
        }
    }

    /// Accepts tokens for this audience too, compared exactly with `aud`.
    #[must_use]
    pub fn additional_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How far the clocks of the issuer and of this verifier may differ; 60 seconds by default and at most.
    #[must_use]
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest `exp - iat` that is accepted; an hour by default. It must not be longer than the issuer's
    /// own maximum, because revocations are kept only that long.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// How many verified tokens are cached, so that their signatures are not verified again: about 1.5 KiB
    /// each; 100,000 by default, 0 turns the cache off.
    #[must_use]
    pub const fn cache_size(mut self, tokens: usize) -> Self {
        self.cache_size = tokens;
        self
    }

    /// Accepts tokens with the claims of another issuer: Keycloak, Auth0, an application with a shared
    /// secret. The subject may be any text, `scp` is read for `scope` and `azp` for `client_id`; `exp` and
    /// `iat` stay required. The issuer may end with a slash.
    ///
    /// The danger: such tokens have no position in the revocation log and no session (`pos`, `sid`), so a
    /// logout or a revocation does not reach them. They stay valid until they expire.
    ///
    /// ```
    /// use counterfoil_verify::{Algorithm, KeySet, TokenVerifier, VerifyingKey};
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

    /// Accepts tokens whose `typ` is `JWT` or absent. A token with another `typ` is still refused.
    ///
    /// The danger: an ID token, or a link to reset a password, that the same key signed for the same audience
    /// is accepted as an access token (RFC 8725, section 2.8).
    #[must_use]
    pub fn danger_accept_untyped(mut self) -> Self {
        self.relax().untyped = true;
        self
    }

    /// Accepts tokens for any audience, or without one.
    ///
    /// The danger: the operator of another service of the same issuer can replay here the tokens that users
    /// send to that service (RFC 8725, section 2.7).
    #[must_use]
    pub fn danger_accept_any_audience(mut self) -> Self {
        self.relax().any_audience = true;
        self
    }

    /// Accepts tokens with any `iss`, or without one: every holder of a signing key is the issuer.
    ///
    /// The danger: if several issuers or tenants share a signing key, each can issue tokens for the users of
    /// all.
    #[must_use]
    pub fn danger_accept_any_issuer(mut self) -> Self {
        self.relax().any_issuer = true;
        self
    }

    /// Reads the subject of a foreign token from this claim: a text or a whole number. Choose an identifier
    /// that is never reassigned and that users cannot choose; an e-mail address is neither.
    #[must_use]
    pub fn subject_claim(mut self, claim: &str) -> Self {
        self.relax().subject = Some(claim.to_owned());
        self
    }

    /// Reads the roles of a foreign token at this path of member names: `["realm_access", "roles"]` with
    /// Keycloak, `["https://shop.example/roles"]` with Auth0. A text is one role.
    #[must_use]
    pub fn roles_claim(mut self, path: &[&str]) -> Self {
        self.relax().roles = path.iter().map(|&name| name.to_owned()).collect();
        self
    }

    fn relax(&mut self) -> &mut RelaxedChecks {
        self.relaxed.get_or_insert_default()
    }

    /// Refuses settings with which verification would not be safe.
    pub(crate) fn validate(&self) -> Result<(), VerifierBuildError> {
        let accepts_foreign = self.relaxed.as_ref().is_some_and(|relaxed| relaxed.foreign_claims);
        if self.issuer.is_empty() || (self.issuer.ends_with('/') && !accepts_foreign) {
            return Err(VerifierBuildError::Issuer);
        }
        if !accepts_foreign && self.relaxed.as_ref().is_some_and(RelaxedChecks::maps_claims) {
            return Err(VerifierBuildError::ClaimMapping);
        }
        if self.audiences.iter().any(String::is_empty) {
            return Err(VerifierBuildError::Audience);
        }
        let symmetric = self.algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
        if self.algorithms.is_empty() || (symmetric != 0 && symmetric != self.algorithms.len()) {
            return Err(VerifierBuildError::Algorithms);
        }
        if self.leeway > Self::MAX_LEEWAY {
            return Err(VerifierBuildError::Leeway);
        }
        Ok(())
    }
}
