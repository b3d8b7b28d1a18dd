//! What a page says about the error of an operation: the only place that chooses its sentences.

use std::time::Duration;

use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_core::{ClientError, PasswordWeakness, ValueFault};
use counterfoil_jose::Time;
use counterfoil_pages::view::FormErrors;
use counterfoil_pages::{Message, Moment};
use counterfoil_verify::AuthError;

use crate::http::error::{AppError, AuthRejection};

/// A form, which decides what an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Sign in.
    Login,
    /// Create an account.
    Register,
    /// Change the password, or another form of the account.
    Account,
    /// Sign out.
    Logout,
}

/// What is wrong with the form that was sent, or `None`: then the error is no part of a form, and has its own page.
pub(super) fn form_errors(error: &AppError, form: Form, now: Time) -> Option<FormErrors> {
    let general = |id| Some(FormErrors::general(Message::new(id)));
    match error {
        AppError::Service(ServiceError::Client(error)) => client_errors(error, form, now),
        AppError::Service(ServiceError::Internal(InternalError::Hashing(_))) => general("cannot-check"),
        AppError::Clock(_) => general("clock-paused"),
        AppError::Service(ServiceError::Internal(_)) if form == Form::Logout => general("still-signed-in"),
        AppError::Service(ServiceError::Internal(InternalError::Claims(_))) => None,
        AppError::Service(ServiceError::Internal(_)) | AppError::Timeout => general("unavailable"),
        AppError::Auth(AuthRejection {
            error: AuthError::Unavailable | AuthError::StaleRevocations, ..
        }) => general(if form == Form::Logout { "still-signed-in" } else { "unavailable" }),
        _ => None,
    }
}

fn client_errors(error: &ClientError, form: Form, now: Time) -> Option<FormErrors> {
    let field = |field, id| Some(FormErrors::field(field, Message::new(id)));
    match error {
        ClientError::PasswordChangeFailed(_) => field("current_password", "wrong-current-password"),
        ClientError::LoginFailed(_) => Some(FormErrors::general(Message::new("wrong-login"))),
        ClientError::RateLimited(reached) => {
            let id = if form == Form::Login { "too-many-tries" } else { "too-many-requests" };
            let general = vec![Message::new(id), retry(reached.retry_after, now)];
            Some(FormErrors { general, fields: Vec::new() })
        }
        ClientError::UsernameTaken => field("username", "username-taken"),
        ClientError::RefusedValue { field, fault, .. } => {
            Some(FormErrors::field(field, fault_message(*fault)))
        }
        ClientError::Field { field: "email", .. } => field("email", "email-invalid"),
        ClientError::Field { field: "label", .. } => {
            Some(FormErrors::field("label", Message::new("label-invalid").with("count", 64)))
        }
        ClientError::Field { .. } => Some(FormErrors::general(Message::new("field-invalid"))),
        ClientError::Client(_) | ClientError::NotGranted(_) => {
            Some(FormErrors::general(Message::new("client-refused")))
        }
        ClientError::Credential(_)
        | ClientError::NotFound(_)
        | ClientError::AlreadyExists(_)
        | ClientError::LastAdministrator
        | ClientError::Precondition
        | ClientError::TooLarge => None,
    }
}

/// When to try again, rounded up: seconds up to 90, then minutes, then hours.
pub(super) fn retry(after: Duration, now: Time) -> Message {
    let seconds = after.as_millis().div_ceil(1000).max(1) as u64;
    let (id, count) = match seconds {
        ..=90 => ("retry-seconds", seconds),
        91..=5_400 => ("retry-minutes", seconds.div_ceil(60)),
        _ => ("retry-hours", seconds.div_ceil(3_600)),
    };
    let at = Moment::from_unix_seconds(now.unix_seconds() + seconds);
    Message::new(id).with("count", count).with("time", at.text)
}

fn fault_message(fault: ValueFault) -> Message {
    let count = |id, count: usize| Message::new(id).with("count", count as u64);
    match fault {
        ValueFault::UsernameLength(max) => count("username-length", max),
        ValueFault::UsernameSpace => Message::new("username-space"),
        ValueFault::UsernameInvisible => Message::new("username-invisible"),
        ValueFault::UsernameAt => Message::new("username-at"),
        ValueFault::UsernameCharacter(found) => character("username-character", found),
        ValueFault::UsernameContext(found) => character("username-context", found),
        ValueFault::UsernameMarks => Message::new("username-marks"),
        ValueFault::UsernameDirection => Message::new("username-direction"),
        ValueFault::UsernameScripts => Message::new("username-scripts"),
        ValueFault::PasswordTooShort(min) => count("password-too-short", min),
        ValueFault::PasswordTooLong(max) => count("password-too-long", max),
        ValueFault::PasswordPersonal => Message::new("password-personal"),
        ValueFault::PasswordCommon => Message::new("password-common"),
        ValueFault::PasswordBreached => Message::new("password-breached"),
        ValueFault::PasswordUnchanged => Message::new("password-unchanged"),
        ValueFault::PasswordWeak(weakness) => Message::new(weakness_id(weakness)),
        // `ValueFault` is `non_exhaustive`.
        _ => Message::new("field-invalid"),
    }
}

/// The character as itself and by its number: some look like others.
fn character(id: &'static str, found: char) -> Message {
    Message::new(id).with("character", format!("{found} (U+{:04X})", u32::from(found)))
}

fn weakness_id(weakness: PasswordWeakness) -> &'static str {
    match weakness {
        PasswordWeakness::Pattern => "password-weak-pattern",
        PasswordWeakness::Keyboard => "password-weak-keyboard",
        PasswordWeakness::Repetition => "password-weak-repeat",
        PasswordWeakness::SimilarToCommon => "password-weak-similar",
        PasswordWeakness::Sequence => "password-weak-sequence",
        PasswordWeakness::Date => "password-weak-date",
        PasswordWeakness::Word => "password-weak-word",
        PasswordWeakness::Name => "password-weak-name",
        // `PasswordWeakness` is `non_exhaustive`.
        _ => "password-refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_wait_is_rounded_up_to_its_unit() {
        let now = Time::from_unix_seconds(1_764_000_000);
        let told = |seconds| {
            let message = retry(Duration::from_secs(seconds), now);
            (message.id, message.values["count"].clone())
        };

        assert_eq!(told(0), ("retry-seconds", 1.into()));
        assert_eq!(told(90), ("retry-seconds", 90.into()));
        assert_eq!(told(91), ("retry-minutes", 2.into()));
        assert_eq!(told(5_400), ("retry-minutes", 90.into()));
        assert_eq!(told(5_401), ("retry-hours", 2.into()));
    }
}
