//! Administration of admin keys.

use serde_json::json;

use counterfoil_core::credentials::admin_key::AdminKeyId;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, operator_context};
use crate::admin::pagination::{PageRequest, rows};
use crate::admin::responses::AdminKeyResponse;
use crate::app::App;

impl App {
    pub(super) async fn add_admin_key(&self, name: &str) -> Answer {
        let (key, record) =
            self.administration.create_admin_key(name, &operator_context(), self.now()).await?;
        Ok(json!({ "id": record.id.to_string(), "name": record.name, "key": key.to_string() }))
    }

    pub(super) async fn list_admin_keys(&self, page: PageRequest) -> Answer {
        let keys = self.store.admin_keys().await?;
        let (keys, next) = page.slice(keys, |key| (key.created_at, key.id.to_string()))?;
        Ok(json!({ "admin_keys": rows(&keys, |key| AdminKeyResponse::from(key)), "next": next }))
    }

    pub(super) async fn remove_admin_key(&self, id: &str) -> Answer {
        let key: AdminKeyId =
            id.parse().map_err(|_| AdminError::new("this is not the id of an admin key"))?;
        self.administration.remove_admin_key(key, &operator_context(), self.now()).await?;
        Ok(json!({ "id": id }))
    }
}
