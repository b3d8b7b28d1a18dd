//! The query of a page. A link to a page for people may have anything in it: what is unknown or repeated is ignored. A list of
//! the console is filtered by what the link says, or not shown.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::app::App;
use crate::http::body_error::FormError;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::return_to::ReturnTo;

/// The parameters in the query.
pub(super) struct Query(Option<FormFields>);

/// The parameters of the pages.
const KNOWN: [&str; 21] = [
    "return_to",
    "client",
    "reauth",
    "to",
    "after",
    "before",
    "prefix",
    "session",
    "user",
    "username",
    "ip",
    "mode",
    "kind",
    "actor",
    "from",
    "q",
    "topics",
    "every",
    "sent",
    "subject",
    "call",
];

impl FromRequestParts<App> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    /// The parameters in `query`; none if it is malformed or repeats one.
    pub(super) fn parse(query: &str) -> Self {
        Self(FormFields::parse(query.as_bytes(), &KNOWN).ok())
    }

    /// The parameters in the query of a page of the console. A filter that was dropped would show more than was asked for.
    ///
    /// # Errors
    ///
    /// 422 if it is malformed, or repeats a parameter.
    pub(super) fn strict(query: &str) -> Result<Self, AppError> {
        let fields = FormFields::parse(query.as_bytes(), &KNOWN).map_err(|error| match error {
            FormError::Repeated => AppError::field("query", "must name each parameter once"),
            FormError::Malformed => AppError::field("query", "must be encoded as the query of a form"),
        })?;
        Ok(Self(Some(fields)))
    }

    /// Checks that it has no other parameters than these.
    ///
    /// # Errors
    ///
    /// 422 otherwise.
    pub(super) fn allow_only(&self, names: &[&str]) -> Result<(), AppError> {
        match self.0.iter().flat_map(FormFields::names).find(|name| !names.contains(name)) {
            Some(_) => {
                Err(AppError::field("query", format!("must have no parameters but {}", names.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.get(name)
    }

    /// The destination, if pages may lead there. Another one is dropped and logged: a message would make a link with it
    /// look like a fault of this service.
    pub(super) fn return_to(&self, app: &App) -> Option<ReturnTo> {
        let text = self.get("return_to")?;
        let parsed = ReturnTo::parse(text, app.settings());
        if parsed.is_none() {
            tracing::info!("a `return_to` that leads to no allowed origin was ignored");
        }
        parsed
    }
}
