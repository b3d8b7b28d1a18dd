//! The names of the users and admin keys that audit events are about. The audit log itself contains ids only.

use std::collections::{BTreeSet, HashMap};

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_verify::UserId;

use crate::app::App;
use crate::operations::audit_log::NumberedEvent;
use crate::operations::error::OperationError;

/// The present names of users and admin keys. Those that were deleted have none.
#[derive(Debug, Default)]
pub(crate) struct EventNames {
    users: HashMap<UserId, String>,
    admin_keys: HashMap<AdminKeyId, String>,
}

impl EventNames {
    /// Reads the names for these events.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn read(app: &App, events: &[NumberedEvent]) -> Result<Self, OperationError> {
        let mut users = BTreeSet::new();
        let mut names = Self::default();
        for (_, event) in events {
            users.extend(event.user);
            match event.actor {
                Actor::User(user) => drop(users.insert(user)),
                Actor::AdminKey(id) if !names.admin_keys.contains_key(&id) => {
                    let key = app.parts.store.admin_key(id).await?;
                    names.admin_keys.extend(key.map(|key| (id, key.name)));
                }
                Actor::AdminKey(_) | Actor::Anonymous | Actor::Operator | Actor::System => {}
            }
        }
        names.users = usernames(app, users).await?;
        Ok(names)
    }

    /// The name of a user.
    pub(crate) fn user(&self, id: UserId) -> Option<String> {
        self.users.get(&id).cloned()
    }

    /// The name of a user or an admin key.
    pub(crate) fn actor(&self, actor: &Actor) -> Option<String> {
        match actor {
            Actor::User(id) => self.user(*id),
            Actor::AdminKey(id) => self.admin_keys.get(id).cloned(),
            Actor::Anonymous | Actor::Operator | Actor::System => None,
        }
    }
}

/// The names of those of these users who exist.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn usernames(
    app: &App,
    users: BTreeSet<UserId>,
) -> Result<HashMap<UserId, String>, OperationError> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let users: Vec<_> = users.into_iter().collect();
    Ok(app.parts.store.usernames(&users).await?.into_iter().collect())
}
