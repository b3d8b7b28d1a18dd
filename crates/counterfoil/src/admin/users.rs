//! Administration of users.

use serde_json::json;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::model::user::{User, Username};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::Registration;
use counterfoil_core::services::administration::validate_roles;
use counterfoil_core::store::{LoginName, Page};
use counterfoil_jose::Secret;
use counterfoil_verify::UserId;

use crate::admin::answer::{Answer, operator_context};
use crate::admin::pagination::{PageRequest, rows};
use crate::admin::responses::UserResponse;
use crate::admin::{AdminError, UserChangeRequest};
use crate::app::App;

impl App {
    pub(super) async fn add_user(&self, registration: Registration) -> Answer {
        validate_roles(&registration.roles).map_err(ServiceError::from)?;
        let from = ClientInfo::default();
        let user = self.accounts.register(registration, Actor::Operator, &from, self.now()).await?;
        Ok(json!({ "user": UserResponse::from(&user) }))
    }

    pub(super) async fn list_users(&self, page: PageRequest) -> Answer {
        let mut users =
            self.store.users(Page { after: page.after.clone(), limit: page.read_limit() }).await?;
        let next = page.cut(&mut users, |user| user.username.folded().to_owned());
        Ok(json!({ "users": rows(&users, |user| UserResponse::from(user)), "next": next }))
    }

    pub(super) async fn change_user(&self, user: &str, change: UserChangeRequest) -> Answer {
        let id = self.find_user(user).await?.id;
        let change = change.into();
        let user = self.administration.change_user(id, &change, &operator_context(), self.now()).await?;
        Ok(json!({ "user": UserResponse::from(&user) }))
    }

    pub(super) async fn set_password(&self, user: &str, password: &Secret<String>) -> Answer {
        let user = self.find_user(user).await?;
        let from = ClientInfo::default();
        self.accounts.set_password(user.id, password, &Actor::Operator, &from, self.now()).await?;
        Ok(json!({ "user": UserResponse::from(&user) }))
    }

    pub(super) async fn delete_user(&self, user: &str) -> Answer {
        let id = self.find_user(user).await?.id;
        self.administration.delete_user(id, &operator_context(), self.now()).await?;
        Ok(json!({ "id": id }))
    }

    /// Finds a user by id or by username. The id has priority: a user cannot hide another one from operators
    /// by taking their id as a username.
    pub(super) async fn find_user(&self, text: &str) -> Result<User, AdminError> {
        if let Ok(id) = text.parse::<UserId>()
            && let Some(user) = self.store.user(id).await?
        {
            return Ok(user);
        }
        let not_found =
            || AdminError::new("there is no such user").hint("`counterfoil user list` lists all users");
        let name: Username = text.parse().map_err(|_| not_found())?;
        self.store.user_by_login(&LoginName::Username(name.folded().to_owned())).await?.ok_or_else(not_found)
    }
}
