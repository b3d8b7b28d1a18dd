//! Token Status List (draft-ietf-oauth-status-list): where the status of a token is published, and the list itself.

#[cfg(feature = "status-list")]
pub(crate) mod list_token;
pub(crate) mod reference;
#[cfg(feature = "status-list")]
pub(crate) mod token_status;
