//! The issuer in the `type` of problem documents.

use std::sync::Arc;

/// The issuer whose pages explain problems: its URL without a trailing slash.
///
/// A service that is the issuer sets it with [`AuthLayer::with_problem_issuer`](crate::AuthLayer::with_problem_issuer),
/// or puts it into the request's extensions; the `type` of problems then starts with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemIssuer(pub Arc<str>);
