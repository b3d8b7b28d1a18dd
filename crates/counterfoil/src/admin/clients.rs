//! Commands for client applications.

use crate::admin::answer::{Answer, answer, operator_context};
use crate::admin::pagination::PageRequest;
use crate::app::App;
use crate::operations::admin::clients;
use crate::operations::admin::requests::ClientChangeRequest;

impl App {
    pub(super) async fn add_client(&self, id: &str, client: ClientChangeRequest) -> Answer {
        answer(clients::add(self, id, client, &operator_context(), self.now()).await?)
    }

    pub(super) async fn list_clients(&self, page: PageRequest) -> Answer {
        answer(clients::list(self, page.validate()?).await?)
    }

    pub(super) async fn change_client(&self, id: &str, client: ClientChangeRequest) -> Answer {
        let id = self.find_client(id).await?;
        answer(clients::change(self, &id, client, &operator_context(), self.now()).await?)
    }
}
