//! What administrators ask for, by HTTP and at the command line alike.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use counterfoil_core::ClientError;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::client::LifetimesChange;
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode};
use counterfoil_core::services::administration::{ClientChange, UserChange};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_verify::RevocationSubject;

/// The most characters of a reason.
const LONGEST_REASON: usize = 200;

/// What is to be otherwise with a user; what is left out stays.
///
/// ```
/// use counterfoil::operator::UserForm;
///
/// let form: UserForm = serde_json::from_str(r#"{"disabled":true}"#)?;
/// assert_eq!(form.disabled, Some(true));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserForm {
    /// Whether they are locked out: all that they hold is dead at once, and stays so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What they may do. Access tokens that say otherwise are dead at once; their logins go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Their address, or null. Another one is not verified, unless that is said too.
    #[schema(value_type = Option<String>)]
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<String>>,
    /// Whether the address was proved to be theirs; then it is a log-in name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
}

impl From<UserForm> for UserChange {
    fn from(form: UserForm) -> Self {
        let UserForm { disabled, roles, email, email_verified } = form;
        Self { disabled, roles, email, email_verified }
    }
}

/// Which key is to be rotated, and when.
///
/// ```
/// use counterfoil::operator::RotationForm;
///
/// let form: RotationForm = serde_json::from_str(r#"{"now":true}"#)?;
/// assert!(form.now);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotationForm {
    /// Whether the next key signs at once. Else it does as soon as everybody who keeps the public keys must have
    /// seen it. At once costs them a fetch, and those who do not fetch refuse good tokens until they do.
    pub now: bool,
    /// Which of the keys; those that sign unless said otherwise.
    pub purpose: Which,
}

/// Which of the keys are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// Those that sign access tokens.
    #[default]
    Signing,
    /// Those that make refresh tokens.
    Pepper,
}

/// What is to be otherwise with a client; what is left out stays, or is the default of a new one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientForm {
    /// What people call it; its id unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which of `session`, `jwt` and `hybrid` a login may have; all unless said otherwise.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modes: Option<Vec<Mode>>,
    /// The audiences that its tokens may be for besides the issuer; null: any.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Option<Vec<String>>>,
    /// The scopes that it may ask for; null: any.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Option<Vec<String>>>,
    /// How long what it is given lives, in seconds: `session_idle`, `session_absolute`, `jwt`, `access`,
    /// `refresh_idle`, `refresh_absolute`. An access token lives for 24 hours at most in mode `jwt`, for one hour
    /// in the hybrid.
    #[schema(value_type = Object)]
    pub lifetimes: LifetimesChange,
    /// Whether it may be used. Disabling kills all that was given through it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl From<ClientForm> for ClientChange {
    fn from(form: ClientForm) -> Self {
        let ClientForm { name, modes, audiences, scopes, lifetimes, enabled } = form;
        Self { name, modes, audiences, scopes, lifetimes, enabled }
    }
}

/// What is to be revoked, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocationForm {
    /// `session:<id>`, `user:<id>`, `token:<jti>`, `client:<id>`, `key:<kid>` or `everyone`.
    pub subject: String,
    /// For the journal, at most 200 characters. A cause of ours (`key_compromised`) is taken as that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For whom to wait.
    #[serde(default)]
    pub wait: Wait,
}

/// For whom a revocation waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// For nobody: it is durable.
    #[default]
    None,
    /// For every verifier that follows the log. None does yet, so it returns at once.
    Fleet,
}

/// A revocation that was judged: what, why, and what the administrator gave as reason.
pub(crate) struct Wanted {
    pub(crate) subject: RevocationSubject,
    pub(crate) note: Option<String>,
    pub(crate) reason: RevocationContext,
}

impl RevocationForm {
    /// Judges the form of an administrator.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`], with what the field is to be.
    pub(crate) fn judge(self, actor: Actor, from: ClientInfo) -> Result<Wanted, ClientError> {
        let fault = |field, detail: String| ClientError::Field { field, detail };
        let subject: RevocationSubject = self.subject.parse().map_err(|_| {
            let kinds = "session:, user:, token:, client: or key: and an id, or everyone";
            fault("subject", format!("is to be {kinds}"))
        })?;
        let note = self.reason.filter(|note| !note.is_empty());
        let is_plain =
            |note: &String| note.chars().count() <= LONGEST_REASON && !note.chars().any(char::is_control);
        if !note.as_ref().is_none_or(is_plain) {
            let detail = format!("is to be at most {LONGEST_REASON} characters, none of them a control");
            return Err(fault("reason", detail));
        }
        let usual = match subject {
            RevocationSubject::Key(_) => EndReason::KeyCompromised,
            RevocationSubject::Session(_)
            | RevocationSubject::User(_)
            | RevocationSubject::Token(_)
            | RevocationSubject::Client(_)
            | RevocationSubject::Everyone => EndReason::ByAdmin,
        };
        let named = note.as_deref().and_then(EndReason::from_word);
        let reason = RevocationContext { actor, cause: named.unwrap_or(usual), from };
        Ok(Wanted { subject, note: note.filter(|_| named.is_none()), reason })
    }
}

/// Tells null from what is left out.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Result<Wanted, ClientError> {
        let form: RevocationForm = serde_json::from_str(text).unwrap();
        form.judge(Actor::Operator, ClientInfo::default())
    }

    #[test]
    fn null_is_not_what_is_left_out() {
        let read = |text: &str| serde_json::from_str::<UserForm>(text).unwrap().email;

        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"email":null}"#), Some(None));
        assert_eq!(read(r#"{"email":"a@b"}"#), Some(Some("a@b".into())));
    }

    #[test]
    fn a_cause_of_ours_is_taken_as_that_and_other_words_go_to_the_journal() {
        let ours = judge(r#"{"subject":"everyone","reason":"key_compromised"}"#).unwrap();
        let theirs = judge(r#"{"subject":"everyone","reason":"a stolen laptop"}"#).unwrap();
        let none = judge(r#"{"subject":"key:k"}"#).unwrap();

        assert_eq!((ours.reason.cause, ours.note), (EndReason::KeyCompromised, None));
        assert_eq!(
            (theirs.reason.cause, theirs.note.as_deref()),
            (EndReason::ByAdmin, Some("a stolen laptop"))
        );
        assert_eq!((none.reason.cause, none.note), (EndReason::KeyCompromised, None));
    }

    #[test]
    fn a_subject_that_names_nothing_is_refused() {
        for bad in ["", "session:", "session:x", "everybody", "role:admin", "user:ada", "token:"] {
            let form = serde_json::json!({ "subject": bad }).to_string();
            assert!(matches!(judge(&form), Err(ClientError::Field { field: "subject", .. })), "{bad}");
        }
        let long = serde_json::json!({ "subject": "everyone", "reason": "a".repeat(201) }).to_string();
        assert!(matches!(judge(&long), Err(ClientError::Field { field: "reason", .. })));
    }
}
