//! Administration of users.

use std::net::IpAddr;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::model::user::User;
use counterfoil_core::services::account::Registration;
use counterfoil_core::services::administration::validate_roles;
use counterfoil_core::services::login_lookup::resolve_login_name;
use counterfoil_core::services::login_rate_limiter::CounterScope;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::{LoginName, Page};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::UserId;

use crate::app::App;
use crate::operations::admin::requests::UserChangeRequest;
use crate::operations::admin::responses::{UserDetailsResponse, UserResponse};
use crate::operations::admin::views::account_counter::AccountCounterView;
use crate::operations::admin::views::user::AdminUserView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};

/// Adds a user, also if registration is closed.
///
/// # Errors
///
/// If the username is taken, or a value is invalid.
pub(crate) async fn add(
    app: &App,
    registration: Registration,
    actor: Actor,
    client: &ClientInfo,
    now: Time,
) -> Result<UserResponse, OperationError> {
    validate_roles(&registration.roles)?;
    let user = app.parts.accounts.register(registration, actor, client, now).await?;
    Ok(UserResponse::new(AdminUserView::from(&user)))
}

/// Lists users by name.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    page: Pagination<String>,
) -> Result<ListResponse<AdminUserView>, OperationError> {
    let mut users = app.parts.store.users(page.to_page()).await?;
    let next = page.finish(&mut users, |user| user.username.folded().to_owned());
    Ok(ListResponse::new(&users, next))
}

/// Where a page of users is, by case-folded usernames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserPosition {
    /// After this name; without one, at the beginning.
    After(Option<String>),
    /// Directly before this name.
    Before(String),
}

/// A page of users, and the names from which the pages around it are read.
#[derive(Debug)]
pub(crate) struct UserPage {
    /// The users by name.
    pub(crate) users: Vec<AdminUserView>,
    /// The name before which the previous page is; `None` at the beginning.
    pub(crate) before: Option<String>,
    /// The name after which the next page is; `None` at the end.
    pub(crate) after: Option<String>,
}

/// The users whose names begin with `prefix`, in any spelling, by name. A verified e-mail address lists its user.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn page(
    app: &App,
    prefix: &str,
    position: UserPosition,
    limit: u32,
) -> Result<UserPage, OperationError> {
    let store = &app.parts.store;
    let folded = match resolve_login_name(&**store, prefix).await? {
        _ if prefix.is_empty() => String::new(),
        Some(LoginName::Username(folded)) => folded,
        Some(login @ LoginName::Email(_)) => {
            let user = store.user_by_login(&login).await?;
            return Ok(UserPage {
                users: user.iter().map(AdminUserView::from).collect(),
                before: None,
                after: None,
            });
        }
        None => return Ok(UserPage { users: Vec::new(), before: None, after: None }),
    };
    // One more than requested shows whether there is another page.
    let (mut users, is_backwards, is_first) = match &position {
        UserPosition::Before(name) => (store.users_before(name, limit + 1).await?, true, false),
        UserPosition::After(after) => {
            // The user with exactly this name is not after the prefix.
            let exact = match after.is_none() && !folded.is_empty() {
                true => store.user_by_login(&LoginName::Username(folded.clone())).await?,
                false => None,
            };
            let start = after.clone().max((!folded.is_empty()).then(|| folded.clone()));
            let rest = store.users(Page { after: start, limit: limit + 1 }).await?;
            (exact.into_iter().chain(rest).collect(), false, after.is_none())
        }
    };
    users.retain(|user| user.username.folded().starts_with(folded.as_str()));
    let has_more = users.len() > limit as usize;
    match is_backwards {
        true if has_more => drop(users.drain(..users.len() - limit as usize)),
        true => {}
        false => users.truncate(limit as usize),
    }
    let name = |user: &User| user.username.folded().to_owned();
    let (first, last) = (users.first().map(name), users.last().map(name));
    Ok(UserPage {
        before: first.filter(|_| if is_backwards { has_more } else { !is_first }),
        after: last.filter(|_| is_backwards || has_more),
        users: users.iter().map(AdminUserView::from).collect(),
    })
}

/// The user with this id.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn find(app: &App, id: UserId) -> Result<Option<User>, OperationError> {
    Ok(app.parts.store.user(id).await?)
}

/// The user with this name, in any spelling. An e-mail address matches no user.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn find_by_username(app: &App, name: &str) -> Result<Option<User>, OperationError> {
    match resolve_login_name(&*app.parts.store, name).await? {
        Some(login @ LoginName::Username(_)) => Ok(app.parts.store.user_by_login(&login).await?),
        Some(LoginName::Email(_)) | None => Ok(None),
    }
}

/// The user, with what the rate limits count for them; with `client_ip` also what they count for that IP.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn details(
    app: &App,
    user: &User,
    client_ip: Option<IpAddr>,
    now: Time,
) -> Result<UserDetailsResponse, OperationError> {
    let scope = CounterScope { client_ips: Vec::from_iter(client_ip), ..CounterScope::of_user(user) };
    let counters = app.parts.accounts.counters_in(&scope, now).await?;
    let rate_limits = counters.iter().map(AccountCounterView::from_login_counter).collect();
    Ok(UserDetailsResponse { user: AdminUserView::from(user), rate_limits })
}

/// Changes a user. Disabling a user revokes all their credentials.
///
/// # Errors
///
/// If there is no such user, or a value is invalid.
pub(crate) async fn change(
    app: &App,
    id: UserId,
    request: UserChangeRequest,
    context: &RevocationContext,
    now: Time,
) -> Result<UserResponse, OperationError> {
    let user = app.parts.administration.change_user(id, &request.into_change(), context, now).await?;
    Ok(UserResponse::new(AdminUserView::from(&user)))
}

/// Sets the password of a user, and ends all their sessions.
///
/// # Errors
///
/// If the password is refused, or hashing is overloaded.
pub(crate) async fn set_password(
    app: &App,
    user: &User,
    password: &Secret<String>,
    actor: &Actor,
    client: &ClientInfo,
    now: Time,
) -> Result<UserResponse, OperationError> {
    app.parts.accounts.set_password(user.id, password, actor, client, now).await?;
    Ok(UserResponse::new(AdminUserView::from(user)))
}

/// Deletes a user and all their data except the audit log.
///
/// # Errors
///
/// If there is no such user.
pub(crate) async fn delete(
    app: &App,
    id: UserId,
    context: &RevocationContext,
    now: Time,
) -> Result<(), OperationError> {
    Ok(app.parts.administration.delete_user(id, context, now).await?)
}
