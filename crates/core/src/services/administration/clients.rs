//! Client applications: added, changed, and shut out with all that was given through them.

use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationSubject};

use crate::client_error::ClientError;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::client::{Client, Lifetimes, LifetimesChange};
use crate::model::session::Mode;
use crate::services::administration::{Administration, MAX_ACCESS_LIFETIME};
use crate::services::revoker::{RevocationContext, RevocationRetention};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, CutoffScope, Page, Store, StoreError};

/// The most scopes or audiences of a client, and the most characters of each.
const MAX_WORDS: usize = 100;
const MAX_WORD_LENGTH: usize = 512;

/// What is to be otherwise with a client; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// What people call it.
    pub name: Option<String>,
    /// The modes that a login may have.
    pub modes: Option<Vec<Mode>>,
    /// The audiences that its tokens may be for; inner `None`: any.
    pub audiences: Option<Option<Vec<String>>>,
    /// The scopes that it may ask for; inner `None`: any.
    pub scopes: Option<Option<Vec<String>>>,
    /// How long what it is given lives. What was given before keeps its life.
    pub lifetimes: LifetimesChange,
    /// Whether it may be used. Disabling kills all that was given through it.
    pub enabled: Option<bool>,
}

impl Administration {
    /// Adds a client with the defaults, but for what is in `change`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for what cannot be, [`ClientError::AlreadyExists`] if the id is taken.
    pub async fn add_client(
        &self,
        id: ClientId,
        change: ClientChange,
        context: &RevocationContext,
        now: Time,
    ) -> Result<Client, ServiceError> {
        validate_id(&id)?;
        let blank = Client { name: id.to_string(), id, ..Client::default_client() };
        let client = Client { revision: 0, ..change.apply_to(&blank) };
        validate(&client)?;
        let event = event(AuditEventKind::ClientAdded, &client.id, context, now);
        let mut changes =
            vec![Change::InsertClient(Box::new(client.clone())), Change::RecordEvent(Box::new(event))];
        let (lifetime, metadata) = self.raise_retention(&client.lifetimes);
        changes.push(metadata);
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => self.persist_retention(lifetime).await.map(|()| client),
            CommitOutcome::Conflict(_) => Err(ClientError::AlreadyExists("client id").into()),
        }
    }

    /// Changes a client. A login in flight is judged anew; where it is disabled, all that was given through it is
    /// dead with the commit, and stays dead when it is enabled again.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is none, [`ClientError::Field`] for what cannot be.
    pub async fn change_client(
        &self,
        id: &ClientId,
        change: &ClientChange,
        context: &RevocationContext,
        now: Time,
    ) -> Result<Client, ServiceError> {
        for _ in 0..ATTEMPTS {
            let previous = self.store.client(id).await?.ok_or(ClientError::NotFound("client"))?;
            let next = change.apply_to(&previous);
            validate(&next)?;
            let mut changes = vec![Change::ReplaceClient(Box::new(next.clone()))];
            let (lifetime, metadata) = self.raise_retention(&next.lifetimes);
            changes.push(metadata);
            if previous.enabled && !next.enabled {
                changes.extend(self.revoke_client_changes(id, context, now));
            }
            changes.push(Change::RecordEvent(Box::new(event(
                AuditEventKind::ClientChanged,
                id,
                context,
                now,
            ))));
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return self.persist_retention(lifetime).await.map(|()| next);
            }
        }
        Err(InternalError::Contention.into())
    }

    /// What kills all that was given through a client so far, and says so in the journal.
    pub(super) fn revoke_client_changes(
        &self,
        id: &ClientId,
        context: &RevocationContext,
        now: Time,
    ) -> [Change; 3] {
        let event = event(AuditEventKind::ClientRevoked, id, context, now).with_reason(context.reason);
        [
            self.revocation_entry(RevocationSubject::Client(id.clone()), context, now),
            Change::SetCutoff(CutoffScope::Client(id.clone())),
            Change::RecordEvent(Box::new(event)),
        ]
    }

    /// Revocations are remembered for as long as the longest access token lives. That is known here before the
    /// first of them can be given, and to the next process whatever becomes of the client.
    ///
    /// The fact is part of every change of a client: memory alone may have been raised by one that was lost.
    fn raise_retention(&self, lifetimes: &Lifetimes) -> (Duration, Change) {
        self.retention.raise_to(lifetimes.max_access_lifetime());
        let lifetime = self.retention.max_access_lifetime();
        (lifetime, Change::SetMetadata(MAX_ACCESS_LIFETIME, lifetime.as_secs().to_be_bytes().to_vec()))
    }

    /// Says it again if another change has reached further while this one was under way: the fact never falls.
    async fn persist_retention(&self, mut stored: Duration) -> Result<(), ServiceError> {
        while stored < self.retention.max_access_lifetime() {
            let (lifetime, metadata) = self.raise_retention(&Lifetimes::default());
            let _: CommitOutcome = self.store.commit(&[metadata]).await?;
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

/// A new id stands in paths and in claims as it is: nothing of it has to be escaped (RFC 3986, section 2.3).
fn validate_id(id: &ClientId) -> Result<(), ClientError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if id.as_str().bytes().all(is_plain) {
        return Ok(());
    }
    Err(ClientError::Field { field: "id", detail: "is to be of letters, digits, -, ., _ and ~".to_owned() })
}

fn validate(client: &Client) -> Result<(), ClientError> {
    let invalid = |field, detail: &str| Err(ClientError::Field { field, detail: detail.to_owned() });
    let is_plain = |text: &str| !text.chars().any(char::is_control) && text.trim() == text;
    if client.name.is_empty() || client.name.chars().count() > MAX_WORD_LENGTH || !is_plain(&client.name) {
        return invalid("name", "is to be 1 to 512 plain characters");
    }
    if client.modes.is_empty() {
        return invalid("modes", "is to name at least one of session, jwt, hybrid");
    }
    if !are_valid(client.audiences.as_deref(), |byte| byte.is_ascii_graphic()) {
        return invalid("audiences", "are to be at most 100 texts of 1 to 512 visible ASCII characters");
    }
    // RFC 6749, section 3.3.
    if !are_valid(client.scopes.as_deref(), |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
        return invalid("scopes", "are to be at most 100 words of 1 to 512 visible ASCII characters");
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
    AuditEvent::by_actor(kind, context.actor.clone(), &context.client_info, now).with_client(id.clone())
}
