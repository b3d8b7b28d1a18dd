//! A status list token: verifies a signed status list, and looks the status of a token up in it.

use std::time::Duration;

use serde::Deserialize;

use counterfoil_jose::json::{self, JsonError};
use counterfoil_jose::status_list::{StatusList, StatusListError};
use counterfoil_jose::{Algorithm, JwsError, KeySet, Time, jws, numeric_date};

use crate::status::reference::StatusListReference;
use crate::status::token_status::TokenStatus;

/// The `typ` header of status list tokens (section 5.1).
const STATUS_LIST_TYP: [&str; 1] = ["statuslist+jwt"];

/// How far the clock of the issuer may be ahead of ours.
const LEEWAY: Duration = Duration::from_secs(60);

/// What a reader accepts of a status list, so that no issuer makes it use much memory or fetch all the time.
#[derive(Debug, Clone, Copy)]
pub struct StatusListLimits {
    /// The maximum length of the decompressed list in bytes. Counterfoil's lists have 128 KiB.
    pub max_list_bytes: usize,
    /// The maximum length of the token in bytes.
    pub max_token_bytes: usize,
    /// A list is used at least for this time, whatever it says.
    pub min_ttl: Duration,
    /// A list is used at most for this time, whatever it says.
    pub max_ttl: Duration,
}

impl Default for StatusListLimits {
    /// Lists of 1 MiB, tokens of 2 MiB, and between 5 s and 5 minutes until the next fetch.
    fn default() -> Self {
        Self {
            max_list_bytes: 1 << 20,
            max_token_bytes: 2 << 20,
            min_ttl: Duration::from_secs(5),
            max_ttl: Duration::from_secs(300),
        }
    }
}

/// A status list whose signature and claims are verified (draft-ietf-oauth-status-list, sections 5.1 and 8.3).
///
/// It does no I/O: the caller fetches the list from the `uri` of an access token that it has verified before, with
/// `Accept: application/statuslist+jwt`.
///
/// ```
/// use counterfoil_jose::{Algorithm, KeySet, SigningKey, Time};
/// use counterfoil_verify::{StatusListLimits, StatusListReference, StatusListToken, TokenStatus};
///
/// let key = SigningKey::generate(Algorithm::Es256)?;
/// let (now, uri) = (Time::from_unix_seconds(1_764_000_000), "https://auth.example/v1/status-lists/0");
/// let claims = format!(
///     r#"{{"sub":"{uri}","iat":1764000000,"exp":1764000120,"ttl":60,"status_list":{{"bits":1,"lst":"eNrbuRgAAhcBXQ"}}}}"#
/// );
/// let fetched = key.sign("statuslist+jwt", claims.as_bytes())?;
///
/// let keys = KeySet::new([key.verifying_key()])?;
/// let list = StatusListToken::verify(&fetched, uri, &keys, &[Algorithm::Es256], &StatusListLimits::default(), now)?;
/// let revoked = StatusListReference { index: 3, uri: uri.to_owned() };
/// assert_eq!(list.status(&revoked, now)?, TokenStatus::Invalid);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StatusListToken {
    uri: String,
    list: StatusList,
    expires_at: Option<Time>,
    /// How long after `now` of the verification it is used.
    refetch_after: Duration,
}

/// Why a status list cannot be used, or says nothing about a token. The token must be rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusListTokenError {
    /// The token is malformed, of another `typ`, or its signature is not valid.
    #[error("the status list token is not valid")]
    Token(#[source] JwsError),
    /// A required claim is missing or malformed.
    #[error("the claims of the status list token are malformed")]
    Claims(#[source] JsonError),
    /// The `sub` is not the URL from which the list was requested: it is another list.
    #[error("the status list has another `sub` than its URL")]
    WrongSubject,
    /// The list has expired.
    #[error("the status list has expired")]
    Expired,
    /// The list is from the future.
    #[error("the status list was issued in the future")]
    NotYetValid,
    /// The list cannot be decoded.
    #[error("the status list is malformed")]
    List(#[source] StatusListError),
    /// The list is shorter than the index of the token.
    #[error("the status list has no entry with this index")]
    IndexOutOfRange,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(with = "numeric_date")]
    iat: Time,
    #[serde(default, with = "numeric_date::optional")]
    exp: Option<Time>,
    #[serde(default)]
    ttl: Option<u64>,
    status_list: ListClaim,
}

#[derive(Deserialize)]
struct ListClaim {
    bits: u64,
    lst: String,
}

impl StatusListToken {
    /// Verifies a list that was fetched from `uri`, with the keys of the issuer of the access token.
    ///
    /// # Errors
    ///
    /// The first check that fails: signature and `typ`, claims, `sub`, times, the list.
    pub fn verify(
        token: &str,
        uri: &str,
        keys: &KeySet,
        algorithms: &[Algorithm],
        limits: &StatusListLimits,
        now: Time,
    ) -> Result<Self, StatusListTokenError> {
        let verified =
            jws::verify_with_max_length(token, limits.max_token_bytes, keys, algorithms, &STATUS_LIST_TYP)
                .map_err(StatusListTokenError::Token)?;
        // No claim is read before this line.
        let claims: Claims = json::parse_object(&verified.payload).map_err(StatusListTokenError::Claims)?;
        if claims.sub != uri {
            return Err(StatusListTokenError::WrongSubject);
        }
        check_not_expired(claims.exp, now)?;
        if claims.iat > now + LEEWAY {
            return Err(StatusListTokenError::NotYetValid);
        }
        let ListClaim { bits, lst } = &claims.status_list;
        let list =
            StatusList::decode(*bits, lst, limits.max_list_bytes).map_err(StatusListTokenError::List)?;
        let until_expiry = claims.exp.map_or(Duration::MAX, |exp| exp.since(now));
        let ttl = claims.ttl.map_or(Duration::MAX, Duration::from_secs).min(until_expiry);
        let refetch_after = ttl.clamp(limits.min_ttl, limits.max_ttl.max(limits.min_ttl));
        Ok(Self { uri: claims.sub, list, expires_at: claims.exp, refetch_after })
    }

    /// The status of the token with this reference.
    ///
    /// # Errors
    ///
    /// The list is another one, has expired, or has no entry with this index.
    pub fn status(
        &self,
        reference: &StatusListReference,
        now: Time,
    ) -> Result<TokenStatus, StatusListTokenError> {
        if self.uri != reference.uri {
            return Err(StatusListTokenError::WrongSubject);
        }
        check_not_expired(self.expires_at, now)?;
        let index = usize::try_from(reference.index).ok();
        let status = index.and_then(|index| self.list.get(index));
        status.map(TokenStatus::from).ok_or(StatusListTokenError::IndexOutOfRange)
    }

    /// How long after its verification the reader fetches the list again: its `ttl` or the time until it expires, within the
    /// limits of the reader.
    pub fn refetch_after(&self) -> Duration {
        self.refetch_after
    }
}

fn check_not_expired(expires_at: Option<Time>, now: Time) -> Result<(), StatusListTokenError> {
    if expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(StatusListTokenError::Expired);
    }
    Ok(())
}
