//! `/reference`: the calls of the HTTP API as pages, made from the OpenAPI document.

mod call;
mod prose;
mod schema;

use std::sync::OnceLock;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde_json::Value;

use counterfoil_pages::view::reference::{CallGroup, CallLink, ReferenceView};
use counterfoil_pages::{Language, View};

use crate::app::App;
use crate::http::error::AppError;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;
use crate::pages::reference::prose::prose;
use crate::pages::response::page;

/// The groups of calls, each with the tags of its calls.
const GROUPS: [(&str, &[&str]); 5] = [
    ("For clients", &["public", "protected"]),
    ("For services, in standard formats", &["standards", "oauth", "feed"]),
    ("For proxies", &["proxies"]),
    ("Administration", &["administration"]),
    ("Operation", &["operations"]),
];

/// The methods of a path, in the order of a list.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The route. `document` makes the OpenAPI document of this build, which is done once.
pub(crate) fn route(document: fn() -> Value) -> (&'static str, &'static str, MethodRouter<App>) {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let show = move |State(app): State<App>, request: PageRequest, query: Query| async move {
        show(&app, &request, &query, DOCUMENT.get_or_init(document))
    };
    ("/reference", "GET, HEAD", get(show))
}

/// The list of all calls, or the one whose operation id is in the query.
fn show(app: &App, request: &PageRequest, query: &Query, document: &Value) -> Result<Response, AppError> {
    match query.get("call") {
        None => in_english(app, request, &list(document)),
        Some(id) => in_english(app, request, &call::view(document, id).ok_or(AppError::NotFound)?),
    }
}

fn in_english(app: &App, request: &PageRequest, view: &impl View) -> Result<Response, AppError> {
    let mut request = request.clone();
    request.language = Language::English;
    page(app, &request, &request.frame(app, None), view)
}

/// An operation of the document.
struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    content: &'a Value,
}

impl Operation<'_> {
    fn to_link(&self) -> CallLink {
        CallLink {
            id: self.text("operationId").to_owned(),
            method: self.method.to_ascii_uppercase(),
            path: self.path.to_owned(),
            summary: prose(self.text("summary")),
        }
    }

    fn tag(&self) -> &str {
        self.content["tags"][0].as_str().unwrap_or_default()
    }

    fn text(&self, member: &str) -> &str {
        self.content[member].as_str().unwrap_or_default()
    }
}

/// Every operation, by path.
fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        METHODS.iter().filter_map(move |method| {
            let content = methods.get(method)?;
            Some(Operation { method, path, content })
        })
    })
}

fn list(document: &Value) -> ReferenceView {
    let group = |(title, tags): &(&str, &[&str])| {
        let calls = operations(document).filter(|operation| tags.contains(&operation.tag()));
        CallGroup { title: (*title).to_owned(), calls: calls.map(|operation| operation.to_link()).collect() }
    };
    let version = document["info"]["version"].as_str().unwrap_or_default().to_owned();
    let groups = GROUPS.iter().map(group).filter(|group| !group.calls.is_empty());
    ReferenceView { version, groups: groups.collect() }
}
