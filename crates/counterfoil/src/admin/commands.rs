//! What an operator may have done to users, clients and keys, and what the journal tells them.

use serde::Serialize;
use serde_json::{Value, json};

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::ServiceError;
use counterfoil_core::store::{AuditEventQuery, Page};
use counterfoil_jose::Secret;
use counterfoil_verify::{ClientId, SessionId};

use crate::admin::responses::{AdminKeyRow, ClientRow, EventRow, RevocationRow, UserRow};
use crate::admin::{ClientForm, Refused, RevocationForm, UserForm, by_operator, is_full, page};
use crate::app::App;
use crate::runtime::task::run_on_blocking_thread;

type Answer = Result<Value, Refused>;

impl App {
    pub(super) async fn change_user(&self, user: &str, change: UserForm) -> Answer {
        let id = self.user_named(user).await?.id;
        let change = change.into();
        let user = self.administration.change_user(id, &change, &by_operator(), self.now()).await?;
        Ok(json!({ "user": UserRow::of(&user) }))
    }

    pub(super) async fn set_password(&self, user: &str, password: &Secret<String>) -> Answer {
        let user = self.user_named(user).await?;
        let from = ClientInfo::default();
        self.sign_in.set_password(user.id, password, &Actor::Operator, &from, self.now()).await?;
        Ok(json!({ "user": UserRow::of(&user) }))
    }

    pub(super) async fn delete_user(&self, user: &str) -> Answer {
        let id = self.user_named(user).await?.id;
        self.administration.delete_user(id, &by_operator(), self.now()).await?;
        Ok(json!({ "id": id }))
    }

    pub(super) async fn add_client(&self, id: &str, client: ClientForm) -> Answer {
        let (id, change) = (client_id(id)?, client.into());
        let client = self.administration.add_client(id, change, &by_operator(), self.now()).await?;
        Ok(json!({ "client": ClientRow::of(&client) }))
    }

    pub(super) async fn list_clients(&self, after: Option<String>, limit: Option<u32>) -> Answer {
        let (after, limit) = (after.as_deref().map(client_id).transpose()?, page(limit));
        let clients = self.store.clients(Page { after, limit }).await?;
        let next = is_full(&clients, limit).then(|| clients.last().map(|client| client.id.as_str()));
        Ok(json!({ "clients": rows(&clients, ClientRow::of), "next": next.flatten() }))
    }

    pub(super) async fn set_client(&self, id: &str, client: ClientForm) -> Answer {
        let (id, change) = (client_id(id)?, client.into());
        let client = self.administration.change_client(&id, &change, &by_operator(), self.now()).await?;
        Ok(json!({ "client": ClientRow::of(&client) }))
    }

    pub(super) async fn add_admin_key(&self, name: &str) -> Answer {
        let (key, record) = self.administration.add_admin_key(name, &by_operator(), self.now()).await?;
        Ok(json!({ "id": record.id.to_string(), "name": record.name, "key": key.to_string() }))
    }

    pub(super) async fn list_admin_keys(&self) -> Answer {
        Ok(json!({ "admin_keys": rows(&self.store.admin_keys().await?, AdminKeyRow::of) }))
    }

    pub(super) async fn remove_admin_key(&self, id: &str) -> Answer {
        let key: AdminKeyId = id.parse().map_err(|_| Refused::new("that is no admin key's id"))?;
        self.administration.remove_admin_key(key, &by_operator(), self.now()).await?;
        Ok(json!({ "id": id }))
    }

    /// `next` leads to older lines, whatever the order of these.
    pub(super) async fn list_events(
        &self,
        user: Option<String>,
        session: Option<String>,
        after: Option<String>,
        limit: Option<u32>,
    ) -> Answer {
        let user = match user {
            // A user who was deleted has no name, but the journal knows their id.
            Some(text) => Some(match text.parse() {
                Ok(id) if self.store.user(id).await?.is_none() => id,
                Ok(_) | Err(_) => self.user_named(&text).await?.id,
            }),
            None => None,
        };
        let session: Option<SessionId> =
            session.map(|id| id.parse()).transpose().map_err(|_| Refused::new("that is no session id"))?;
        let before = after.map(|text| text.parse()).transpose();
        let before = before.map_err(|_| Refused::new("the cursor is none of ours"))?;
        let limit = page(limit);
        let query = AuditEventQuery { user, session, before, limit, ..AuditEventQuery::default() };
        let mut lines = self.journal(&query).await?;
        let next = is_full(&lines, limit).then(|| lines.last().map(|(number, _)| number.to_string()));
        if session.is_some() {
            lines.reverse();
        }
        Ok(json!({ "events": rows(&lines, EventRow::of), "next": next.flatten() }))
    }

    pub(super) async fn revoke(&self, form: RevocationForm) -> Answer {
        let wanted = form.judge(Actor::Operator, ClientInfo::default()).map_err(ServiceError::from)?;
        let began = self.now();
        let app = self.clone();
        // Also where it is a key, and another is drawn.
        let revoked = run_on_blocking_thread(async move {
            let note = wanted.note.as_deref();
            app.administration.revoke(&wanted.subject, note, &wanted.reason, began).await
        });
        Ok(json!(RevocationRow::of(revoked.await?, began, self.now())))
    }
}

fn client_id(text: &str) -> Result<ClientId, Refused> {
    text.parse().map_err(|_| Refused::new("that is no client id"))
}

fn rows<T, R: Serialize>(kept: &[T], row: impl Fn(&T) -> R) -> Value {
    json!(kept.iter().map(row).collect::<Vec<_>>())
}
