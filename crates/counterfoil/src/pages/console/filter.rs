//! The filters of lists: parameters of the query, so that a view can be sent as a link.

use std::str::FromStr;

use counterfoil_core::services::login_lookup::resolve_login_name;
use counterfoil_core::store::StoreError;
use counterfoil_verify::UserId;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::redirect::encode;
use crate::operations::admin::audit_log::has_events;
use crate::pages::query::Query;

/// The text of a parameter, as the form shows it again.
pub(super) fn text(query: &Query, name: &str) -> String {
    query.get(name).unwrap_or_default().trim().to_owned()
}

/// The parsed value of a parameter. `expected` completes the sentence "must be …".
///
/// # Errors
///
/// If it cannot be parsed.
pub(super) fn parse<T: FromStr>(
    query: &Query,
    name: &'static str,
    expected: &str,
) -> Result<Option<T>, AppError> {
    let text = text(query, name);
    match text.is_empty() {
        true => Ok(None),
        false => text.parse().map(Some).map_err(|_| AppError::field(name, format!("must be {expected}"))),
    }
}

/// The user in the parameter `user`: an id, a username or a verified e-mail address. The id of a user who was deleted is
/// accepted too, because events remain.
///
/// # Errors
///
/// If there is no such user, or the store cannot be read.
pub(super) async fn user(app: &App, query: &Query) -> Result<Option<UserId>, AppError> {
    let text = text(query, "user");
    if text.is_empty() {
        return Ok(None);
    }
    let found = match find_user(app, &text).await? {
        Some(id) => Some(id),
        None => text.parse().ok(),
    };
    let unknown =
        || AppError::field("user", format!("there is no user {text:?}; a deleted one is found by the id"));
    found.map(Some).ok_or_else(unknown)
}

/// The user with this id, or else with this login name. The id has priority, also that of a user who was deleted and has events: a
/// user could take the id of another one as a name.
///
/// # Errors
///
/// If the store cannot be read.
pub(super) async fn find_user(app: &App, text: &str) -> Result<Option<UserId>, StoreError> {
    let store = &*app.parts.store;
    if let Ok(id) = text.parse::<UserId>()
        && (store.user(id).await?.is_some() || has_events(store, id).await?)
    {
        return Ok(Some(id));
    }
    let Some(login) = resolve_login_name(store, text).await? else { return Ok(None) };
    Ok(store.user_by_login(&login).await?.map(|user| user.id))
}

/// The path with these parameters, without those that are empty.
pub(super) fn with_query(path: &str, pairs: &[(&str, &String)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_parameters_that_are_set() {
        let (none, some) = (String::new(), "a&b".to_owned());

        assert_eq!(
            with_query("/admin/audit", &[("kind", &none), ("user", &some)]),
            "/admin/audit?user=a%26b"
        );
        assert_eq!(with_query("/admin/audit", &[("kind", &none)]), "/admin/audit");
    }
}
