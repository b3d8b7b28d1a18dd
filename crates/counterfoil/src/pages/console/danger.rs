//! What a dangerous change asks for: a question first, and for the worst ones the name and a recent login.

use axum::response::Response;
use http::Uri;

use counterfoil_pages::view::console::TextField;
use counterfoil_verify::{ClientId, UserId};

use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::redirect::{encode, redirect_to_path};
use crate::operations::admin::revocation_preview;
use crate::operations::recent_login::has_recent_login;
use crate::pages::console::page::ConsolePage;

/// The field in which the administrator types the name of what the change is about.
pub(super) const TYPED: &str = "confirm";

/// Where an administrator signs in again, and returns to the question at `path`. `None`: the login is recent.
///
/// A stolen session cookie alone makes no change that does more than shut out. The JSON routes of the same changes answer 401
/// instead.
///
/// # Errors
///
/// If the store cannot be read.
pub(super) async fn sign_in_again(page: &ConsolePage, path: &str) -> Result<Option<Response>, AppError> {
    let is_recent = has_recent_login(&page.app, page.administrator.current.session, page.now()).await?;
    let login = || {
        let (prefix, back) = (page.app.settings().public_prefix(), encode(&page.path(path)));
        redirect_to_path(&format!("{prefix}/login?reauth=1&return_to={back}"))
    };
    Ok((!is_recent).then(login))
}

/// Checks that the form has the name.
///
/// # Errors
///
/// 422 otherwise.
pub(super) fn check_typed(fields: &FormFields, name: &str) -> Result<(), AppError> {
    match fields.get(TYPED).map(str::trim) == Some(name) {
        true => Ok(()),
        false => Err(AppError::field(TYPED, format!("must be {name}, typed exactly"))),
    }
}

/// The field in which the administrator types the name.
pub(super) fn typed_field(name: &str) -> TextField {
    TextField { name: TYPED, label: format!("Type {name} to confirm"), hint: None, value: String::new() }
}

/// What the question says to an administrator who would end their own session.
pub(super) fn warning(page: &ConsolePage, user: UserId) -> Option<String> {
    let text = "This is you. It ends the session in which you see this page, and you have to sign in again.";
    (page.administrator.current.user == user).then(|| text.to_owned())
}

/// What the question says to an administrator who signed in through this client.
pub(super) fn client_warning(page: &ConsolePage, client: &ClientId) -> Option<String> {
    let current = &page.administrator.current;
    (current.principal.client_id() == Some(client)).then(|| warning(page, current.user)).flatten()
}

/// What the question says before the client is disabled through which these pages sign people in: no administrator could enable it here.
pub(super) fn disable_client_warning(page: &ConsolePage, client: &ClientId) -> Option<String> {
    if *client != ClientId::default() {
        return client_warning(page, client);
    }
    let text = "People sign in to these pages through this client, and so do you. It ends the session in which you see this \
                page, and no administrator can sign in here until an operator runs: counterfoil client set default --enabled \
                true";
    Some(text.to_owned())
}

/// What the question says to an administrator who would change their own roles.
pub(super) fn own_roles_warning(page: &ConsolePage, user: UserId) -> Option<String> {
    let text = "This is you. Without the role `admin` you cannot open this console any more.";
    (page.administrator.current.user == user).then(|| text.to_owned())
}

/// How many sessions of a user end, of which no more than a page were counted.
pub(super) fn session_count(counted: u64) -> String {
    match counted >= revocation_preview::MAX_COUNTED {
        true => "at least 1,000".to_owned(),
        false => counted.to_string(),
    }
}

/// The path of a request below the console.
pub(super) fn path_of(uri: &Uri) -> &str {
    uri.path().strip_prefix("/admin").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_ended_at_its_limit_is_a_lower_bound() {
        assert_eq!(session_count(999), "999");
        assert_eq!(session_count(revocation_preview::MAX_COUNTED), "at least 1,000");
    }
}
