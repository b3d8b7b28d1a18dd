//! The extractor of query parameters. Unknown and repeated parameters are rejected.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::pagination::{Cursor, PageSize, Pagination};

/// The query parameters of a request, in order.
#[derive(Debug)]
pub(super) struct QueryParameters(Vec<(String, String)>);

impl FromRequestParts<App> for QueryParameters {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, AppError> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = query.map_err(|_| AppError::field("query", "must be URL-encoded parameters"))?;
        Ok(Self(pairs))
    }
}

impl QueryParameters {
    /// Rejects parameters that are not in `known`: a misspelled one must not be ignored.
    pub(super) fn allow_only(&self, known: &[&str]) -> Result<(), AppError> {
        if self.0.iter().all(|(name, _)| known.contains(&name.as_str())) {
            return Ok(());
        }
        let detail = match known {
            [] => "must be empty: this route has no parameters".to_owned(),
            known => format!("has an unknown parameter; known are: {}", known.join(", ")),
        };
        Err(AppError::field("query", detail))
    }

    /// The value of a parameter, if it is present.
    ///
    /// # Errors
    ///
    /// If it is present more than once: the order must not decide which value is used.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<&str>, AppError> {
        let mut values = self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(AppError::field(name, "must not be repeated")),
            (value, None) => Ok(value),
        }
    }

    /// The page of a list that `limit` and `after` ask for.
    ///
    /// # Errors
    ///
    /// 422 for a limit out of range and for a value of `after` that no response has contained as `next`.
    pub(super) fn page<C: Cursor>(&self, size: PageSize) -> Result<Pagination<C>, AppError> {
        let limit = size.parse_limit(self.get("limit")?)?;
        Ok(Pagination::new(self.get("after")?, limit)?)
    }

    /// The parsed value of a parameter, if it is present. `expected` completes the sentence "must be …".
    ///
    /// # Errors
    ///
    /// If it is present more than once, or cannot be parsed.
    pub(super) fn parse<T: FromStr>(
        &self,
        name: &'static str,
        expected: impl Display,
    ) -> Result<Option<T>, AppError> {
        let value = self.get(name)?.map(str::parse).transpose();
        value.map_err(|_| AppError::field(name, format!("must be {expected}")))
    }
}
