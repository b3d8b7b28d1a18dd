//! Whether a request passes, from the result of authentication.

use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, CredentialSource, Principal};

use super::requirements::Requirements;

/// What the proxy does with the request.
#[derive(Debug)]
pub(super) enum Decision {
    /// It passes, for this user.
    Allow(Principal),
    /// It passes without a user.
    AllowAnonymous,
    /// There is no valid credential, and a browser shows the login page.
    SendToLogin(AuthError),
    /// It does not pass.
    Refuse(AuthError),
}

/// Decides about a request whose credential was authenticated with this result, and was presented there.
///
/// `is_navigation` says whether a login page could be shown. An internal failure never lets a request pass.
pub(super) fn decide(
    result: Result<Principal, AuthError>,
    source: CredentialSource,
    requirements: &Requirements,
    is_navigation: impl FnOnce() -> bool,
    now: Time,
) -> Decision {
    let checked = result.and_then(|principal| requirements.check(&principal, now).map(|()| principal));
    let error = match checked {
        Ok(principal) => return Decision::Allow(principal),
        Err(error) => error,
    };
    match &error {
        AuthError::MissingCredential | AuthError::InvalidCredential(_) => {
            let is_anonymous =
                source != CredentialSource::Bearer || matches!(error, AuthError::MissingCredential);
            if requirements.is_optional && is_anonymous {
                Decision::AllowAnonymous
            } else if !requirements.has_no_login && is_navigation() {
                Decision::SendToLogin(error)
            } else {
                Decision::Refuse(error)
            }
        }
        // Another login does not help.
        _ => Decision::Refuse(error),
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::{InvalidReason, RequiredPermission};

    use super::CredentialSource::{Bearer, Cookie, None as Nowhere};
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn name(decision: &Decision) -> &'static str {
        match decision {
            Decision::Allow(_) => "allow",
            Decision::AllowAnonymous => "anonymous",
            Decision::SendToLogin(_) => "login",
            Decision::Refuse(_) => "refuse",
        }
    }

    #[test]
    fn a_request_without_a_user_passes_only_where_that_is_configured() {
        let expired = AuthError::InvalidCredential(InvalidReason::Expired);
        let role = AuthError::Forbidden(RequiredPermission::Role("a".into()));
        for (options, error, source, navigation, page) in [
            ("-", AuthError::MissingCredential, Nowhere, "login", "refuse"),
            ("-", expired.clone(), Cookie, "login", "refuse"),
            ("-", expired.clone(), Bearer, "login", "refuse"),
            ("nologin", AuthError::MissingCredential, Nowhere, "refuse", "refuse"),
            ("optional", AuthError::MissingCredential, Nowhere, "anonymous", "anonymous"),
            ("optional", expired.clone(), Cookie, "anonymous", "anonymous"),
            ("optional", expired.clone(), Bearer, "login", "refuse"),
            ("optional&nologin", expired.clone(), Bearer, "refuse", "refuse"),
            ("optional", AuthError::Unavailable, Cookie, "refuse", "refuse"),
            ("optional", AuthError::StaleRevocations, Cookie, "refuse", "refuse"),
            ("optional", AuthError::MultipleCredentials, Cookie, "refuse", "refuse"),
            ("-", role, Cookie, "refuse", "refuse"),
        ] {
            let requirements = Requirements::parse(options).unwrap();
            for (is_navigation, expected) in [(true, navigation), (false, page)] {
                let decision = decide(Err(error.clone()), source, &requirements, || is_navigation, NOON);
                assert_eq!(name(&decision), expected, "{options} {error:?} {source:?} {is_navigation}");
            }
        }
    }
}
