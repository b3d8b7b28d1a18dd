//! Tokens of other issuers: which checks are relaxed for them, and how their claims are read.

use std::time::Duration;

use serde_json::{Map, Value};

use counterfoil_jose::{Algorithm, Jws, KeySet, Time, VerifiedJws, json};

use crate::auth_error::InvalidReason;
use crate::credential::CredentialKind;
use crate::id::ClientId;
use crate::principal::PrincipalParts;
use crate::revocation::log::RevocationPosition;
use crate::token::registered_claims::RegisteredClaims;

/// The `typ` values that say nothing more specific than "a JWT", or that name an access token.
const UNTYPED: [&str; 2] = ["at+jwt", "JWT"];

/// The exclusive upper bound of a `NumericDate`, 2^53: beyond it a double cannot represent every second.
const NUMERIC_DATE_BOUND: u64 = 1 << 53;

/// Claims that a principal offers through methods, so that they are not kept among its custom claims.
const MAPPED: [&str; 8] = ["iss", "aud", "sub", "iat", "exp", "nbf", "scope", "scp"];

/// The checks that a verifier leaves out, each turned off by a `danger_…` method of its builder.
#[derive(Debug, Clone, Default)]
pub(crate) struct RelaxedChecks {
    /// Accepts claims of another issuer.
    pub(crate) foreign_claims: bool,
    /// Accepts tokens without a specific `typ`.
    pub(crate) untyped: bool,
    /// Accepts tokens for any audience.
    pub(crate) any_audience: bool,
    /// Accepts tokens with any `iss`.
    pub(crate) any_issuer: bool,
    /// The claim with the subject; `None` is `sub`.
    pub(crate) subject: Option<String>,
    /// The path of member names to the roles; if it is empty, no roles are read.
    pub(crate) roles: Vec<String>,
}

impl RelaxedChecks {
    /// Whether claims are mapped, which requires that foreign claims are accepted.
    pub(crate) fn maps_claims(&self) -> bool {
        self.subject.is_some() || !self.roles.is_empty()
    }
}

/// Verifies a token whose `typ` may be absent or generic. A token with another `typ` is still rejected.
pub(crate) fn verify_untyped(
    token: &str,
    keys: &KeySet,
    allowed: &[Algorithm],
) -> Result<VerifiedJws, counterfoil_jose::JwsError> {
    let jws = Jws::parse(token)?;
    match jws.typ() {
        None => jws.danger_verify_any_typ(keys, allowed),
        Some(_) => jws.verify(keys, allowed, &UNTYPED),
    }
}

/// The claims of a token of another issuer.
#[derive(Debug)]
pub(crate) struct ForeignClaims {
    iss: Option<String>,
    aud: Vec<String>,
    iat: Time,
    exp: Time,
    nbf: Option<Time>,
    subject: String,
    scope: Option<String>,
    roles: Vec<String>,
    all: Map<String, Value>,
}

impl ForeignClaims {
    /// Reads the payload of a token whose signature is valid: strict JSON, in which each claim that is used
    /// has its type. `exp`, `iat` and a subject are required whatever is relaxed.
    pub(crate) fn from_json(payload: &[u8], relaxed: &RelaxedChecks) -> Result<Self, InvalidReason> {
        let all: Map<String, Value> =
            json::parse_object(payload).map_err(|_| InvalidReason::MalformedClaims)?;
        Self::read(all, relaxed).ok_or(InvalidReason::MalformedClaims)
    }

    fn read(all: Map<String, Value>, relaxed: &RelaxedChecks) -> Option<Self> {
        // `cnf` binds the token to a key (RFC 7800), which is not checked here. Keycloak names the kind of
        // token in a claim `typ` instead of the header.
        if all.contains_key("cnf") || all.get("typ").is_some_and(|kind| kind != "Bearer") {
            return None;
        }
        Some(Self {
            iss: optional(&all, "iss", string)?,
            aud: optional(&all, "aud", strings)?.unwrap_or_default(),
            iat: optional(&all, "iat", numeric_date)??,
            exp: optional(&all, "exp", numeric_date)??,
            nbf: optional(&all, "nbf", numeric_date)?,
            subject: subject(&all, relaxed.subject.as_deref())?,
            scope: scope(&all)?,
            roles: roles(&all, &relaxed.roles)?,
            all,
        })
    }

    /// The claims that the verifier checks.
    pub(crate) fn registered(&self) -> RegisteredClaims<'_> {
        RegisteredClaims {
            iss: self.iss.as_deref(),
            aud: &self.aud,
            iat: self.iat,
            nbf: self.nbf,
            exp: self.exp,
        }
    }

    /// The parts of a principal. It has no user id and no session id, even if its claims look like those of a
    /// Counterfoil issuer.
    pub(crate) fn into_parts(mut self, verified: &VerifiedJws) -> PrincipalParts {
        let client = ["client_id", "azp"].iter().find_map(|name| self.all.get(*name)?.as_str());
        let client_id: Option<ClientId> = client.and_then(|name| name.parse().ok());
        let amr = self.all.get("amr").and_then(strings).unwrap_or_default();
        let acr = self.all.get("acr").and_then(string);
        let authenticated_at = self.all.get("auth_time").and_then(numeric_date);
        let username = self.all.get("preferred_username").and_then(string);
        self.all.retain(|name, _| !MAPPED.contains(&name.as_str()));
        let not_before = self.nbf.map_or(self.iat, |nbf| nbf.max(self.iat));
        PrincipalParts {
            user_id: None,
            client_id,
            key_id: verified.kid.parse().ok(),
            // Before every revocation, so that one of its client, its key or everyone always applies.
            position: RevocationPosition::START,
            audiences: self.aud,
            scope: self.scope,
            roles: self.roles,
            username,
            amr,
            acr,
            authenticated_at,
            not_before: Some(not_before),
            extra: self.all,
            ..PrincipalParts::new(CredentialKind::AccessToken, self.subject, self.exp)
        }
    }
}

/// A claim that may be absent; the outer `None` means that it has the wrong type.
fn optional<T>(
    all: &Map<String, Value>,
    name: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Option<Option<T>> {
    all.get(name).map_or(Some(None), |value| read(value).map(Some))
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A number of seconds, whole or not (RFC 7519, section 2), rounded down to milliseconds.
fn numeric_date(value: &Value) -> Option<Time> {
    if let Some(seconds) = value.as_u64() {
        return (seconds < NUMERIC_DATE_BOUND).then_some(Time::from_unix_seconds(seconds));
    }
    let seconds = value.as_f64().filter(|seconds| (0.0..NUMERIC_DATE_BOUND as f64).contains(seconds))?;
    Some(Time::EPOCH + Duration::from_secs_f64(seconds))
}

/// One string, or a list of strings only.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => many.iter().map(string).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The subject: `sub`, a string, or the configured claim, which may also be a whole number.
fn subject(all: &Map<String, Value>, claim: Option<&str>) -> Option<String> {
    let value = all.get(claim.unwrap_or("sub"))?;
    let is_whole = value.is_i64() || value.is_u64();
    let number = || (is_whole && claim.is_some()).then(|| value.to_string());
    string(value).or_else(number).filter(|subject| !subject.is_empty())
}

/// `scope` or `scp`, a string or a list; a token with both is refused as ambiguous.
fn scope(all: &Map<String, Value>) -> Option<Option<String>> {
    let value = match (all.get("scope"), all.get("scp")) {
        (None, None) => return Some(None),
        (Some(one), None) | (None, Some(one)) => one,
        (Some(_), Some(_)) => return None,
    };
    if let Value::Array(many) = value
        && many.iter().any(|one| one.as_str().is_none_or(|one| one.contains(' ')))
    {
        return None;
    }
    strings(value).map(|scopes| Some(scopes.join(" ")))
}

/// The roles at the end of `path`; empty if the path does not exist.
fn roles(all: &Map<String, Value>, path: &[String]) -> Option<Vec<String>> {
    let Some((first, rest)) = path.split_first() else { return Some(Vec::new()) };
    let member = |value: Option<&Value>, name: &String| value.and_then(|value| value.get(name)).cloned();
    let end = rest.iter().fold(all.get(first).cloned(), |value, name| member(value.as_ref(), name));
    end.map_or(Some(Vec::new()), |value| strings(&value))
}
