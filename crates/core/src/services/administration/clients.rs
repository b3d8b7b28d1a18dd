//! Client applications: adds, changes and disables them.

use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationSubject};

use crate::client_error::ClientError;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::client::{Client, Lifetimes, LifetimesChange};
use crate::model::session::Mode;
use crate::services::administration::{self, Administration};
use crate::services::revoker::{RevocationContext, RevocationRetention};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, CutoffScope, MAX_ACCESS_LIFETIME, Page, Store, StoreError};

/// The maximum number of scopes or audiences of a client, and the maximum length of each, in bytes.
const MAX_WORDS: usize = 100;
const MAX_WORD_LENGTH: usize = 512;

/// The changes to a client. A field that is `None` is not changed.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// The display name.
    pub name: Option<String>,
    /// The allowed modes of a login.
    pub modes: Option<Vec<Mode>>,
    /// The allowed audiences of its tokens; inner `None`: any.
    pub audiences: Option<Option<Vec<String>>>,
    /// The allowed scopes; inner `None`: any.
    pub scopes: Option<Option<Vec<String>>>,
    /// The lifetimes of its sessions and tokens. Those that exist keep theirs.
    pub lifetimes: LifetimesChange,
    /// Whether the client is enabled. Disabling revokes everything that was issued through it.
    pub enabled: Option<bool>,
}

impl Administration {
    /// Adds a client with the default values and `change` applied.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for an invalid field, [`ClientError::AlreadyExists`] if the id is taken.
    pub async fn add_client(
        &self,
        id: ClientId,
        change: ClientChange,
        context: &RevocationContext,
        now: Time,
    ) -> Result<Client, ServiceError> {
        validate_id(&id)?;
        let default = Client { name: id.to_string(), id, ..Client::default_client() };
        let client = Client { revision: 0, ..change.apply_to(&default) };
        validate(&client)?;
        self.announce_lifetimes(&client.lifetimes).await?;
        let event = event(AuditEventKind::ClientAdded, &client.id, context, now);
        let mut changes = vec![Change::insert_client(client.clone()), Change::record_event(event)];
        let (lifetime, metadata) = self.raise_retention(&client.lifetimes);
        changes.push(metadata);
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(_) => self.persist_retention(lifetime).await.map(|()| client),
            CommitOutcome::Conflict(_) => Err(ClientError::AlreadyExists("client id").into()),
        }
    }

    /// Changes a client. A concurrent login is checked again. Disabling a client revokes everything that was issued through
    /// it, in the same commit; it stays revoked when the client is enabled again.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such client, [`ClientError::Field`] for an invalid field.
    pub async fn change_client(
        &self,
        id: &ClientId,
        change: &ClientChange,
        context: &RevocationContext,
        now: Time,
    ) -> Result<Client, ServiceError> {
        for _ in 0..ATTEMPTS {
            let previous = self.require_client(id).await?;
            let next = change.apply_to(&previous);
            validate(&next)?;
            self.announce_lifetimes(&next.lifetimes).await?;
            let mut changes = vec![Change::replace_client(next.clone())];
            let (lifetime, metadata) = self.raise_retention(&next.lifetimes);
            changes.push(metadata);
            if previous.enabled && !next.enabled {
                changes.extend(self.revoke_client_changes(id, context, now));
            }
            let event = event(AuditEventKind::ClientChanged, id, context, now);
            changes.push(Change::record_event(event));
            if let CommitOutcome::Applied(_) = self.store.commit(&changes.into()).await? {
                return self.persist_retention(lifetime).await.map(|()| next);
            }
        }
        Err(InternalError::Contention.into())
    }

    /// The changes that revoke everything issued through a client, with the audit event.
    pub(super) fn revoke_client_changes(
        &self,
        id: &ClientId,
        context: &RevocationContext,
        now: Time,
    ) -> [Change; 3] {
        let event = event(AuditEventKind::ClientRevoked, id, context, now).with_reason(context.reason);
        [
            self.revocation_entry(RevocationSubject::Client(id.clone()), context, now),
            Change::set_cutoff(CutoffScope::Client(id.clone())),
            Change::record_event(event),
        ]
    }

    /// On one of several nodes: waits until every node keeps revocations for as long as tokens with these lifetimes live. A node
    /// that knew of them only after the first token was issued could forget its revocation too early.
    async fn announce_lifetimes(&self, lifetimes: &Lifetimes) -> Result<(), ServiceError> {
        let Some(registry) = self.store.node_registry() else { return Ok(()) };
        // Another node may have stored a longer one, which must not be replaced.
        administration::raise_retention(&*self.store, &self.retention).await?;
        let (_, metadata) = self.raise_retention(lifetimes);
        let _: CommitOutcome = self.store.commit(&[metadata].into()).await?;
        Ok(registry.wait_until_applied().await?)
    }

    /// Raises the retention of revocations to these lifetimes, before the first token with them can be issued. Returns the
    /// new maximum, and the change that stores it for the next process.
    ///
    /// Every change of a client stores it: the value in memory may have been raised by a change that was not applied.
    fn raise_retention(&self, lifetimes: &Lifetimes) -> (Duration, Change) {
        self.retention.raise_to(lifetimes.max_access_lifetime());
        let lifetime = self.retention.max_access_lifetime();
        (lifetime, Change::set_metadata(MAX_ACCESS_LIFETIME, lifetime.as_secs().to_be_bytes().to_vec()))
    }

    /// Stores the maximum again if a concurrent change has raised it further, so that the stored value never falls behind.
    async fn persist_retention(&self, mut stored: Duration) -> Result<(), ServiceError> {
        while stored < self.retention.max_access_lifetime() {
            let (lifetime, metadata) = self.raise_retention(&Lifetimes::default());
            let _: CommitOutcome = self.store.commit(&[metadata].into()).await?;
            stored = lifetime;
        }
        Ok(())
    }
}

impl ClientChange {
    fn apply_to(&self, previous: &Client) -> Client {
        Client {
            id: previous.id.clone(),
            name: self.name.clone().unwrap_or_else(|| previous.name.clone()),
            modes: self.modes.clone().unwrap_or_else(|| previous.modes.clone()),
            audiences: self.audiences.clone().unwrap_or_else(|| previous.audiences.clone()),
            scopes: self.scopes.clone().unwrap_or_else(|| previous.scopes.clone()),
            lifetimes: self.lifetimes.apply_to(previous.lifetimes),
            enabled: self.enabled.unwrap_or(previous.enabled),
            cutoff: previous.cutoff,
            revision: previous.revision + 1,
        }
    }
}

/// Raises `retention` by the lifetimes of every client.
pub(super) async fn raise_by_all_clients(
    store: &dyn Store,
    retention: &RevocationRetention,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.clients(Page { after, limit: 100 }).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let longest: Option<Duration> =
            page.iter().map(|client| client.lifetimes.max_access_lifetime()).max();
        retention.raise_to(longest.unwrap_or_default());
        after = Some(last.id.clone());
    }
}

/// What the id of a new client must be; the end of the sentence "the id …". It consists of unreserved characters only (RFC 3986,
/// section 2.3), so that it needs no escaping in a URL.
pub const NEW_CLIENT_ID: &str = "must be 1 to 128 letters, digits, `-`, `.`, `_` and `~`";

fn validate_id(id: &ClientId) -> Result<(), ClientError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if id.as_str().bytes().all(is_plain) {
        return Ok(());
    }
    Err(ClientError::Field { field: "id", detail: NEW_CLIENT_ID.to_owned() })
}

fn validate(client: &Client) -> Result<(), ClientError> {
    let invalid = |field, detail: &str| Err(ClientError::Field { field, detail: detail.to_owned() });
    let is_plain = |text: &str| !text.chars().any(char::is_control) && text.trim() == text;
    if client.name.is_empty() || client.name.chars().count() > MAX_WORD_LENGTH || !is_plain(&client.name) {
        return invalid(
            "name",
            "must be 1 to 512 characters without control characters and surrounding spaces",
        );
    }
    if client.modes.is_empty() {
        return invalid("modes", "must contain at least one of `session`, `jwt`, `hybrid`");
    }
    if !are_valid(client.audiences.as_deref(), |byte| byte.is_ascii_graphic()) {
        return invalid(
            "audiences",
            "must be at most 100 strings of 1 to 512 printable ASCII characters without spaces",
        );
    }
    // RFC 6749, section 3.3.
    if !are_valid(client.scopes.as_deref(), |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
        return invalid(
            "scopes",
            "must be at most 100 words of 1 to 512 printable ASCII characters except `\"` and `\\`",
        );
    }
    match client.lifetimes.validate() {
        Some((name, detail)) => invalid("lifetimes", &format!("{name} {detail}")),
        None => Ok(()),
    }
}

fn are_valid(texts: Option<&[String]>, is_valid: impl Fn(u8) -> bool) -> bool {
    texts.is_none_or(|texts| {
        texts.len() <= MAX_WORDS
            && texts
                .iter()
                .all(|text| (1..=MAX_WORD_LENGTH).contains(&text.len()) && text.bytes().all(&is_valid))
    })
}

fn event(kind: AuditEventKind, id: &ClientId, context: &RevocationContext, now: Time) -> AuditEvent {
    context.event(kind, now).with_client(id.clone())
}
