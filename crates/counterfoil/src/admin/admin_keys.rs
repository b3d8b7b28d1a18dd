//! Commands for admin keys.

use counterfoil_core::credentials::admin_key::AdminKeyId;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer, operator_context};
use crate::admin::pagination::PageRequest;
use crate::app::App;
use crate::operations::admin::admin_keys;
use crate::operations::admin::responses::DeletedResponse;

impl App {
    pub(super) async fn add_admin_key(&self, name: &str) -> Answer {
        answer(admin_keys::add(self, name, &operator_context(), self.now()).await?)
    }

    pub(super) async fn list_admin_keys(&self, page: PageRequest) -> Answer {
        answer(admin_keys::list(self, page.validate()?).await?)
    }

    pub(super) async fn remove_admin_key(&self, id: &str) -> Answer {
        let key: AdminKeyId =
            id.parse().map_err(|_| AdminError::new("this is not the id of an admin key"))?;
        admin_keys::remove(self, key, &operator_context(), self.now()).await?;
        answer(DeletedResponse::new(id))
    }
}
