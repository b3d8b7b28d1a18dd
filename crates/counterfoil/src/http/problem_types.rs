//! The table of all problem types: their names, statuses and titles, and what their pages say.
//!
//! `GET /problems/{name}` shows them, and [`AppError`](crate::http::error::AppError) answers with them, so that every `type`
//! of a problem document (RFC 9457, section 3.1.1) is a page that explains it.

/// A type of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProblemType {
    /// The name in kebab case: the end of the `type`, and the `code` with `_` for `-`.
    pub(crate) name: &'static str,
    /// The status with which it is answered.
    pub(crate) status: u16,
    /// The title, the same in every answer.
    pub(crate) title: &'static str,
    /// What it means.
    pub(crate) meaning: &'static str,
    /// What the sender of the request can do.
    pub(crate) remedy: &'static str,
}

impl ProblemType {
    /// The type with this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|problem| problem.name == name)
    }
}

macro_rules! problem_types {
    ($($constant:ident = $status:literal $name:literal, $title:literal, $meaning:literal, $remedy:literal;)*) => {
        $(
            pub(crate) const $constant: ProblemType = ProblemType {
                name: $name,
                status: $status,
                title: $title,
                meaning: $meaning,
                remedy: $remedy,
            };
        )*

        /// Every type, also those with which the crate `counterfoil-verify` answers.
        pub(crate) const ALL: &[ProblemType] = &[$($constant),*];
    };
}

problem_types! {
    ADMINISTRATOR_REQUIRED = 403 "administrator-required", "Administrator required",
        "The route is for users with the role `admin`, with a credential that is not limited by a scope, and for admin keys.",
        "Log in as an administrator, without a scope, or send an admin key (`cfa_…`) as the bearer token.";
    ALREADY_EXISTS = 409 "already-exists", "Already exists",
        "A record with this name or id exists already.",
        "Choose another name, or change the existing record.";
    AMBIGUOUS_CREDENTIAL = 400 "ambiguous-credential", "Ambiguous credential",
        "The request has two different credentials: a cookie and a bearer token, two cookies of one name, or a session token and an access token. The order never decides which one counts, because an attacker could have added one.",
        "Send only one credential. The answer clears cookies that are not valid, so a browser can try again at once. If two valid credentials remain, log out with each of them alone.";
    BODY_TOO_LARGE = 413 "body-too-large", "Body too large",
        "The body is larger than the server accepts (setting `[limits] max_body_size`).",
        "Send a smaller body.";
    CLIENT_NOT_ALLOWED = 403 "client-not-allowed", "Not allowed to this client",
        "The client application is unknown or disabled, or may not use this mode, audience or scope.",
        "Check `client_id` in the request, and the client with `counterfoil client list`.";
    CREDENTIAL_REQUIRED = 401 "credential-required", "Credential required",
        "The request has no credential of a kind that the route accepts.",
        "Log in, and send the cookie, or the token as `Authorization: Bearer`.";
    CROSS_SITE = 403 "cross-site", "Possible cross-site request",
        "The request changes something and its headers do not show that it comes from a page of this service or of a trusted origin. A page of an attacker could have sent it in the name of the user (CSRF).",
        "Browsers send `Origin` and `Sec-Fetch-Site` by themselves; proxies must pass them on. Other programs with a cookie send `Origin` with the origin of the issuer. Pages of another origin need the setting `trusted_origins`. The `detail` says which case it is.";
    DATA_TOO_LARGE = 413 "data-too-large", "Data too large",
        "The session data would be larger than 16 KiB, or than the limit for all sessions of a user.",
        "Remove members with `null` in a patch, or store large data in the application.";
    FORBIDDEN = 403 "forbidden", "Forbidden",
        "The user does not have the role that the route requires.",
        "Ask an administrator for the role, and log in again.";
    HOST_LOGIN_INVALID = 403 "host-login-invalid", "Login at this host not valid",
        "A browser returns from the issuer to a guarded host with a code that is not valid there, or that was made for another browser. The code could be one of an attacker, who wants the user to act as the attacker.",
        "Open the application again. A code can be used once, within a minute, and a login must be complete within ten minutes of its start.";
    HOST_NOT_GUARDED = 403 "host-not-guarded", "Host not guarded",
        "A proxy asks about a request to a host that is neither that of the issuer nor listed (setting `[forward_auth] hosts`).",
        "Add the host, with its port if it is not the default one, and restart the server.";
    INSUFFICIENT_SCOPE = 403 "insufficient-scope", "Insufficient scope",
        "The credential is limited by a scope that does not include what the route requires (RFC 6750, section 3.1).",
        "Log in or exchange the token with the scope that `WWW-Authenticate` names.";
    INSUFFICIENT_USER_AUTHENTICATION = 401 "insufficient-user-authentication", "Insufficient user authentication",
        "The change is one of the most dangerous ones of an administrator, and the login of the session is older than ten minutes (RFC 9470). The credential itself is valid.",
        "Log in again with the password and repeat the request with the new credential. A program uses an admin key, which needs no login.";
    INTERNAL = 500 "internal", "Internal error",
        "An error of the server that a repetition does not mend.",
        "Give `request_id` to the operator: the log has the cause under this id.";
    INVALID_CREDENTIALS = 401 "invalid-credentials", "Invalid credentials",
        "The username or the password is wrong, or the user is disabled. The answer is the same for all three, so that an attacker cannot learn which users exist. At a password change in a session: the current password is wrong.",
        "Check the username and the password. An operator finds the cause in the audit log.";
    INVALID_FIELDS = 422 "invalid-fields", "Invalid fields",
        "The body or the query has a field with a value that is not allowed.",
        "Correct each field that `errors` lists.";
    INVALID_HOST = 400 "invalid-host", "Invalid host",
        "The request has no header `Host`, more than one, or a malformed one (RFC 9110, section 7.2).",
        "Send one `Host` with the host of the issuer.";
    INVALID_TOKEN = 401 "invalid-token", "Invalid token",
        "The session token, access token or refresh token is not valid: it may have expired, be revoked or be unknown. The answer is the same for all of them; the log of the server has the cause.",
        "Refresh the access token once, if there is a refresh token; otherwise log in again.";
    LAST_ADMINISTRATOR = 409 "last-administrator", "Last administrator",
        "The change would take away the only enabled user with the role `admin`, so that no user could administer the server any more.",
        "Give another user the role `admin` first.";
    MALFORMED_BODY = 400 "malformed-body", "Malformed request",
        "The body is not the JSON object that the route expects, or a header has a wrong syntax.",
        "Correct what `detail` names. `/openapi.json` describes every body.";
    METHOD_NOT_ALLOWED = 405 "method-not-allowed", "Method not allowed",
        "The route does not support the method.",
        "Use one of the methods in the header `Allow`.";
    MISCONFIGURED = 500 "misconfigured", "Misconfigured",
        "A handler asks who is calling, but its route is not behind the layer that authenticates.",
        "The developer of the application adds the layer to the router.";
    MISDIRECTED_REQUEST = 421 "misdirected-request", "Misdirected request",
        "The issuer is on loopback and the header `Host` names another host. A page of an attacker whose name resolves to this machine would send such a request (DNS rebinding).",
        "Use the address in the setting `issuer`, such as `http://localhost:3000`.";
    NOT_FOUND = 404 "not-found", "Not found",
        "There is no such path or resource, or it belongs to another user.",
        "Check the path: paths match byte for byte, without a slash at the end.";
    NOT_GRANTED = 403 "not-granted", "Not granted",
        "The scope or the audience was not granted to the login, so no token can have it.",
        "Log in with the scope or the audience, as far as the client may request it.";
    PRECONDITION_FAILED = 412 "precondition-failed", "Precondition failed",
        "The session data does not have the revision that `If-Match` or `If-None-Match` requires: another request has changed it.",
        "Read the data again and repeat the change with the new `ETag`.";
    PROXY_HEADERS = 400 "proxy-headers", "Invalid headers of the proxy",
        "A header by which the proxy describes the request is missing, occurs twice or is malformed. The server never guesses one: a client could have sent it.",
        "Change the configuration of the proxy as `detail` says. A request whose path has bytes that are not visible ASCII is refused too.";
    PROXY_OPTIONS = 400 "proxy-options", "Invalid options of the proxy",
        "The path with which the proxy asks has an option that is unknown, malformed, repeated or in contradiction to another one. Ignoring it could let everybody in.",
        "Change the configuration of the proxy as `detail` says.";
    REGISTRATION_CLOSED = 403 "registration-closed", "Registration is closed",
        "Only an administrator adds users (setting `registration`).",
        "Ask an administrator for an account.";
    REQUEST_TIMEOUT = 408 "request-timeout", "Request timeout",
        "The body did not arrive in time.",
        "Send the request again, on a better connection.";
    STALE = 503 "stale", "Unavailable",
        "The service does not know the latest revocations and refuses to accept a credential that may be revoked.",
        "Try again after the seconds in `Retry-After`.";
    TIMEOUT = 503 "timeout", "Timeout",
        "The request took longer than the server allows (setting `[limits] request_timeout`).",
        "Try again after the seconds in `Retry-After`.";
    TOO_MANY_REQUESTS = 429 "too-many-requests", "Too many requests",
        "A rate limit of the account, the session or the network address is reached. The log of the server names the limit.",
        "Wait for the seconds in `Retry-After`. An operator finds the limits in the settings.";
    UNAVAILABLE = 503 "unavailable", "Unavailable",
        "The server cannot answer at present: its store, its clock or the queue of passwords is out of order or full. Nothing was changed.",
        "Try again after the seconds in `Retry-After`.";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported-media-type", "Unsupported media type",
        "The header `Content-Type` names a type that the route does not accept.",
        "Send JSON with `Content-Type: application/json`.";
    UNTRUSTED_PROXY = 403 "untrusted-proxy", "Untrusted proxy",
        "The request comes from an address that is no proxy (setting `[forward_auth] proxies`), so what it says about the request of a client is not believed.",
        "If the address is that of your proxy, add it to the setting.";
    USERNAME_TAKEN = 409 "username-taken", "Username taken",
        "Another user has this username, or one that looks like it.",
        "Choose another username.";
    USERS_OF_APPLICATION = 403 "users-of-application", "Users of the application",
        "The application keeps its users in a table of its own, and only it adds them and changes their passwords.",
        "Use the pages of the application.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use counterfoil_verify::{
        AuthError, CredentialSource, InvalidReason, MultipleCredentials, Problem, RequiredPermission,
    };

    use super::*;

    #[test]
    fn each_type_has_one_entry_in_the_order_of_the_names() {
        let names: Vec<_> = ALL.iter().map(|problem| problem.name).collect();

        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for problem in ALL {
            assert!(
                problem.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{problem:?}"
            );
            assert!(problem.meaning.ends_with('.') && problem.remedy.ends_with('.'), "{problem:?}");
        }
    }

    #[test]
    fn the_problems_of_the_verifier_are_in_the_table() {
        let scope = RequiredPermission::Scope("a".into());
        let role = RequiredPermission::Role("a".into());
        let errors = [
            AuthError::MissingCredential,
            InvalidReason::Expired.into(),
            AuthError::MultipleCredentials,
            AuthError::StaleRevocations,
            AuthError::Unavailable,
            AuthError::Forbidden(scope),
            AuthError::Forbidden(role),
        ];
        let problems = errors.map(|error| Problem::from_auth_error(&error, CredentialSource::Bearer));
        let others = [MultipleCredentials.into(), Problem::missing_auth_layer()];

        for problem in problems.into_iter().chain(others) {
            let name = problem.name().to_owned();
            let found = ProblemType::find(&name).unwrap_or_else(|| panic!("{name} has no page"));
            assert_eq!(found.status, problem.status().as_u16(), "{name}");
            let body: http::Response<String> = problem.into_response();
            assert!(body.body().contains(&format!("\"title\":\"{}\"", found.title)), "{}", body.body());
        }
    }
}
