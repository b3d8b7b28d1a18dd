//! The administrative commands, as the command line sends them to a server.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use counterfoil_core::model::session::Mode;
use counterfoil_core::services::user_import::ImportedUser;
use counterfoil_jose::Secret;

use crate::admin::audit_log::AuditFilterRequest;
use crate::admin::minting::TokenMintRequest;
use crate::keys::key_file::KeyFormat;
use crate::operations::admin::exposed_secret;
use crate::operations::admin::requests::{
    ClientChangeRequest, KeyRotationRequest, RevocationRequest, UserChangeRequest,
};

/// One administrative command.
///
/// A user is named by id or by username. A list continues after the cursor `next` of the previous page;
/// `limit` is 100 by default and at most 1000.
///
/// ```
/// use counterfoil::operator::Command;
///
/// let command: Command = serde_json::from_str(r#"{"command":"session_list","user":"ada"}"#)?;
/// assert!(matches!(command, Command::SessionList { user: Some(user), .. } if user == "ada"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Describes the running installation and lists its failed readiness checks.
    Status {},
    /// Registers a user, also if registration is closed. Answers `{user}`.
    UserAdd {
        /// The username.
        username: String,
        /// The password.
        #[serde(with = "exposed_secret")]
        password: Secret<String>,
        /// An e-mail address, unverified.
        #[serde(default)]
        email: Option<String>,
        /// The roles.
        #[serde(default)]
        roles: Vec<String>,
    },
    /// Imports users of another system, at most [`MAX_IMPORTED_USERS`](crate::operator::MAX_IMPORTED_USERS).
    /// Answers `{users}`, for each of them `{outcome}`, `added` or `already_exists`, or `{error}`.
    UserImport {
        /// The users.
        users: Vec<ImportedUser>,
        /// Only report what would happen.
        #[serde(default)]
        dry_run: bool,
    },
    /// Generates a probe, with which a program can ask for ten minutes what the server sees of the program's own requests.
    /// Answers `{probe, expires_at}`.
    DoctorProbe {},
    /// Lists users by name. Answers `{users, next}`.
    UserList {
        /// The cursor of the previous page.
        #[serde(default)]
        after: Option<String>,
        /// The most users of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Changes a user: disables or enables them, sets their roles or their address. Answers `{user}`.
    UserChange {
        /// The user.
        user: String,
        /// The changes.
        change: UserChangeRequest,
    },
    /// Shows a user, and what the rate limits count for them. Answers `{user, rate_limits}`.
    UserShow {
        /// The user.
        user: String,
        /// A client IP: what is counted for the user from this IP is shown as well.
        #[serde(default)]
        ip: Option<IpAddr>,
    },
    /// Sets a user's password and ends all their sessions. Answers `{user}`.
    UserPassword {
        /// The user.
        user: String,
        /// The new password.
        #[serde(with = "exposed_secret")]
        password: Secret<String>,
    },
    /// Deletes a user and all their data except the audit log. Answers `{id}`.
    UserDelete {
        /// The user.
        user: String,
    },
    /// Shows what the rate limits count for a login name, for a client IP, or for both. Answers `{rate_limits}`.
    RateLimitShow {
        /// A login name, or the id of a user.
        #[serde(default)]
        username: Option<String>,
        /// A client IP.
        #[serde(default)]
        ip: Option<IpAddr>,
    },
    /// Forgets what `RateLimitShow` shows. Answers with what was counted before, `{rate_limits}`.
    RateLimitRelease {
        /// A login name, or the id of a user.
        #[serde(default)]
        username: Option<String>,
        /// A client IP.
        #[serde(default)]
        ip: Option<IpAddr>,
    },
    /// Counts what would end if a subject was revoked or a user deleted. Answers `{sessions, admin_keys}`.
    RevocationPreview {
        /// `user:` and a name or an id, `client:` and an id, or `everyone`.
        subject: String,
    },
    /// Adds a client application. Answers `{client}`.
    ClientAdd {
        /// Its `client_id`.
        id: String,
        /// The differences from the client `default`.
        client: ClientChangeRequest,
    },
    /// Lists clients by id. Answers `{clients, next}`.
    ClientList {
        /// The cursor of the previous page.
        #[serde(default)]
        after: Option<String>,
        /// The most clients of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Changes a client application. Answers `{client}`.
    ClientSet {
        /// Its `client_id`, or its name if no other client has it.
        id: String,
        /// The changes.
        client: ClientChangeRequest,
    },
    /// Creates an admin key. Answers `{id, name, key}`; the secret `key` is shown only here.
    AdminKeyAdd {
        /// A name for people.
        name: String,
    },
    /// Lists admin keys, the oldest first. Answers `{admin_keys, next}`.
    AdminKeyList {
        /// The cursor of the previous page.
        #[serde(default)]
        after: Option<String>,
        /// The most keys of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Removes an admin key. Answers `{id}`.
    AdminKeyRemove {
        /// Its id, or its name if no other key has it.
        id: String,
    },
    /// Lists the verifiers that follow the feed, by key and instance. Answers `{verifiers, next}`.
    VerifierList {
        /// The cursor of the previous page.
        #[serde(default)]
        after: Option<String>,
        /// The most verifiers of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Lists the nodes that serve from the store, by id. Answers `{nodes, next}`.
    NodeList {
        /// The cursor of the previous page.
        #[serde(default)]
        after: Option<String>,
        /// The most nodes of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Lists the revocations that wait for the verifiers. Answers a list.
    FleetWaits {},
    /// Creates a verifier key. Answers `{id, key}`; the secret `key` is shown only here.
    VerifierKeyAdd {
        /// A name for people.
        name: String,
    },
    /// Lists verifier keys, the oldest first. Answers `{verifier_keys, next}`.
    VerifierKeyList {
        /// The cursor of the previous page.
        #[serde(default)]
        after: Option<String>,
        /// The most keys of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Removes a verifier key. Answers `{id}`.
    VerifierKeyRemove {
        /// Its id.
        id: String,
    },
    /// Lists the keys, including former ones, the oldest first. Answers `{keys, refresh_token_keys, next}`; a page
    /// has keys of both lists.
    KeyList {
        /// The cursor of the previous page.
        #[serde(default)]
        after: Option<String>,
        /// The most keys of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Rotates the signing key, immediately or when the next key is known to all verifiers, or the refresh
    /// token key. Answers `{id, state, activated_at}`.
    KeyRotate(KeyRotationRequest),
    /// Imports a signing key, PKCS#8 as PEM, a private JWK or a shared secret, as the next one. Answers with the key, as in
    /// `KeyList`.
    KeyImport {
        /// An absolute path.
        file: PathBuf,
        /// What the file contains.
        #[serde(default)]
        format: KeyFormat,
    },
    /// Imports a signing key, as `KeyImport`, from the command itself.
    KeyImportBytes {
        /// The content of a key file as base64url.
        #[serde(with = "exposed_secret")]
        key: Secret<String>,
        /// What it is.
        #[serde(default)]
        format: KeyFormat,
    },
    /// Encrypts all keys with another master key: the one in a file, or a generated one. Answers `{file,
    /// old_file, environment}`: the file of the new key, the file that keeps the old one, and whether the
    /// environment still contains the old one.
    KeyRekey {
        /// An absolute path.
        #[serde(default)]
        file: Option<PathBuf>,
    },
    /// Encrypts all keys with another master key, as `KeyRekey`.
    KeyRekeyText {
        /// The new key: 32 bytes as base64url.
        #[serde(with = "exposed_secret")]
        key: Secret<String>,
    },
    /// Mints an access token. Answers `{access_token, token_type, expires_in, expires_at, token_id,
    /// session}`.
    TokenMint(TokenMintRequest),
    /// Verifies an access token of this issuer by its keys and its revocations. Answers `{accepted: …}` or
    /// `{rejected: …}`.
    TokenVerify {
        /// The token.
        #[serde(with = "exposed_secret")]
        token: Secret<String>,
        /// The accepted audiences; without one, every audience is accepted.
        #[serde(default)]
        audiences: Vec<String>,
    },
    /// Lists audit events, the newest first; those of a session in chronological order. Answers `{events,
    /// next}`.
    AuditList {
        /// Which events.
        #[serde(default)]
        filter: AuditFilterRequest,
        /// The cursor of the previous page; leads to older events.
        #[serde(default)]
        after: Option<String>,
        /// The most events of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Reads the audit events after a position, the oldest first. Answers `{events, position}`: the events, and the position
    /// from which on the next command continues.
    AuditFollow {
        /// Which events.
        #[serde(default)]
        filter: AuditFilterRequest,
        /// The position that the previous command answered. Without it no events are answered, but the present position.
        #[serde(default)]
        position: Option<u64>,
        /// The most events.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Revokes sessions, users, tokens, clients or keys. `user:` takes a name as well as an id, `client:` a display name, and
    /// `key:` also `current` and `next`. Answers `{position, confirmed, expired, elapsed_ms,
    /// beyond}`.
    Revoke(RevocationRequest),
    /// Lists active sessions, the newest first: those of all users, or those that meet every condition. Answers
    /// `{sessions, next}`.
    SessionList {
        /// Only those of this user.
        #[serde(default)]
        user: Option<String>,
        /// Only those that were last used from this IP address.
        #[serde(default)]
        ip: Option<IpAddr>,
        /// Only those in this mode.
        #[serde(default)]
        mode: Option<Mode>,
        /// The cursor of the previous page.
        #[serde(default)]
        after: Option<String>,
        /// The most sessions of the page.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Ends a session. Answers `{revoked}`: 1, or 0 if it had already ended.
    SessionRevoke {
        /// Its id.
        id: String,
    },
    /// Ends all sessions of a user. Answers `{revoked}`, their number.
    SessionRevokeAll {
        /// The user.
        user: String,
    },
    /// Writes a consistent copy of the store to a file. Answers `{file, bytes}`.
    Backup {
        /// An absolute path.
        file: PathBuf,
        /// Whether an existing file is replaced.
        #[serde(default)]
        replace: bool,
    },
    /// Accepts the current time of the system clock after a jump. Answers `{now, wall, restart_required}`:
    /// whether the server uses the accepted time only after a restart.
    ClockAccept {},
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Command, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn unknown_missing_and_repeated_members_of_a_command_are_refused() {
        assert!(parse(r#"{"command":"status"}"#).is_ok());
        for bad in [
            r#"{}"#,
            r#"{"command":"rm"}"#,
            r#"{"command":"status","user":"ada"}"#,
            r#"{"command":"session_revoke"}"#,
            r#"{"command":"session_list","user":"ada","user":"eve"}"#,
            r#"{"command":"session_list","user":"ada","mode":"x"}"#,
            r#"{"command":"session_list","user":7}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_serialized_but_not_shown_by_debug() {
        let command = Command::UserAdd {
            username: "ada".into(),
            password: Secret::new("correct horse".into()),
            email: None,
            roles: vec!["admin".into()],
        };

        assert!(!format!("{command:?}").contains("correct horse"));
        let text = serde_json::to_string(&command).unwrap();
        let Command::UserAdd { password, .. } = parse(&text).unwrap() else { panic!("another command") };
        assert_eq!(password.expose(), "correct horse");
    }
}
