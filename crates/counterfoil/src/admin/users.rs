//! Commands for users.

use std::net::IpAddr;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::account::Registration;
use counterfoil_jose::Secret;

use crate::admin::answer::{Answer, answer, operator_context};
use crate::admin::pagination::PageRequest;
use crate::app::App;
use crate::operations::admin::requests::UserChangeRequest;
use crate::operations::admin::responses::DeletedResponse;
use crate::operations::admin::users;

impl App {
    pub(super) async fn add_user(&self, registration: Registration) -> Answer {
        let client = ClientInfo::default();
        answer(users::add(self, registration, Actor::Operator, &client, self.now()).await?)
    }

    pub(super) async fn list_users(&self, page: PageRequest) -> Answer {
        answer(users::list(self, page.validate()?).await?)
    }

    pub(super) async fn show_user(&self, user: &str, ip: Option<IpAddr>) -> Answer {
        let user = self.find_user(user).await?;
        answer(users::details(self, &user, ip, self.now()).await?)
    }

    pub(super) async fn change_user(&self, user: &str, change: UserChangeRequest) -> Answer {
        let id = self.find_user(user).await?.id;
        answer(users::change(self, id, change, &operator_context(), self.now()).await?)
    }

    pub(super) async fn set_password(&self, user: &str, password: &Secret<String>) -> Answer {
        let user = self.find_user(user).await?;
        let client = ClientInfo::default();
        answer(users::set_password(self, &user, password, &Actor::Operator, &client, self.now()).await?)
    }

    pub(super) async fn delete_user(&self, user: &str) -> Answer {
        let id = self.find_user(user).await?.id;
        users::delete(self, id, &operator_context(), self.now()).await?;
        answer(DeletedResponse::new(id))
    }
}
