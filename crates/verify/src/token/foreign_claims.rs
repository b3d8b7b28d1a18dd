//! Tokens of another issuer: what is not asked of them, and how their claims are read.

use serde_json::{Map, Value};

use counterfoil_jose::{Algorithm, Jws, KeySet, Time, Verified, json};

use crate::auth_error::InvalidReason;
use crate::credential::CredentialKind;
use crate::id::ClientId;
use crate::principal::PrincipalParts;
use crate::revocation::log::RevocationPosition;
use crate::token::registered_claims::RegisteredClaims;

/// The types of a token that says of itself no more than that it is one.
const UNTYPED: [&str; 2] = ["at+jwt", "JWT"];

/// The end of time for a `NumericDate`: beyond it a double no longer counts seconds.
const NUMERIC_DATES: std::ops::Range<u64> = 0..1 << 53;

/// Claims that a principal shows by other names than their own.
const MAPPED: [&str; 8] = ["iss", "aud", "sub", "iat", "exp", "nbf", "scope", "scp"];

/// What a verifier does not ask of a token, each said by a `danger_…` of its builder.
#[derive(Debug, Clone, Default)]
pub(crate) struct RelaxedChecks {
    /// Takes claims that are not ours.
    pub(crate) foreign_claims: bool,
    /// Takes tokens that do not say of which kind they are.
    pub(crate) untyped: bool,
    /// Takes tokens for whomever.
    pub(crate) any_audience: bool,
    /// Takes tokens of whomever has the key.
    pub(crate) any_issuer: bool,
    /// The claim that says who it is; `sub` where none is named.
    pub(crate) subject: Option<String>,
    /// The path through the claims to the roles; none are read where there is none.
    pub(crate) roles: Vec<String>,
}

impl RelaxedChecks {
    /// Whether foreign claims are mapped, so that foreign claims must be allowed.
    pub(crate) fn maps_claims(&self) -> bool {
        self.subject.is_some() || !self.roles.is_empty()
    }
}

/// Verifies a token that need not say of which kind it is. One that names another kind is refused all the same.
pub(crate) fn verify_untyped(
    token: &str,
    keys: &KeySet,
    allowed: &[Algorithm],
) -> Result<Verified, counterfoil_jose::Rejection> {
    let jws = Jws::parse(token)?;
    match jws.typ() {
        None => jws.danger_verify_any_typ(keys, allowed),
        Some(_) => jws.verify(keys, allowed, &UNTYPED),
    }
}

/// What a foreign token says, as far as it is read.
#[derive(Debug)]
pub(crate) struct ForeignClaims {
    iss: Option<String>,
    aud: Vec<String>,
    iat: u64,
    exp: u64,
    nbf: Option<u64>,
    subject: String,
    scope: Option<String>,
    roles: Vec<String>,
    all: Map<String, Value>,
}

impl ForeignClaims {
    /// AcceptedCredentials the payload of a token whose signature holds: strict JSON, and each claim that is read has its
    /// type. `exp`, `iat` and a subject are required whatever is relaxed.
    pub(crate) fn from_json(payload: &[u8], relaxed: &RelaxedChecks) -> Result<Self, InvalidReason> {
        let all: Map<String, Value> = json::object(payload).map_err(|_| InvalidReason::MalformedClaims)?;
        Self::read(all, relaxed).ok_or(InvalidReason::MalformedClaims)
    }

    fn read(all: Map<String, Value>, relaxed: &RelaxedChecks) -> Option<Self> {
        // Bound to a key (RFC 7800), or of a kind of its own where the header says nothing (Keycloak).
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

    /// What is judged of it.
    pub(crate) fn registered(&self) -> RegisteredClaims<'_> {
        RegisteredClaims {
            iss: self.iss.as_deref(),
            aud: &self.aud,
            iat: self.iat,
            nbf: self.nbf,
            exp: self.exp,
        }
    }

    /// What a principal is made of. It is no user of ours, whatever its subject looks like, and no login.
    pub(crate) fn into_parts(mut self, verified: &Verified) -> PrincipalParts {
        let client = ["client_id", "azp"].iter().find_map(|name| self.all.get(*name)?.as_str());
        let client: Option<ClientId> = client.and_then(|name| name.parse().ok());
        let amr = self.all.get("amr").and_then(strings).unwrap_or_default();
        let acr = self.all.get("acr").and_then(string);
        let authenticated_at = self.all.get("auth_time").and_then(numeric_date).map(Time::from_unix_seconds);
        self.all.retain(|name, _| !MAPPED.contains(&name.as_str()));
        let valid_from = self.nbf.map_or(self.iat, |nbf| nbf.max(self.iat));
        PrincipalParts {
            user_id: None,
            client_id: client,
            key_id: verified.kid.parse().ok(),
            // Before every revocation: one that concerns it kills it, whenever it was issued.
            position: RevocationPosition::START,
            audiences: self.aud,
            scope: self.scope,
            roles: self.roles,
            amr,
            acr,
            authenticated_at,
            not_before: Some(Time::from_unix_seconds(valid_from)),
            extra: self.all,
            ..PrincipalParts::new(
                CredentialKind::AccessToken,
                self.subject,
                Time::from_unix_seconds(self.exp),
            )
        }
    }
}

/// A claim that may be absent, but is of its type where it is there; `None` if it is not.
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

fn numeric_date(value: &Value) -> Option<u64> {
    value.as_u64().filter(|seconds| NUMERIC_DATES.contains(seconds))
}

/// One string, or a list of nothing but strings.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => many.iter().map(string).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Who it is: `sub`, which is a string, or the claim that was named, which may also be a whole number.
fn subject(all: &Map<String, Value>, named: Option<&str>) -> Option<String> {
    let value = all.get(named.unwrap_or("sub"))?;
    let number = || value.as_i64().filter(|_| named.is_some()).map(|number| number.to_string());
    string(value).or_else(number).filter(|subject| !subject.is_empty())
}

/// `scope` or `scp`, a string or a list; both together would be two answers.
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

/// The roles at the end of `path`; none if it ends before.
fn roles(all: &Map<String, Value>, path: &[String]) -> Option<Vec<String>> {
    let Some((first, rest)) = path.split_first() else { return Some(Vec::new()) };
    let step = |value: Option<&Value>, name: &String| value.and_then(|value| value.get(name)).cloned();
    let end = rest.iter().fold(all.get(first).cloned(), |value, name| step(value.as_ref(), name));
    end.map_or(Some(Vec::new()), |value| strings(&value))
}
