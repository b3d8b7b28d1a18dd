//! What a route of the proxy requires, as its configuration writes it into the path.
//!
//! They are not in the query: Caddy and Envoy add the client's own query to it.

use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{AcceptedCredentials, AuthError, CredentialSource, Principal, RequiredPermission};

use super::percent;

/// The longest text, in bytes: an operator writes it.
const MAX_LENGTH: usize = 1024;

/// The most bytes of a role or a scope.
const MAX_NAME_LENGTH: usize = 128;

/// What a request needs to pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Requirements {
    /// One of these roles; none is required if it is empty.
    roles: Vec<String>,
    /// All of these scopes.
    scopes: Vec<String>,
    /// The most time since the login.
    max_age: Option<Duration>,
    /// Whether a request without a credential passes too, with empty headers.
    pub(super) is_optional: bool,
    /// The only place where credentials are read.
    pub(super) source: Option<CredentialSource>,
    /// Whether a browser without a credential is never sent to the login page.
    pub(super) has_no_login: bool,
}

/// Why the text is not valid, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequirementsError {
    /// It has an item that is not known, or one that is not well-formed.
    #[error(
        "the path must end with `-` or with items joined by `&`: `role=…`, `scope=…`, `max_age=SECONDS`, `optional`, \
         `cookie`, `bearer`, `nologin`; values are percent-encoded"
    )]
    Invalid,
    /// An item that stands for itself occurs twice.
    #[error("`max_age`, `optional`, `cookie`, `bearer` and `nologin` must occur only once")]
    Repeated,
    /// Two items exclude each other.
    #[error("`{0}` and `{1}` exclude each other")]
    Contradiction(&'static str, &'static str),
}

impl Requirements {
    /// Reads the part of the path: `-`, or items.
    ///
    /// # Errors
    ///
    /// An unknown, malformed or repeated item. Nothing is ignored: a requirement with a typing error would let everybody in.
    pub(crate) fn parse(text: &str) -> Result<Self, RequirementsError> {
        let mut read = Self::default();
        if text == "-" {
            return Ok(read);
        }
        if text.len() > MAX_LENGTH {
            return Err(RequirementsError::Invalid);
        }
        for item in text.split('&') {
            read.add(item)?;
        }
        // A request without a credential would pass, and one with a credential of another role would not.
        if read.is_optional && !read.roles.is_empty() {
            return Err(RequirementsError::Contradiction("optional", "role"));
        }
        if read.is_optional && !read.scopes.is_empty() {
            return Err(RequirementsError::Contradiction("optional", "scope"));
        }
        Ok(read)
    }

    fn add(&mut self, item: &str) -> Result<(), RequirementsError> {
        match item.split_once('=') {
            Some(("role", value)) => self.roles.push(name(value)?),
            Some(("scope", value)) => self.scopes.push(name(value)?),
            Some(("max_age", value)) => set(&mut self.max_age, seconds(value)?)?,
            None if item == "optional" => set_flag(&mut self.is_optional)?,
            None if item == "nologin" => set_flag(&mut self.has_no_login)?,
            None if item == "cookie" => self.read_only(CredentialSource::Cookie)?,
            None if item == "bearer" => self.read_only(CredentialSource::Bearer)?,
            Some(_) | None => return Err(RequirementsError::Invalid),
        }
        Ok(())
    }

    fn read_only(&mut self, source: CredentialSource) -> Result<(), RequirementsError> {
        match self.source.replace(source) {
            None => Ok(()),
            Some(first) if first == source => Err(RequirementsError::Repeated),
            Some(_) => Err(RequirementsError::Contradiction("cookie", "bearer")),
        }
    }

    /// The kinds of credential that are read.
    pub(crate) const fn accepted(&self) -> AcceptedCredentials {
        AcceptedCredentials::SESSION_OR_ACCESS_TOKEN
    }

    /// Checks a user who is authenticated.
    ///
    /// # Errors
    ///
    /// [`AuthError::MissingCredential`] if the login is too old: another one helps. [`AuthError::Forbidden`] without a role or a
    /// scope: another login of the same user does not help.
    pub(crate) fn check(&self, principal: &Principal, now: Time) -> Result<(), AuthError> {
        let is_recent = |max_age: Duration| principal.authenticated_at().is_some_and(|at| now < at + max_age);
        if !self.max_age.is_none_or(is_recent) {
            return Err(AuthError::MissingCredential);
        }
        if !self.roles.is_empty() && !self.roles.iter().any(|role| principal.has_role(role)) {
            return Err(AuthError::Forbidden(RequiredPermission::Role(self.roles.join(" or ").into())));
        }
        match self.scopes.iter().find(|scope| !principal.has_scope(scope)) {
            Some(missing) => Err(AuthError::Forbidden(RequiredPermission::Scope(missing.as_str().into()))),
            None => Ok(()),
        }
    }
}

/// A role or a scope.
fn name(encoded: &str) -> Result<String, RequirementsError> {
    let decoded = percent::decode(encoded)
        .filter(|name| !name.is_empty() && name.len() <= MAX_NAME_LENGTH && !name.contains(char::is_control));
    decoded.ok_or(RequirementsError::Invalid)
}

fn seconds(text: &str) -> Result<Duration, RequirementsError> {
    let is_number = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_number);
    seconds.map(Duration::from_secs).ok_or(RequirementsError::Invalid)
}

fn set<T>(item: &mut Option<T>, value: T) -> Result<(), RequirementsError> {
    if item.replace(value).is_some() { Err(RequirementsError::Repeated) } else { Ok(()) }
}

fn set_flag(flag: &mut bool) -> Result<(), RequirementsError> {
    if std::mem::replace(flag, true) { Err(RequirementsError::Repeated) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(text: &str) -> Vec<String> {
        Requirements::parse(text).unwrap().roles
    }

    #[test]
    fn items_are_joined_and_values_are_percent_encoded() {
        assert_eq!(Requirements::parse("-"), Ok(Requirements::default()));
        assert_eq!(roles("role=admin&role=a%26b"), ["admin", "a&b"]);
        assert_eq!(roles("role=a=b"), ["a=b"]);
        assert_eq!(roles("role=caf%C3%A9"), ["café"]);
        let all = Requirements::parse("scope=a&scope=b&max_age=600&cookie&nologin").unwrap();
        assert_eq!(all.scopes, ["a", "b"]);
        assert_eq!(all.max_age, Some(Duration::from_secs(600)));
        assert_eq!(all.source, Some(CredentialSource::Cookie));
        assert!(all.has_no_login && !all.is_optional);
        assert!(Requirements::parse("optional").unwrap().is_optional);
    }

    #[test]
    fn an_item_that_is_not_known_or_malformed_is_refused() {
        for text in [
            "",
            "--",
            "&",
            "-&optional",
            "roles=admin",
            "Role=admin",
            "role",
            "role=",
            "role=%",
            "role=%ff",
            "role=%0A",
            "optional=1",
            "optional&",
            "max_age=",
            "max_age=-1",
            "max_age=1.5",
            "max_age=+1",
            "max_age=9999999999",
            "max_age=%31",
            "bearer=1",
            " role=admin",
            "role=admin&",
        ] {
            assert_eq!(Requirements::parse(text), Err(RequirementsError::Invalid), "{text:?}");
        }
        assert_eq!(
            Requirements::parse(&format!("role={}", "a".repeat(129))),
            Err(RequirementsError::Invalid)
        );
        assert_eq!(Requirements::parse(&"role=a&".repeat(200)), Err(RequirementsError::Invalid));
    }

    #[test]
    fn an_item_that_stands_for_itself_occurs_once() {
        for text in ["optional&optional", "max_age=1&max_age=1", "nologin&nologin", "cookie&cookie"] {
            assert_eq!(Requirements::parse(text), Err(RequirementsError::Repeated), "{text}");
        }
        for text in ["cookie&bearer", "bearer&cookie", "optional&role=a", "scope=a&optional"] {
            let refused = Requirements::parse(text);
            assert!(matches!(refused, Err(RequirementsError::Contradiction(..))), "{text}: {refused:?}");
        }
    }
}
