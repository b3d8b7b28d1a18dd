//! Finds what an operator names: by its id, or by a name that only one has.
//!
//! The id has priority everywhere: a user cannot hide another one from operators by taking their id as a username.

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::model::admin_key::AdminKeyRecord;
use counterfoil_core::model::client::Client;
use counterfoil_core::model::key::{KeyPurpose, KeyState};
use counterfoil_core::model::user::User;
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::services::keys::keyring::KeyStatus;
use counterfoil_core::store::{AdminKeyCursor, Page, VerifierKeyCursor};
use counterfoil_verify::{ClientId, UserId};

use crate::admin::AdminError;
use crate::app::App;
use crate::operations::admin::audit_log::has_events;
use crate::operations::admin::users;

/// How many records one read looks at.
const PAGE_SIZE: u32 = 1000;

impl App {
    /// The subject of a revocation with the id in place of a name: `user:ada`, `client:NAME`, `key:current`, `key:next`.
    pub(super) async fn resolve_subject(&self, subject: &str) -> Result<String, AdminError> {
        match subject.split_once(':') {
            Some(("user", name)) => Ok(format!("user:{}", self.find_user(name).await?.id)),
            Some(("client", name)) => Ok(format!("client:{}", self.find_client(name).await?)),
            Some(("key", name)) => Ok(format!("key:{}", self.find_key(name).await?)),
            Some(_) | None => Ok(subject.to_owned()),
        }
    }

    /// Finds a user by id or by username.
    pub(super) async fn find_user(&self, text: &str) -> Result<User, AdminError> {
        if let Ok(id) = text.parse::<UserId>()
            && let Some(user) = users::find(self, id).await?
        {
            return Ok(user);
        }
        users::find_by_username(self, text).await?.ok_or_else(|| unknown_user(text))
    }

    /// A deleted user has no username, but the audit log still contains their id. It has priority: a user could take it as a name.
    pub(super) async fn find_user_in_audit_log(&self, text: &str) -> Result<UserId, AdminError> {
        if let Ok(id) = text.parse::<UserId>()
            && has_events(&*self.parts.store, id).await?
        {
            return Ok(id);
        }
        match self.find_user(text).await {
            Ok(user) => Ok(user.id),
            Err(error) if error == unknown_user(text) => text
                .parse()
                .map_err(|_| error.hint("the audit log has the events of a deleted user under their id")),
            Err(error) => Err(error),
        }
    }

    /// Finds a client by its id or by its display name.
    pub(super) async fn find_client(&self, text: &str) -> Result<ClientId, AdminError> {
        let id = text.parse::<ClientId>().ok();
        if let Some(id) = id
            && self.parts.store.client(&id).await?.is_some()
        {
            return Ok(id);
        }
        let (mut found, mut after): (Vec<Client>, _) = (Vec::new(), None);
        loop {
            let page = self.parts.store.clients(Page { after, limit: PAGE_SIZE }).await?;
            after = page.last().map(|client| client.id.clone());
            found.extend(page.into_iter().filter(|client| client.name == text));
            if after.is_none() {
                let ids = found.into_iter().map(|client| client.id).collect();
                return only_one(ids, text, "client", "client list");
            }
        }
    }

    /// Finds an admin key by its id or by its name.
    pub(super) async fn find_admin_key(&self, text: &str) -> Result<AdminKeyId, AdminError> {
        let id = text.parse::<AdminKeyId>().ok();
        if let Some(id) = id
            && self.parts.store.admin_key(id).await?.is_some()
        {
            return Ok(id);
        }
        let (mut found, mut after): (Vec<AdminKeyRecord>, _) = (Vec::new(), None);
        loop {
            let page = self.parts.store.admin_keys(Page { after, limit: PAGE_SIZE }).await?;
            after = page.last().map(|key| AdminKeyCursor { created_at: key.created_at, id: key.id });
            found.extend(page.into_iter().filter(|key| key.name == text));
            if after.is_none() {
                let ids = found.into_iter().map(|key| key.id).collect();
                return only_one(ids, text, "admin key", "admin-key list");
            }
        }
    }

    /// Finds a verifier key by its id or by its name.
    pub(super) async fn find_verifier_key(&self, text: &str) -> Result<VerifierKeyId, AdminError> {
        let id = text.parse::<VerifierKeyId>().ok();
        if let Some(id) = id
            && self.parts.store.verifier_key(id).await?.is_some()
        {
            return Ok(id);
        }
        let (mut found, mut after): (Vec<VerifierKeyRecord>, _) = (Vec::new(), None);
        loop {
            let page = self.parts.store.verifier_keys(Page { after, limit: PAGE_SIZE }).await?;
            after = page.last().map(|key| VerifierKeyCursor { created_at: key.created_at, id: key.id });
            found.extend(page.into_iter().filter(|key| key.name == text));
            if after.is_none() {
                let ids = found.into_iter().map(|key| key.id).collect();
                return only_one(ids, text, "verifier key", "verifier list");
            }
        }
    }

    /// The id of a key: itself, or that of the `current` or the `next` signing key.
    async fn find_key(&self, text: &str) -> Result<String, AdminError> {
        let keys = self.parts.keys.keys().await?;
        if keys.iter().any(|key| key.id.as_str() == text) {
            return Ok(text.to_owned());
        }
        let is_meant = |key: &&KeyStatus| key.purpose == KeyPurpose::Signing && key.state.as_str() == text;
        let states = [KeyState::Current, KeyState::Next];
        let found = keys.iter().filter(|key| states.contains(&key.state)).find(is_meant);
        found.map(|key| key.id.to_string()).ok_or_else(|| {
            AdminError::new(format!("there is no key {text:?}"))
                .hint("`counterfoil key list` lists the keys; current and next name two of them")
        })
    }
}

fn unknown_user(text: &str) -> AdminError {
    AdminError::new(format!("there is no user {text:?}")).hint("`counterfoil user list` lists all users")
}

/// The only one of these ids, which all have the name `text`.
fn only_one<I: ToString>(mut ids: Vec<I>, text: &str, what: &str, list: &str) -> Result<I, AdminError> {
    if ids.len() > 1 {
        let candidates: Vec<_> = ids.iter().map(ToString::to_string).collect();
        return Err(AdminError::new(format!("{} {what}s have the name {text:?}", ids.len()))
            .hint(format!("use the id: {}", candidates.join(", "))));
    }
    ids.pop().ok_or_else(|| {
        AdminError::new(format!("there is no {what} {text:?}"))
            .hint(format!("`counterfoil {list}` lists the names and the ids"))
    })
}
