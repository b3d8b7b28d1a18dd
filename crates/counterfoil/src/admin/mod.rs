//! What an operator may have done: one command in, one JSON answer out, the same through the socket and
//! without a server.

mod audit_log;
mod commands;
mod keys;
mod minting;
mod requests;
pub(crate) mod responses;
pub(crate) mod restore;
pub(crate) mod socket;
pub(crate) mod user_import;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use counterfoil_core::ClientError;
use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use counterfoil_core::model::session::{ClientInfo, EndReason, Session};
use counterfoil_core::model::user::{User, Username};
use counterfoil_core::services::account::Registration;
use counterfoil_core::services::administration::judge_roles;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::services::user_import::{ImportMode, ImportedUser};
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_core::store::{Change, LoginName, Page, SessionCursor, StoreError};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{SessionId, UserId};

use crate::admin::responses::{SessionRow, UserRow};
use crate::app::App;
use crate::clock::checkpoint;
use crate::store::backup::{self, BackupError, Existing};

pub use minting::MintForm;
pub use requests::{ClientForm, RevocationForm, RotationForm, UserForm, Wait, Which};

/// How long a list is unless it is said otherwise, and at most.
const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 1000;

/// Something that an operator wants done.
///
/// A user is named by id or by username, a list goes on after the cursor that the last one ended with.
///
/// ```
/// use counterfoil::operator::Command;
///
/// let command: Command = serde_json::from_str(r#"{"command":"session_list","user":"ada"}"#)?;
/// assert!(matches!(command, Command::SessionList { user, .. } if user == "ada"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// What is this, and is it well?
    Status {},
    /// Registers a user, also where registration is closed to strangers. Answers `{user}`.
    UserAdd {
        /// Their name.
        username: String,
        /// Their password.
        #[serde(with = "spoken")]
        password: Secret<String>,
        /// An address that they claim.
        #[serde(default)]
        email: Option<String>,
        /// Their roles.
        #[serde(default)]
        roles: Vec<String>,
    },
    /// Brings in users of another system, at most [`MOST`](crate::admin::user_import::MOST). Answers `{users}`, for each
    /// of them `{outcome}`, `added` or `there`, or `{error}`.
    UserImport {
        /// Whom.
        users: Vec<ImportedUser>,
        /// Only say what would become of them.
        #[serde(default)]
        rehearsal: bool,
    },
    /// Lists users by name. Answers `{users, next}`.
    UserList {
        /// Where the last list ended.
        #[serde(default)]
        after: Option<String>,
        /// How many; 100 unless said otherwise, 1,000 at most.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Changes a user: locks them out or lets them in, gives other roles, another address. Answers `{user}`.
    UserChange {
        /// Whom.
        user: String,
        /// What is to be otherwise.
        change: UserForm,
    },
    /// Sets a user's password, and ends every session of theirs. Answers `{user}`.
    UserPassword {
        /// Whose.
        user: String,
        /// The new password.
        #[serde(with = "spoken")]
        password: Secret<String>,
    },
    /// Deletes a user with all that is known of them but the journal. Answers `{id}`.
    UserDelete {
        /// Whom.
        user: String,
    },
    /// Adds a client application. Answers `{client}`.
    ClientAdd {
        /// Its `client_id`.
        id: String,
        /// What is to be otherwise than with the default client.
        client: ClientForm,
    },
    /// Lists clients by id. Answers `{clients, next}`.
    ClientList {
        /// Where the last list ended.
        #[serde(default)]
        after: Option<String>,
        /// How many; 100 unless said otherwise, 1,000 at most.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Changes a client application. Answers `{client}`.
    ClientSet {
        /// Which.
        id: String,
        /// What is to be otherwise.
        client: ClientForm,
    },
    /// Makes an admin key. Answers `{id, name, key}`: the one time that its secret is told.
    AdminKeyAdd {
        /// What people call it.
        name: String,
    },
    /// Lists admin keys. Answers `{admin_keys}`.
    AdminKeyList {},
    /// Removes an admin key. Answers `{id}`.
    AdminKeyRemove {
        /// Which.
        id: String,
    },
    /// Lists the keys that there are or were. Answers `{keys, peppers}`.
    KeyList {},
    /// Has the next key sign, at once or when it is known, or makes another pepper. Answers
    /// `{id, state, first_used_at}`.
    KeyRotate(RotationForm),
    /// Takes in a signing key that was made elsewhere, PKCS#8 as PEM or a private JWK, as the next one. Answers with
    /// it, as `KeyList` shows keys.
    KeyImport {
        /// An absolute path.
        file: PathBuf,
    },
    /// Seals every key under another master key: the one in a file, or one that is drawn. Answers `{file, old_file,
    /// environment}`: where it is, where the one before it is kept, and whether the environment still names that.
    KeyRekey {
        /// An absolute path.
        #[serde(default)]
        file: Option<PathBuf>,
    },
    /// Mints an access token. Answers `{access_token, token_type, expires_in, expires_at, token_id, session}`.
    TokenMint(MintForm),
    /// Shows the journal, the newest line first; that of a session in its order. Answers `{events, next}`.
    EventList {
        /// Of this user alone.
        #[serde(default)]
        user: Option<String>,
        /// Of this session alone.
        #[serde(default)]
        session: Option<String>,
        /// Older than where the last list ended.
        #[serde(default)]
        after: Option<String>,
        /// How many; 100 unless said otherwise, 1,000 at most.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Revokes whatever the log can name. Answers `{position, confirmed, expired, elapsed_ms, beyond}`.
    Revoke(RevocationForm),
    /// Lists a user's live sessions, the newest first. Answers `{sessions, next}`.
    SessionList {
        /// Whose.
        user: String,
        /// Where the last list ended.
        #[serde(default)]
        after: Option<String>,
        /// How many; 100 unless said otherwise, 1,000 at most.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Ends a session. Answers `{revoked}`: 1, or 0 if it had ended before.
    SessionRevoke {
        /// Which.
        id: String,
    },
    /// Ends every session of a user. Answers `{revoked}`, how many.
    SessionRevokeAll {
        /// Whose.
        user: String,
    },
    /// Writes a consistent copy of the store to a file. Answers `{file, bytes}`.
    Backup {
        /// Where to: an absolute path.
        file: PathBuf,
        /// Whether it may take the place of a file that is there.
        #[serde(default)]
        replace: bool,
    },
    /// Takes the clock of the machine for right. Answers `{now, wall, restart}`: whether a restart is needed to
    /// go by it.
    ClockAccept {},
}

/// A secret as it is told to a server on the same machine, through a socket that is its owner's alone.
mod spoken {
    use counterfoil_jose::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret<String>, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

/// It was not done. For an operator, who is told why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What is wrong.
    pub message: String,
    /// What to do about it, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Refused {
    /// A refusal with nothing more to say.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let refused = Self::new(with_causes(&error));
        match error {
            StoreError::Poisoned => refused.hint("restart the server; if this comes again, look at the disk"),
            _ => refused,
        }
    }
}

impl From<BackupError> for Refused {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(error) => error.into(),
            error => Self { message: with_causes(&error), hint: error.hint() },
        }
    }
}

impl From<ServiceError> for Refused {
    fn from(trouble: ServiceError) -> Self {
        match trouble {
            ServiceError::Client(ClientError::UsernameTaken) => Self::new("the username is taken"),
            ServiceError::Client(refusal) => Self::new(refusal.to_string()),
            ServiceError::Internal(InternalError::Store(error)) => error.into(),
            ServiceError::Internal(failure) => Self::new(with_causes(&failure)).hint("try again"),
        }
    }
}

/// An error and what it comes from, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl App {
    /// Does what an operator wants done, and writes in the journal that it was an operator.
    ///
    /// # Errors
    ///
    /// Says why it was not done; then nothing was.
    pub async fn administer(&self, command: Command) -> Result<Value, Refused> {
        match command {
            Command::Status {} => Ok(self.status().await),
            Command::UserAdd { username, password, email, roles } => {
                self.add_user(Registration { username, password, email, roles }).await
            }
            Command::UserImport { users, rehearsal } => {
                self.import_users(&users, if rehearsal { ImportMode::DryRun } else { ImportMode::Real }).await
            }
            Command::UserList { after, limit } => self.list_users(after, limit).await,
            Command::UserChange { user, change } => self.change_user(&user, change).await,
            Command::UserPassword { user, password } => self.set_password(&user, &password).await,
            Command::UserDelete { user } => self.delete_user(&user).await,
            Command::ClientAdd { id, client } => self.add_client(&id, client).await,
            Command::ClientList { after, limit } => self.list_clients(after, limit).await,
            Command::ClientSet { id, client } => self.set_client(&id, client).await,
            Command::AdminKeyAdd { name } => self.add_admin_key(&name).await,
            Command::AdminKeyList {} => self.list_admin_keys().await,
            Command::AdminKeyRemove { id } => self.remove_admin_key(&id).await,
            Command::KeyList {} => self.list_keys().await,
            Command::KeyImport { file } => self.import_key(file).await,
            Command::KeyRekey { file } => self.rekey(file).await,
            Command::KeyRotate(form) => self.rotate_keys(form).await,
            Command::TokenMint(form) => self.mint_token(form).await,
            Command::EventList { user, session, after, limit } => {
                self.list_events(user, session, after, limit).await
            }
            Command::Revoke(form) => self.revoke(form).await,
            Command::SessionList { user, after, limit } => self.list_sessions(&user, after, limit).await,
            Command::SessionRevoke { id } => self.revoke_session(&id).await,
            Command::SessionRevokeAll { user } => self.revoke_sessions_of(&user).await,
            Command::Backup { file, replace } => self.back_up(file, replace).await,
            Command::ClockAccept {} => self.accept_clock().await,
        }
    }

    async fn status(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "issuer": self.settings().issuer.as_str(),
            "store": self.settings().store.resolved().to_string(),
            "started_at": self.started.unix_seconds(),
            "now": self.now().unix_seconds(),
            "may_issue": self.clock.may_issue(),
            "missing": self.readiness().await,
            "remembered_sessions": self.memory.len(),
            "revocations": self.memory.revocations().len(),
        })
    }

    async fn add_user(&self, form: Registration) -> Result<Value, Refused> {
        judge_roles(&form.roles).map_err(ServiceError::from)?;
        let from = ClientInfo::default();
        let user = self.sign_in.register(form, Actor::Operator, &from, self.now()).await?;
        Ok(json!({ "user": UserRow::of(&user) }))
    }

    async fn list_users(&self, after: Option<String>, limit: Option<u32>) -> Result<Value, Refused> {
        let limit = page(limit);
        let users = self.store.users(Page { after, limit }).await?;
        let next = is_full(&users, limit).then(|| users.last().map(|user| user.username.folded()));
        Ok(json!({ "users": users.iter().map(UserRow::of).collect::<Vec<_>>(), "next": next.flatten() }))
    }

    async fn list_sessions(
        &self,
        user: &str,
        after: Option<String>,
        limit: Option<u32>,
    ) -> Result<Value, Refused> {
        let limit = page(limit);
        let after = after.map(|text| cursor(&text).ok_or_else(|| Refused::new("the cursor is none of ours")));
        let user = self.user_named(user).await?;
        let page = Page { after: after.transpose()?, limit };
        let sessions = self.store.sessions_of(user.id, page, self.now()).await?;
        let next = is_full(&sessions, limit).then(|| sessions.last().map(cursor_after));
        Ok(
            json!({ "sessions": sessions.iter().map(SessionRow::of).collect::<Vec<_>>(), "next": next.flatten() }),
        )
    }

    async fn revoke_session(&self, id: &str) -> Result<Value, Refused> {
        let id: SessionId = id.parse().map_err(|_| Refused::new("that is no session id"))?;
        if self.store.session(id).await?.is_none() {
            return Err(Refused::new("there is no such session"));
        }
        let ended = self.revoker.end(id, &by_operator(), self.now()).await?;
        Ok(json!({ "revoked": u8::from(ended) }))
    }

    async fn revoke_sessions_of(&self, user: &str) -> Result<Value, Refused> {
        let user = self.user_named(user).await?;
        let ended = self.revoker.end_all(user.id, None, &by_operator(), self.now()).await?;
        Ok(json!({ "revoked": ended }))
    }

    async fn back_up(&self, file: PathBuf, replace: bool) -> Result<Value, Refused> {
        if !file.is_absolute() {
            return Err(Refused::new("the file of a backup is to be an absolute path"));
        }
        backup::spare(&self.settings().own_files(), &file)?;
        let existing = if replace { Existing::IsReplaced } else { Existing::Stays };
        let bytes = backup::write(&*self.store, &file, existing).await?;
        Ok(json!({ "file": file, "bytes": bytes }))
    }

    /// Accepts the clock, and keeps that: a restart right after it goes by the same.
    async fn accept_clock(&self) -> Result<Value, Refused> {
        let accepted = self.clock.accept();
        let journal = Change::Record(Box::new(operators(AuditEventKind::ClockAccepted, accepted.now)));
        checkpoint::accept(&*self.store, &self.clock, accepted, journal).await?;
        Ok(json!({
            "now": accepted.now.unix_seconds(),
            "wall": accepted.wall.unix_seconds(),
            "restart": accepted.needs_restart(),
        }))
    }

    /// The user of this id or of this name. The id first: nobody gets in an operator's way by choosing a name.
    async fn user_named(&self, text: &str) -> Result<User, Refused> {
        if let Ok(id) = text.parse::<UserId>()
            && let Some(user) = self.store.user(id).await?
        {
            return Ok(user);
        }
        let nobody =
            || Refused::new("there is no such user").hint("`counterfoil user list` shows who there is");
        let name: Username = text.parse().map_err(|_| nobody())?;
        self.store.user_by_login(&LoginName::Username(name.folded().to_owned())).await?.ok_or_else(nobody)
    }
}

fn by_operator() -> RevocationContext {
    RevocationContext { actor: Actor::Operator, cause: EndReason::ByAdmin, from: ClientInfo::default() }
}

/// A line of the journal about something that an operator did to nobody in particular.
fn operators(kind: AuditEventKind, at: Time) -> AuditEvent {
    AuditEvent {
        at,
        kind,
        user: None,
        session: None,
        client: None,
        actor: Actor::Operator,
        cause: None,
        from: ClientInfo::default(),
        detail: None,
    }
}

fn page(limit: Option<u32>) -> u32 {
    limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)
}

fn is_full<T>(rows: &[T], limit: u32) -> bool {
    u32::try_from(rows.len()).is_ok_and(|rows| rows >= limit)
}

pub(crate) fn cursor_after(session: &Session) -> String {
    format!("{}.{}", session.authenticated_at.unix_ms(), session.id)
}

pub(crate) fn cursor(text: &str) -> Option<SessionCursor> {
    let (ms, id) = text.split_once('.')?;
    Some(SessionCursor { authenticated_at: Time::from_unix_ms(ms.parse().ok()?), id: id.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Command, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_command_is_exactly_what_it_says() {
        assert!(read(r#"{"command":"status"}"#).is_ok());
        for bad in [
            r#"{}"#,
            r#"{"command":"rm"}"#,
            r#"{"command":"status","user":"ada"}"#,
            r#"{"command":"session_list"}"#,
            r#"{"command":"session_list","user":"ada","user":"eve"}"#,
            r#"{"command":"session_list","user":"ada","mode":"x"}"#,
            r#"{"command":"session_list","user":7}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_travels_to_the_server_and_nowhere_else() {
        let command = Command::UserAdd {
            username: "ada".into(),
            password: Secret::new("correct horse".into()),
            email: None,
            roles: vec!["admin".into()],
        };

        assert!(!format!("{command:?}").contains("correct horse"));
        let told = serde_json::to_string(&command).unwrap();
        let Command::UserAdd { password, .. } = read(&told).unwrap() else { panic!("another command") };
        assert_eq!(password.expose(), "correct horse");
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let id = SessionId::from_bytes([7; 16]);

        let place = cursor(&format!("1764000000123.{id}")).unwrap();

        assert_eq!(place, SessionCursor { authenticated_at: Time::from_unix_ms(1_764_000_000_123), id });
        for bad in ["", ".", "1.", ".x", "x.AAAA", "-1.AAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(cursor(bad).is_none(), "{bad}");
        }
    }
}
