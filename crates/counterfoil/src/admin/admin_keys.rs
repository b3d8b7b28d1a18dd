//! Commands for admin keys.

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

    pub(super) async fn remove_admin_key(&self, key: &str) -> Answer {
        let key = self.find_admin_key(key).await?;
        admin_keys::remove(self, key, &operator_context(), self.now()).await?;
        answer(DeletedResponse::new(key))
    }
}
