//! Requests of administrators, the same over HTTP and at the command line.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use counterfoil_core::ClientError;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::client::LifetimesChange;
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode};
use counterfoil_core::services::administration::{ClientChange, UserChange};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_verify::RevocationSubject;

use crate::operations::external_id_schema::ExternalIdSchema;

/// The most characters of the reason of a revocation.
const MAX_REASON_LENGTH: usize = 200;

/// Changes to a user. An omitted member is not changed.
///
/// ```
/// use counterfoil::operator::UserChangeRequest;
///
/// let request: UserChangeRequest = serde_json::from_str(r#"{"disabled":true}"#)?;
/// assert_eq!(request.disabled, Some(true));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(description = "Changes to a user. An omitted member is not changed.")]
pub struct UserChangeRequest {
    /// Whether the user is disabled. Disabling revokes all their credentials at once; enabling does not
    /// restore them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// The roles. Access tokens with other roles are revoked at once; the sessions stay active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Roles to add to those that the user has, instead of `roles`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_roles: Vec<String>,
    /// Roles to remove from those that the user has, instead of `roles`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_roles: Vec<String>,
    /// The e-mail address, or null. A new address is unverified unless `email_verified` is also set.
    #[schema(value_type = Option<String>)]
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<String>>,
    /// Whether the address is verified. A verified address can be used to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The application's own id of the user, or null. Access tokens with another one are revoked at once; the
    /// sessions stay active.
    #[schema(value_type = Option<ExternalIdSchema>)]
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Option<Value>>,
}

impl UserChangeRequest {
    /// Whether it disables the user and changes nothing else. Every other change gives somebody more than before, or says that a user
    /// is another one: an address with which a user can log in, the id by which applications know the user.
    pub(crate) fn only_disables(&self) -> bool {
        *self == Self { disabled: Some(true), ..Self::default() }
    }

    pub(crate) fn into_change(self) -> UserChange {
        let Self { disabled, roles, add_roles, remove_roles, email, email_verified, external_id } = self;
        UserChange { disabled, roles, add_roles, remove_roles, email, email_verified, external_id }
    }
}

/// Which key to rotate, and when.
///
/// ```
/// use counterfoil::operator::KeyRotationRequest;
///
/// let request: KeyRotationRequest = serde_json::from_str(r#"{"now":true}"#)?;
/// assert!(request.now);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(description = "Which key to rotate, and when.")]
pub struct KeyRotationRequest {
    /// Whether the next key is activated immediately. By default it is activated once all cached key sets
    /// contain it. After an immediate activation, verifiers that do not fetch the keys again reject valid
    /// tokens.
    pub now: bool,
    /// The purpose of the key: `signing` (the default) signs access tokens, `refresh_token` authenticates refresh tokens.
    pub purpose: KeySelector,
}

/// The purpose of the key to rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeySelector {
    /// Signs access tokens.
    #[default]
    Signing,
    /// Authenticates refresh tokens.
    RefreshToken,
}

/// Changes to a client. An omitted member is not changed; a new client gets the default.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientChangeRequest {
    /// A name for people; the client's id by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The modes that a login may use: `session`, `jwt`, `hybrid`; all by default.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modes: Option<Vec<Mode>>,
    /// The audiences, in addition to the issuer, for which its tokens may be issued; null: any.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Option<Vec<String>>>,
    /// The scopes that it may request; null: any.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Option<Vec<String>>>,
    /// The lifetimes of its credentials in seconds: `session_idle`, `session_absolute`, `jwt`, `access`,
    /// `refresh_idle`, `refresh_absolute`. At most 24 hours for an access token in mode `jwt`, one hour in
    /// mode `hybrid`.
    #[schema(value_type = Object)]
    pub lifetimes: LifetimesChange,
    /// Whether it may be used. Disabling revokes all credentials that were issued through it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl ClientChangeRequest {
    pub(crate) fn into_change(self) -> ClientChange {
        let Self { name, modes, audiences, scopes, lifetimes, enabled } = self;
        ClientChange { name, modes, audiences, scopes, lifetimes, enabled }
    }
}

/// What to revoke, and the reason.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocationRequest {
    /// `session:<id>`, `user:<id>`, `token:<jti>`, `client:<id>`, `key:<kid>` or `everyone`.
    pub subject: String,
    /// A text for the audit log, at most 200 characters. The name of an end reason, as `key_compromised`, is
    /// recorded as that reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when the request waits: `none` (the default) until the revocation is durable, `fleet` until no verifier that
    /// follows the feed accepts the subject any more.
    #[serde(default)]
    pub wait: Wait,
}

/// Until when a revocation request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// Until the revocation is durable.
    #[default]
    None,
    /// Until no verifier that follows the feed accepts the subject any more: each has confirmed it, or its lease has run
    /// out.
    Fleet,
}

/// A validated [`RevocationRequest`].
pub(crate) struct ValidRevocation {
    /// What to revoke.
    pub(crate) subject: RevocationSubject,
    /// The administrator's text, unless it is the name of an end reason.
    pub(crate) note: Option<String>,
    /// Who revokes, and why.
    pub(crate) context: RevocationContext,
    /// Until when to wait.
    pub(crate) wait: Wait,
}

impl ValidRevocation {
    /// Whether it can end the sessions of many users.
    pub(crate) const fn ends_many(&self) -> bool {
        ends_many(&self.subject)
    }
}

/// Whether a revocation of `subject` can end the sessions of many users.
pub(crate) const fn ends_many(subject: &RevocationSubject) -> bool {
    matches!(subject, RevocationSubject::Client(_) | RevocationSubject::Key(_) | RevocationSubject::Everyone)
}

impl RevocationRequest {
    /// Validates the request of `actor`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] with the requirement that a member does not meet.
    pub(crate) fn validate(
        self,
        actor: Actor,
        client_info: ClientInfo,
    ) -> Result<ValidRevocation, ClientError> {
        let invalid = |field, detail: String| ClientError::Field { field, detail };
        let subject: RevocationSubject = self.subject.parse().map_err(|_| {
            let detail = "must be session:, user:, token:, client: or key: and an id, or everyone";
            invalid("subject", detail.into())
        })?;
        let note = self.reason.filter(|note| !note.is_empty());
        if !note.as_deref().is_none_or(is_valid_reason) {
            let detail = format!("must be at most {MAX_REASON_LENGTH} characters without control characters");
            return Err(invalid("reason", detail));
        }
        let named = note.as_deref().and_then(EndReason::from_name).filter(|reason| !reason.is_expiry());
        let reason = named.unwrap_or_else(|| default_reason(&subject));
        let context = RevocationContext { actor, reason, client_info };
        Ok(ValidRevocation { subject, note: note.filter(|_| named.is_none()), context, wait: self.wait })
    }
}

fn is_valid_reason(text: &str) -> bool {
    text.chars().count() <= MAX_REASON_LENGTH && !text.chars().any(char::is_control)
}

const fn default_reason(subject: &RevocationSubject) -> EndReason {
    match subject {
        RevocationSubject::Key(_) => EndReason::KeyCompromised,
        RevocationSubject::Session(_)
        | RevocationSubject::User(_)
        | RevocationSubject::Token(_)
        | RevocationSubject::Client(_)
        | RevocationSubject::Everyone => EndReason::ByAdmin,
    }
}

/// Distinguishes null (`Some(None)`) from an omitted member (`None`).
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(text: &str) -> Result<ValidRevocation, ClientError> {
        let request: RevocationRequest = serde_json::from_str(text).unwrap();
        request.validate(Actor::Operator, ClientInfo::default())
    }

    #[test]
    fn null_is_distinguished_from_an_omitted_member() {
        let email = |text: &str| serde_json::from_str::<UserChangeRequest>(text).unwrap().email;

        assert_eq!(email("{}"), None);
        assert_eq!(email(r#"{"email":null}"#), Some(None));
        assert_eq!(email(r#"{"email":"a@b"}"#), Some(Some("a@b".into())));
    }

    #[test]
    fn the_name_of_an_end_reason_is_recorded_as_that_reason_and_other_text_as_a_note() {
        let named = validate(r#"{"subject":"everyone","reason":"key_compromised"}"#).unwrap();
        let text = validate(r#"{"subject":"everyone","reason":"a stolen laptop"}"#).unwrap();
        let none = validate(r#"{"subject":"key:k"}"#).unwrap();

        assert_eq!((named.context.reason, named.note), (EndReason::KeyCompromised, None));
        assert_eq!(
            (text.context.reason, text.note.as_deref()),
            (EndReason::ByAdmin, Some("a stolen laptop"))
        );
        let idle = validate(r#"{"subject":"everyone","reason":"idle"}"#).unwrap();
        assert_eq!((idle.context.reason, idle.note.as_deref()), (EndReason::ByAdmin, Some("idle")));
        assert_eq!((none.context.reason, none.note), (EndReason::KeyCompromised, None));
    }

    #[test]
    fn an_invalid_subject_or_reason_is_refused() {
        for bad in ["", "session:", "session:x", "everybody", "role:admin", "user:ada", "token:"] {
            let request = serde_json::json!({ "subject": bad }).to_string();
            assert!(matches!(validate(&request), Err(ClientError::Field { field: "subject", .. })), "{bad}");
        }
        let long = serde_json::json!({ "subject": "everyone", "reason": "a".repeat(201) }).to_string();
        assert!(matches!(validate(&long), Err(ClientError::Field { field: "reason", .. })));
    }

    #[test]
    fn a_revocation_waits_for_the_fleet_only_on_request() {
        let wait = |json: &str| validate(json).unwrap().wait;

        assert_eq!(wait(r#"{"subject":"everyone"}"#), Wait::None);
        assert_eq!(wait(r#"{"subject":"everyone","wait":"none"}"#), Wait::None);
        assert_eq!(wait(r#"{"subject":"everyone","wait":"fleet"}"#), Wait::Fleet);
    }
}
