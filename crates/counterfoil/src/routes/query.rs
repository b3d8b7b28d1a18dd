//! The part of an address after `?`, read as strictly as a body.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;

use crate::app::App;
use crate::http::error::AppError;

/// The parameters of a request, in their order.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl FromRequestParts<App> for Parameters {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, AppError> {
        let read = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = read.map_err(|_| AppError::field("query", "is not readable"))?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// The value of `name`, if it is there once.
    ///
    /// # Errors
    ///
    /// If it is there twice: no value is chosen by its place.
    pub(super) fn one(&self, name: &'static str) -> Result<Option<&str>, AppError> {
        let mut values = self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(AppError::field(name, "is to be there once")),
            (one, None) => Ok(one),
        }
    }

    /// Refuses what nobody asked for: a slip of the pen is not to change what is done.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), AppError> {
        if self.0.iter().all(|(name, _)| known.contains(&name.as_str())) {
            return Ok(());
        }
        Err(AppError::field("query", format!("has an unknown parameter; known are: {}", known.join(", "))))
    }
}
