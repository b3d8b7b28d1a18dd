//! Administration of client applications.

use serde_json::json;

use counterfoil_core::store::Page;
use counterfoil_verify::ClientId;

use crate::admin::answer::{Answer, operator_context};
use crate::admin::pagination::{PageRequest, rows};
use crate::admin::responses::ClientResponse;
use crate::admin::{AdminError, ClientChangeRequest};
use crate::app::App;

impl App {
    pub(super) async fn add_client(&self, id: &str, client: ClientChangeRequest) -> Answer {
        let (id, change) = (parse_client_id(id)?, client.into());
        let client = self.administration.add_client(id, change, &operator_context(), self.now()).await?;
        Ok(json!({ "client": ClientResponse::from(&client) }))
    }

    pub(super) async fn list_clients(&self, page: PageRequest) -> Answer {
        let after = page.after.as_deref().map(parse_client_id).transpose()?;
        let mut clients = self.store.clients(Page { after, limit: page.read_limit() }).await?;
        let next = page.cut(&mut clients, |client| client.id.to_string());
        Ok(json!({ "clients": rows(&clients, |client| ClientResponse::from(client)), "next": next }))
    }

    pub(super) async fn change_client(&self, id: &str, client: ClientChangeRequest) -> Answer {
        let (id, change) = (parse_client_id(id)?, client.into());
        let client = self.administration.change_client(&id, &change, &operator_context(), self.now()).await?;
        Ok(json!({ "client": ClientResponse::from(&client) }))
    }
}

fn parse_client_id(text: &str) -> Result<ClientId, AdminError> {
    text.parse().map_err(|_| AdminError::new("this is not a client id"))
}
