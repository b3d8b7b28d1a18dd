//! The application's own user table. A real one is in its database.

use counterfoil::{
    ApplicationPassword, ApplicationUser, ExternalId, UserStore, UserStoreError, async_trait,
    serde_json::json,
};

/// bcrypt of "correct horse", at the lowest cost.
const HASH: &str = "$2b$04$V/0KgHMnT8A2oiWvlSVnGuOwLn5k7JMS.MAiI.3BEp7NHcss3t.0m";

/// The customers of the shop.
#[derive(Debug, Clone)]
pub(crate) struct Customers(Vec<ApplicationUser>);

impl Customers {
    pub(crate) fn new() -> Self {
        let id = ExternalId::from_json(&json!("customer-1")).expect("it is a short text");
        let mut bob = ApplicationUser::new(id, "acme.bob", ApplicationPassword::Hash(HASH.to_owned()));
        bob.roles = vec!["staff".to_owned()];
        Self(vec![bob])
    }
}

#[async_trait]
impl UserStore for Customers {
    async fn find_by_login(&self, login: &str) -> Result<Option<ApplicationUser>, UserStoreError> {
        Ok(self.0.iter().find(|user| user.username.eq_ignore_ascii_case(login)).cloned())
    }

    async fn find(&self, id: &ExternalId) -> Result<Option<ApplicationUser>, UserStoreError> {
        Ok(self.0.iter().find(|user| user.external_id == *id).cloned())
    }
}
