//! Client applications.

use serde::Serialize;

use crate::view::View;
use crate::view::console::Pager;

/// A client application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientRow {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The modes that a login may use.
    pub modes: Vec<&'static str>,
    /// The audiences; `None`: any.
    pub audiences: Option<Vec<String>>,
    /// The scopes; `None`: any.
    pub scopes: Option<Vec<String>>,
    /// Whether it may be used.
    pub is_enabled: bool,
}

/// A lifetime of a client, beside the longest that is possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LifetimeRow {
    /// The name, as in the HTTP API.
    pub name: &'static str,
    /// What it limits.
    pub text: &'static str,
    /// The lifetime, as `15m`.
    pub value: String,
    /// The longest one.
    pub ceiling: String,
    /// The share of the longest one, in percent.
    pub share: u64,
}

/// A page of the list of clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientsView {
    /// The clients by id.
    pub clients: Vec<ClientRow>,
    /// The neighbouring pages.
    pub pages: Pager,
    /// The id in the form.
    pub id: String,
    /// The name in the form.
    pub name: String,
    /// Why the form was refused.
    pub error: Option<String>,
}

impl View for ClientsView {
    const TEMPLATE: &'static str = "console/clients.html";
}

/// One client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientPageView {
    /// The client.
    pub client: ClientRow,
    /// Its lifetimes.
    pub lifetimes: Vec<LifetimeRow>,
}

impl View for ClientPageView {
    const TEMPLATE: &'static str = "console/client.html";
}
