//! Commands for verifiers and their keys.

use crate::admin::answer::{Answer, answer, operator_context};
use crate::admin::pagination::PageRequest;
use crate::app::App;
use crate::operations::admin::responses::DeletedResponse;
use crate::operations::admin::verifier_keys;
use crate::operations::admin::verifiers;

impl App {
    pub(super) async fn add_verifier_key(&self, name: &str) -> Answer {
        answer(verifier_keys::add(self, name, &operator_context(), self.now()).await?)
    }

    pub(super) async fn list_verifier_keys(&self, page: PageRequest) -> Answer {
        answer(verifier_keys::list(self, page.validate()?).await?)
    }

    pub(super) async fn list_verifiers(&self, page: PageRequest) -> Answer {
        answer(verifiers::list(self, page.validate()?).await?)
    }

    pub(super) async fn remove_verifier_key(&self, key: &str) -> Answer {
        let key = self.find_verifier_key(key).await?;
        verifier_keys::remove(self, key, &operator_context(), self.now()).await?;
        answer(DeletedResponse::new(key))
    }
}
