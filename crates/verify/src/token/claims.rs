//! The claims of an access token (RFC 9068), as the issuer writes them and a verifier reads them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use counterfoil_jose::json::{self, JsonError};

use crate::id::{ClientId, SessionId, TokenId};
use crate::revocation::log::RevocationPosition;
use crate::status::reference::{StatusClaim, StatusListReference};

/// The claim names with a fixed meaning, whether or not a token has them. A custom claim must not have one of
/// these names.
const REGISTERED: [&str; 18] = [
    "iss",
    "aud",
    "sub",
    "client_id",
    "iat",
    "exp",
    "nbf",
    "jti",
    "sid",
    "auth_time",
    "amr",
    "acr",
    "scope",
    "roles",
    "preferred_username",
    "pos",
    "status",
    "cnf",
];

/// The largest `NumericDate` that is accepted: beyond it a double cannot represent every second.
const MAX_NUMERIC_DATE: u64 = (1 << 53) - 1;

/// The claims of an access token (RFC 9068, section 2.2), with Counterfoil's `sid` and `pos`.
///
/// Parsing is strict: every claim has one type, a date is a whole number, and duplicate or missing members
/// are refused. Unknown claims are kept in `extra`.
///
/// ```
/// use counterfoil_verify::{AccessClaims, RevocationPosition, SessionId, TokenId};
///
/// let claims = AccessClaims {
///     iss: "https://auth.example".into(),
///     aud: vec!["https://shop.example".into()],
///     sub: "DxAPEA8QDxAPEA8QDxAPEA".into(),
///     client_id: "shop".parse()?,
///     iat: 1_764_000_000,
///     exp: 1_764_000_900,
///     nbf: None,
///     jti: TokenId::from_bytes([1; 16]),
///     sid: SessionId::from_bytes([2; 16]),
///     auth_time: 1_764_000_000,
///     amr: vec!["pwd".into()],
///     acr: None,
///     scope: Some("orders:read".into()),
///     roles: Vec::new(),
///     preferred_username: Some("ada".into()),
///     pos: RevocationPosition::new(7),
///     status: None,
///     extra: Default::default(),
/// };
///
/// let json = claims.to_json();
/// assert_eq!(AccessClaims::from_json(&json)?, claims);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AccessClaims {
    /// The issuer, byte for byte as configured (RFC 7519, section 4.1.1).
    pub iss: String,
    /// The audiences (RFC 7519, section 4.1.3); a single one is written as a string.
    pub aud: Vec<String>,
    /// The subject: the text of a `UserId` (RFC 7519, section 4.1.2).
    pub sub: String,
    /// The client application to which the token was issued (RFC 8693, section 4.3).
    pub client_id: ClientId,
    /// When it was issued, in Unix seconds.
    pub iat: u64,
    /// When it expires, in Unix seconds.
    pub exp: u64,
    /// The earliest time at which it is valid, in Unix seconds.
    pub nbf: Option<u64>,
    /// The id of the token (RFC 7519, section 4.1.7).
    pub jti: TokenId,
    /// The session to which it belongs.
    pub sid: SessionId,
    /// When the user last authenticated, in Unix seconds (RFC 9068, section 2.2.1).
    pub auth_time: u64,
    /// The authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// The authentication context class (RFC 9068, section 2.2.1).
    pub acr: Option<String>,
    /// The scopes, separated by spaces (RFC 8693, section 4.2).
    pub scope: Option<String>,
    /// The user's roles (RFC 9068, section 2.2.3.1); omitted if there are none.
    pub roles: Vec<String>,
    /// The name by which the user logs in (OpenID Connect Core 1.0, section 5.1), to show it; `sub` identifies the user.
    pub preferred_username: Option<String>,
    /// The position of the head of the revocation log when the token was issued.
    pub pos: RevocationPosition,
    /// Where the status of the token is published, for verifiers that do not follow the revocation feed.
    pub status: Option<StatusListReference>,
    /// All other claims.
    pub extra: Map<String, Value>,
}

impl AccessClaims {
    /// Reads the payload of a token whose signature is valid.
    ///
    /// # Errors
    ///
    /// The payload is not one strict JSON object with the claims as described.
    pub fn from_json(payload: &[u8]) -> Result<Self, JsonError> {
        // Checking the whole payload for UTF-8 at once is faster than checking each string.
        match std::str::from_utf8(payload).map(serde_json::from_str::<Self>) {
            // Without `extra` every claim has a fixed type and was seen once: the strict parser could find
            // nothing more.
            Ok(Ok(claims)) if claims.extra.is_empty() => Ok(claims),
            Ok(_) | Err(_) => json::parse_object(payload),
        }
    }

    /// The payload to sign. A member of `extra` with a registered name is left out, so that a configured
    /// claim never replaces one that the issuer writes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, numbers and JSON values always serialize")
    }

    /// Whether `name` has a fixed meaning, so that no custom claim may use it.
    ///
    /// ```
    /// assert!(counterfoil_verify::AccessClaims::is_registered("sub"));
    /// assert!(!counterfoil_verify::AccessClaims::is_registered("tenant"));
    /// ```
    pub fn is_registered(name: &str) -> bool {
        REGISTERED.contains(&name)
    }
}

impl Serialize for AccessClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", &self.iss)?;
        match self.aud.as_slice() {
            [only] => map.serialize_entry("aud", only)?,
            several => map.serialize_entry("aud", several)?,
        }
        map.serialize_entry("sub", &self.sub)?;
        map.serialize_entry("client_id", &self.client_id)?;
        map.serialize_entry("iat", &self.iat)?;
        map.serialize_entry("exp", &self.exp)?;
        if let Some(nbf) = self.nbf {
            map.serialize_entry("nbf", &nbf)?;
        }
        map.serialize_entry("jti", &self.jti)?;
        map.serialize_entry("sid", &self.sid)?;
        map.serialize_entry("auth_time", &self.auth_time)?;
        map.serialize_entry("amr", &self.amr)?;
        if let Some(acr) = &self.acr {
            map.serialize_entry("acr", acr)?;
        }
        if let Some(scope) = &self.scope {
            map.serialize_entry("scope", scope)?;
        }
        if !self.roles.is_empty() {
            map.serialize_entry("roles", &self.roles)?;
        }
        if let Some(username) = &self.preferred_username {
            map.serialize_entry("preferred_username", username)?;
        }
        map.serialize_entry("pos", &self.pos)?;
        if let Some(status) = &self.status {
            map.serialize_entry("status", &StatusMembers { status_list: status })?;
        }
        for (name, value) in self.extra.iter().filter(|(name, _)| !Self::is_registered(name)) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The claim `status`, as it is written.
#[derive(serde::Serialize)]
struct StatusMembers<'a> {
    status_list: &'a StatusListReference,
}

impl<'de> Deserialize<'de> for AccessClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

/// The claims that have been parsed so far.
#[derive(Default)]
struct ClaimsBuilder {
    iss: Option<String>,
    aud: Option<Audience>,
    sub: Option<String>,
    client_id: Option<ClientId>,
    iat: Option<NumericDate>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    jti: Option<TokenId>,
    sid: Option<SessionId>,
    auth_time: Option<NumericDate>,
    amr: Option<Vec<String>>,
    acr: Option<String>,
    scope: Option<String>,
    roles: Option<Vec<String>>,
    preferred_username: Option<String>,
    pos: Option<RevocationPosition>,
    status: Option<StatusClaim>,
    extra: Map<String, Value>,
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = AccessClaims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of an access token")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AccessClaims, A::Error> {
        let mut builder = ClaimsBuilder::default();
        while let Some(claim) = map.next_key()? {
            builder.read(claim, &mut map)?;
        }
        builder.finish()
    }
}

/// The name of a claim; only unknown names are allocated.
enum Claim {
    Iss,
    Aud,
    Sub,
    ClientId,
    Iat,
    Exp,
    Nbf,
    Jti,
    Sid,
    AuthTime,
    Amr,
    Acr,
    Scope,
    Roles,
    PreferredUsername,
    Pos,
    Status,
    Cnf,
    Other(String),
}

impl From<&str> for Claim {
    fn from(name: &str) -> Self {
        match name {
            "iss" => Self::Iss,
            "aud" => Self::Aud,
            "sub" => Self::Sub,
            "client_id" => Self::ClientId,
            "iat" => Self::Iat,
            "exp" => Self::Exp,
            "nbf" => Self::Nbf,
            "jti" => Self::Jti,
            "sid" => Self::Sid,
            "auth_time" => Self::AuthTime,
            "amr" => Self::Amr,
            "acr" => Self::Acr,
            "scope" => Self::Scope,
            "roles" => Self::Roles,
            "preferred_username" => Self::PreferredUsername,
            "pos" => Self::Pos,
            "status" => Self::Status,
            "cnf" => Self::Cnf,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(ClaimNameVisitor)
    }
}

struct ClaimNameVisitor;

impl Visitor<'_> for ClaimNameVisitor {
    type Value = Claim;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a claim")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Claim, E> {
        Ok(name.into())
    }
}

impl ClaimsBuilder {
    fn read<'de, A: MapAccess<'de>>(&mut self, claim: Claim, map: &mut A) -> Result<(), A::Error> {
        match claim {
            Claim::Iss => read_once(&mut self.iss, "iss", map),
            Claim::Aud => read_once(&mut self.aud, "aud", map),
            Claim::Sub => read_once(&mut self.sub, "sub", map),
            Claim::ClientId => read_once(&mut self.client_id, "client_id", map),
            Claim::Iat => read_once(&mut self.iat, "iat", map),
            Claim::Exp => read_once(&mut self.exp, "exp", map),
            Claim::Nbf => read_once(&mut self.nbf, "nbf", map),
            Claim::Jti => read_once(&mut self.jti, "jti", map),
            Claim::Sid => read_once(&mut self.sid, "sid", map),
            Claim::AuthTime => read_once(&mut self.auth_time, "auth_time", map),
            Claim::Amr => read_once(&mut self.amr, "amr", map),
            Claim::Acr => read_once(&mut self.acr, "acr", map),
            Claim::Scope => read_once(&mut self.scope, "scope", map),
            Claim::Roles => read_once(&mut self.roles, "roles", map),
            Claim::PreferredUsername => read_once(&mut self.preferred_username, "preferred_username", map),
            Claim::Pos => read_once(&mut self.pos, "pos", map),
            Claim::Status => read_once(&mut self.status, "status", map),
            // A sender-constrained token (RFC 7800) must be refused, because its proof is not checked.
            Claim::Cnf => Err(A::Error::custom("sender-constrained tokens (`cnf`) are not supported")),
            Claim::Other(name) if self.extra.contains_key(&name) => Err(A::Error::custom("duplicate member")),
            Claim::Other(name) => {
                let value = map.next_value()?;
                self.extra.insert(name, value);
                Ok(())
            }
        }
    }

    fn finish<E: serde::de::Error>(self) -> Result<AccessClaims, E> {
        let NumericDate(iat) = required(self.iat, "iat")?;
        let NumericDate(exp) = required(self.exp, "exp")?;
        let NumericDate(auth_time) = required(self.auth_time, "auth_time")?;
        let Audience(aud) = required(self.aud, "aud")?;
        Ok(AccessClaims {
            iss: required(self.iss, "iss")?,
            aud,
            sub: required(self.sub, "sub")?,
            client_id: required(self.client_id, "client_id")?,
            iat,
            exp,
            nbf: self.nbf.map(|NumericDate(seconds)| seconds),
            jti: required(self.jti, "jti")?,
            sid: required(self.sid, "sid")?,
            auth_time,
            amr: required(self.amr, "amr")?,
            acr: self.acr,
            scope: self.scope,
            roles: self.roles.unwrap_or_default(),
            preferred_username: self.preferred_username,
            pos: required(self.pos, "pos")?,
            status: self.status.and_then(|status| status.status_list),
            extra: self.extra,
        })
    }
}

fn read_once<'de, A, T>(slot: &mut Option<T>, name: &'static str, map: &mut A) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
    T: Deserialize<'de>,
{
    if slot.is_some() {
        map.next_value::<IgnoredAny>()?;
        return Err(A::Error::duplicate_field(name));
    }
    *slot = Some(map.next_value()?);
    Ok(())
}

fn required<T, E: serde::de::Error>(slot: Option<T>, name: &'static str) -> Result<T, E> {
    slot.ok_or_else(|| E::missing_field(name))
}

/// A `NumericDate` (RFC 7519, section 2) in whole seconds: not a string, a fraction, a boolean or a negative
/// number.
struct NumericDate(u64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        if seconds > MAX_NUMERIC_DATE {
            return Err(D::Error::custom("a date must be below 2^53"));
        }
        Ok(Self(seconds))
    }
}

/// `aud`: a string, or a list of at least one string (RFC 7519, section 4.1.3).
struct Audience(Vec<String>);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudienceVisitor)
    }
}

struct AudienceVisitor;

impl<'de> Visitor<'de> for AudienceVisitor {
    type Value = Audience;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: serde::de::Error>(self, audience: &str) -> Result<Audience, E> {
        Ok(Audience(vec![audience.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Audience, A::Error> {
        let mut audiences = Vec::new();
        while let Some(audience) = seq.next_element()? {
            audiences.push(audience);
        }
        if audiences.is_empty() {
            return Err(A::Error::custom("`aud` must not be empty"));
        }
        Ok(Audience(audiences))
    }
}
