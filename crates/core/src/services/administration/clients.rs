//! Client applications: added, changed, and shut out with all that was given through them.

use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, Subject};

use crate::client_error::ClientError;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::client::{Client, Lifetimes, LifetimesChange};
use crate::model::session::Mode;
use crate::services::administration::{Administration, LONGEST_ACCESS};
use crate::services::revoker::{RevocationContext, RevocationRetention};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, CutoffScope, Page, Store, StoreError};

/// The most scopes or audiences of a client, and the most characters of each.
const MOST: usize = 100;
const LONGEST: usize = 512;

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
        reason: &RevocationContext,
        now: Time,
    ) -> Result<Client, ServiceError> {
        judge_id(&id)?;
        let blank = Client { name: id.to_string(), id, ..Client::default_client() };
        let client = Client { revision: 0, ..change.applied_to(&blank) };
        judge(&client)?;
        let event = event(AuditEventKind::ClientAdded, &client.id, reason, now);
        let mut changes =
            vec![Change::InsertClient(Box::new(client.clone())), Change::Record(Box::new(event))];
        let (reach, fact) = self.reach(&client.lifetimes);
        changes.push(fact);
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => self.keep_reach(reach).await.map(|()| client),
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
        reason: &RevocationContext,
        now: Time,
    ) -> Result<Client, ServiceError> {
        for _ in 0..ATTEMPTS {
            let seen = self.store.client(id).await?.ok_or(ClientError::NotFound("client"))?;
            let next = change.applied_to(&seen);
            judge(&next)?;
            let mut changes = vec![Change::ReplaceClient(Box::new(next.clone()))];
            let (reach, fact) = self.reach(&next.lifetimes);
            changes.push(fact);
            if seen.enabled && !next.enabled {
                changes.extend(self.client_death(id, reason, now));
            }
            changes.push(Change::Record(Box::new(event(AuditEventKind::ClientChanged, id, reason, now))));
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return self.keep_reach(reach).await.map(|()| next);
            }
        }
        Err(InternalError::Contention.into())
    }

    /// What kills all that was given through a client so far, and says so in the journal.
    pub(super) fn client_death(&self, id: &ClientId, reason: &RevocationContext, now: Time) -> [Change; 3] {
        let told = event(AuditEventKind::ClientRevoked, id, reason, now).because(reason.cause);
        [
            self.entry(Subject::Client(id.clone()), reason, now),
            Change::SetCutoff(CutoffScope::Client(id.clone())),
            Change::Record(Box::new(told)),
        ]
    }

    /// Revocations are remembered for as long as the longest access token lives. That is known here before the
    /// first of them can be given, and to the next process whatever becomes of the client.
    ///
    /// The fact is part of every change of a client: memory alone may have been raised by one that was lost.
    fn reach(&self, lifetimes: &Lifetimes) -> (Duration, Change) {
        self.horizon.raise(lifetimes.longest_access());
        let reach = self.horizon.longest_access();
        (reach, Change::SetMetadata(LONGEST_ACCESS, reach.as_secs().to_be_bytes().to_vec()))
    }

    /// Says it again if another change has reached further while this one was under way: the fact never falls.
    async fn keep_reach(&self, mut kept: Duration) -> Result<(), ServiceError> {
        while kept < self.horizon.longest_access() {
            let (reach, fact) = self.reach(&Lifetimes::default());
            let _: CommitOutcome = self.store.commit(&[fact]).await?;
            kept = reach;
        }
        Ok(())
    }
}

impl ClientChange {
    fn applied_to(&self, seen: &Client) -> Client {
        Client {
            id: seen.id.clone(),
            name: self.name.clone().unwrap_or_else(|| seen.name.clone()),
            modes: self.modes.clone().unwrap_or_else(|| seen.modes.clone()),
            audiences: self.audiences.clone().unwrap_or_else(|| seen.audiences.clone()),
            scopes: self.scopes.clone().unwrap_or_else(|| seen.scopes.clone()),
            lifetimes: self.lifetimes.applied_to(seen.lifetimes),
            enabled: self.enabled.unwrap_or(seen.enabled),
            not_before: seen.not_before,
            revision: seen.revision + 1,
        }
    }
}

/// Raises `horizon` by the lifetimes of every client.
pub(super) async fn raise_by_all(store: &dyn Store, horizon: &RevocationRetention) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.clients(Page { after, limit: 100 }).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let longest: Option<Duration> = page.iter().map(|client| client.lifetimes.longest_access()).max();
        horizon.raise(longest.unwrap_or_default());
        after = Some(last.id.clone());
    }
}

/// A new id stands in paths and in claims as it is: nothing of it has to be escaped (RFC 3986, section 2.3).
fn judge_id(id: &ClientId) -> Result<(), ClientError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if id.as_str().bytes().all(is_plain) {
        return Ok(());
    }
    Err(ClientError::Field { field: "id", detail: "is to be of letters, digits, -, ., _ and ~".to_owned() })
}

fn judge(client: &Client) -> Result<(), ClientError> {
    let fault = |field, detail: &str| Err(ClientError::Field { field, detail: detail.to_owned() });
    let is_plain = |text: &str| !text.chars().any(char::is_control) && text.trim() == text;
    if client.name.is_empty() || client.name.chars().count() > LONGEST || !is_plain(&client.name) {
        return fault("name", "is to be 1 to 512 plain characters");
    }
    if client.modes.is_empty() {
        return fault("modes", "is to name at least one of session, jwt, hybrid");
    }
    if !are_good(client.audiences.as_deref(), |byte| byte.is_ascii_graphic()) {
        return fault("audiences", "are to be at most 100 texts of 1 to 512 visible ASCII characters");
    }
    // RFC 6749, section 3.3.
    if !are_good(client.scopes.as_deref(), |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
        return fault("scopes", "are to be at most 100 words of 1 to 512 visible ASCII characters");
    }
    match client.lifetimes.fault() {
        Some((name, detail)) => fault("lifetimes", &format!("{name} {detail}")),
        None => Ok(()),
    }
}

fn are_good(texts: Option<&[String]>, is_good: impl Fn(u8) -> bool) -> bool {
    texts.is_none_or(|texts| {
        texts.len() <= MOST
            && texts.iter().all(|text| (1..=LONGEST).contains(&text.len()) && text.bytes().all(&is_good))
    })
}

fn event(kind: AuditEventKind, id: &ClientId, reason: &RevocationContext, now: Time) -> AuditEvent {
    AuditEvent::by(kind, reason.actor.clone(), &reason.from, now).of_client(id.clone())
}
