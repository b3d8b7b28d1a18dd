//! The keys of a running installation: what they are at any moment, and how they change.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use counterfoil_jose::{Algorithm, SealingKey, Time};
use counterfoil_verify::{KeyId, LogEntry, Subject, TokenVerifier};

use crate::kept::event::{Event, EventKind};
use crate::kept::key::{KeyRecord, KeyState, Purpose};
use crate::policy::revoke::Reason;
use crate::policy::ring::{Ring, RingError, new_signing};
use crate::policy::{ATTEMPTS, Failure, Trouble};
use crate::refusal::Refusal;
use crate::store::{Applied, Change, Committed, Store};

/// The ring in use, and the one place that changes it. Whoever reads it gets a whole ring, old or new.
pub struct Keyring {
    store: Arc<dyn Store>,
    master: SealingKey,
    ring: ArcSwap<Ring>,
    /// Who verifies our own tokens in this process, and is told of other keys before anything is signed with them.
    tokens: OnceLock<Arc<TokenVerifier>>,
    /// Held while a ring takes the place of another, so that an older one never takes that of a newer.
    changing: Mutex<()>,
}

/// A key as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStanding {
    /// Its name: the `kid` of what it signs.
    pub id: KeyId,
    /// Its algorithm.
    pub algorithm: String,
    /// What it may still do.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Time,
    /// When it got into its present state.
    pub changed_at: Time,
}

impl Keyring {
    /// Opens the keys of `store` with the master key; makes them first where there are none.
    ///
    /// # Errors
    ///
    /// As [`Ring::open`].
    pub async fn open(
        store: Arc<dyn Store>,
        master: SealingKey,
        algorithm: Algorithm,
        now: Time,
    ) -> Result<Self, RingError> {
        let ring = ArcSwap::from_pointee(Ring::open(&*store, &master, algorithm, now).await?);
        Ok(Self { store, master, ring, tokens: OnceLock::new(), changing: Mutex::new(()) })
    }

    /// The keys as they are now.
    pub fn ring(&self) -> Arc<Ring> {
        self.ring.load_full()
    }

    /// Tells `tokens` of every change from now on. To be said once.
    pub fn tell(&self, tokens: Arc<TokenVerifier>) {
        tokens.set_keys(self.ring().verifying().clone());
        // A second verifier would be forgotten; there is one in a process.
        let _ = self.tokens.set(tokens);
    }

    /// The signing keys that there are or were, the oldest first.
    ///
    /// # Errors
    ///
    /// If they could not be read.
    pub async fn signing_keys(&self) -> Result<Vec<KeyStanding>, Trouble> {
        let kept = self.store.keys().await?;
        Ok(kept.into_iter().filter(|key| key.purpose == Purpose::Signing).map(KeyStanding::of).collect())
    }

    /// Makes a new key current, at once. The one before it is retired: it signs nothing more, and what it signed
    /// is still good. Returns the name of the new one.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; then everything is as it was.
    pub async fn rotate(&self, reason: &Reason, now: Time) -> Result<KeyId, Trouble> {
        for _ in 0..ATTEMPTS {
            let kept = self.store.keys().await?;
            let (new, mut changes) = self.successor(reason, now)?;
            for old in kept.iter().filter(|key| is_current(key)) {
                changes.push(Change::SwapKey(Box::new(old.in_state(KeyState::Retired, now))));
                changes.push(record(EventKind::KeyRetired, &old.id, reason, now));
            }
            if let Committed::Applied(_) = self.store.commit(&changes).await? {
                self.renew().await?;
                return Ok(new);
            }
        }
        Err(Failure::Contended.into())
    }

    /// Revokes a signing key: nothing that it ever signed is good, and that is never forgotten. Where it was the
    /// current one, another takes its place in the same commit. Returns the entry of the log; none if the key
    /// was revoked before.
    ///
    /// # Errors
    ///
    /// [`Refusal::Nothing`] if there is no such key. If it could not be made durable everything is as it was.
    pub async fn revoke(&self, id: &KeyId, reason: &Reason, now: Time) -> Result<Option<LogEntry>, Trouble> {
        for _ in 0..ATTEMPTS {
            let kept = self.store.keys().await?;
            let seen = kept.iter().find(|key| key.id == *id && key.purpose == Purpose::Signing);
            let seen = seen.ok_or(Refusal::Nothing("key"))?;
            if seen.state == KeyState::Revoked {
                // Whoever revoked it may have died before this process took it up.
                self.renew().await?;
                return Ok(None);
            }
            let changes = self.revocation(seen, reason, now)?;
            if let Committed::Applied(Applied { mut entries, .. }) = self.store.commit(&changes).await? {
                self.renew().await?;
                return Ok(entries.pop());
            }
        }
        Err(Failure::Contended.into())
    }

    fn revocation(&self, seen: &KeyRecord, reason: &Reason, now: Time) -> Result<Vec<Change>, Trouble> {
        let mut changes = vec![
            Change::SwapKey(Box::new(seen.in_state(KeyState::Revoked, now))),
            Change::Append {
                subject: Subject::Key(seen.id.clone()),
                cause: reason.cause,
                at: now,
                until: None,
            },
            record(EventKind::KeyRevoked, &seen.id, reason, now),
        ];
        if is_current(seen) {
            changes.extend(self.successor(reason, now)?.1);
        }
        Ok(changes)
    }

    /// A new current key of the same algorithm, and what puts it in place.
    fn successor(&self, reason: &Reason, now: Time) -> Result<(KeyId, Vec<Change>), Trouble> {
        let algorithm = self.ring().signing().algorithm();
        let new = new_signing(algorithm, &self.master, now).map_err(Failure::Keys)?;
        let id = new.id.clone();
        let made = record(EventKind::KeyMade, &id, reason, now);
        Ok((id, vec![Change::InsertKey(Box::new(new)), made]))
    }

    /// Takes up the keys as they are kept now, unless newer ones were taken up meanwhile.
    ///
    /// # Errors
    ///
    /// If they could not be read or opened; then the ring stays what it was.
    pub async fn renew(&self) -> Result<(), Trouble> {
        let kept = self.store.keys().await?;
        let ring = Ring::of(&kept, &self.master).map_err(Failure::Keys)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys that have not changed stay: other ones, were they the same, would empty the memory of whoever
        // verifies by them.
        if ring.is_newer_than(&self.ring.load()) {
            // Who verifies first: a new key signs nothing that we would refuse.
            if let Some(tokens) = self.tokens.get() {
                tokens.set_keys(ring.verifying().clone());
            }
            self.ring.store(Arc::new(ring));
        }
        Ok(())
    }
}

impl KeyStanding {
    fn of(key: KeyRecord) -> Self {
        let KeyRecord { id, algorithm, state, created_at, changed_at, .. } = key;
        Self { id, algorithm, state, created_at, changed_at }
    }
}

fn is_current(key: &KeyRecord) -> bool {
    key.purpose == Purpose::Signing && key.state == KeyState::Current
}

fn record(kind: EventKind, id: &KeyId, reason: &Reason, now: Time) -> Change {
    let event = Event::by(kind, reason.actor.clone(), &reason.from, now);
    let event = match kind {
        EventKind::KeyRevoked => event.because(reason.cause),
        _ => event,
    };
    Change::Record(Box::new(event.telling(id.to_string())))
}
