//! The OpenAPI schema of the application's own id of a user.

use utoipa::ToSchema;

/// The application's own id of a user: a string of 1 to 128 visible characters, or an integer between -(2^53 - 1) and
/// 2^53 - 1. No two users have the same; 42 and "42" are different.
#[derive(ToSchema)]
#[schema(as = ExternalId)]
#[serde(untagged)]
#[expect(dead_code, reason = "the OpenAPI schema of `ExternalId`, whose crate does not use utoipa")]
pub(crate) enum ExternalIdSchema {
    Text(String),
    Number(i64),
}
