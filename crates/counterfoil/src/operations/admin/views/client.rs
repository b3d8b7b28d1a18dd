//! The JSON of client applications.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::model::session::Mode;

use crate::operations::pagination::{ListItem, ListResponse};

/// A client application.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Client)]
#[non_exhaustive]
pub struct ClientView {
    /// The id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The modes that a login may use: `session`, `jwt`, `hybrid`.
    #[schema(value_type = Vec<String>)]
    pub modes: Vec<Mode>,
    /// The audiences, in addition to the issuer, for which its tokens may be issued; null: any.
    pub audiences: Option<Vec<String>>,
    /// The scopes that it may request; null: any.
    pub scopes: Option<Vec<String>>,
    /// The lifetimes of its credentials.
    pub lifetimes: LifetimesView,
    /// Whether it may be used.
    pub enabled: bool,
}

/// The lifetimes of a client's credentials, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Lifetimes)]
#[non_exhaustive]
pub struct LifetimesView {
    /// A session of mode `session` that is not used.
    pub session_idle: u64,
    /// A session of mode `session`.
    pub session_absolute: u64,
    /// An access token of mode `jwt`.
    pub jwt: u64,
    /// An access token of mode `hybrid`.
    pub access: u64,
    /// A refresh token that is not used.
    pub refresh_idle: u64,
    /// A session of mode `hybrid`.
    pub refresh_absolute: u64,
}

impl From<&Client> for ClientView {
    fn from(client: &Client) -> Self {
        let Lifetimes { session_idle, session_absolute, jwt, access, refresh_idle, refresh_absolute } =
            client.lifetimes;
        Self {
            id: client.id.to_string(),
            name: client.name.clone(),
            modes: client.modes.clone(),
            audiences: client.audiences.clone(),
            scopes: client.scopes.clone(),
            lifetimes: LifetimesView {
                session_idle,
                session_absolute,
                jwt,
                access,
                refresh_idle,
                refresh_absolute,
            },
            enabled: client.enabled,
        }
    }
}

/// A page of clients.
pub(crate) type ClientList = ListResponse<ClientView>;

impl ListItem for ClientView {
    const MEMBER: &'static str = "clients";
    const SCHEMA: &'static str = "ClientList";
}
