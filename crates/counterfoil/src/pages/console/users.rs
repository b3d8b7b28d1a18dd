//! `/admin/users`: users by name, and the form that adds one.

use axum::extract::Request;
use axum::response::Response;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::account::Registration;
use counterfoil_pages::view::console::{NewUserForm, Pager, UsersPageView};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::operations::admin::overview;
use crate::operations::admin::users::{self, UserPosition};
use crate::pages::console::danger::sign_in_again;
use crate::pages::console::filter::{text, with_query};
use crate::pages::console::page::{ConsolePage, console_path};
use crate::pages::console::rows::user_row;
use crate::pages::query::Query;

/// How many users a page shows.
const USERS: u32 = 50;

/// Lists users: the same operation as `GET /v1/admin/users`.
pub(in crate::pages) async fn list(page: ConsolePage) -> Result<Response, AppError> {
    let view = view(&page.app, &page.query, NewUserForm::default(), None).await?;
    page.show(&view)
}

/// Adds a user: the same operation as `POST /v1/admin/users`.
pub(in crate::pages) async fn add(
    page: ConsolePage,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    // The user is a login that outlives the session of the administrator.
    if let Some(login) = sign_in_again(&page, "/users").await? {
        return Ok(login);
    }
    let fields = FormFields::read(request, &page.app, &["username", "password", "email", "roles"]).await?;
    let roles = roles(&fields.text("roles"));
    let registration = Registration {
        username: fields.text("username"),
        password: fields.secret("password"),
        email: fields.get("email").map(str::to_owned),
        roles,
        external_id: None,
    };
    match users::add(&page.app, registration, page.administrator.actor(), &client, page.now()).await {
        Ok(added) => Ok(page.changed(&format!("/users/{}", added.user.user.id))),
        Err(error) => {
            let form = NewUserForm {
                username: fields.text("username"),
                email: fields.text("email"),
                roles: fields.text("roles"),
            };
            let view = view(&page.app, &Query::parse(""), form, None).await?;
            let with_error = |text| UsersPageView { error: Some(text), ..view };
            Ok(page.answer_error(error.into(), with_error))
        }
    }
}

/// The roles in a text that is separated by commas, each once.
pub(super) fn roles(text: &str) -> Vec<String> {
    let mut roles: Vec<String> = Vec::new();
    for role in text.split(',').map(str::trim).filter(|role| !role.is_empty()) {
        if !roles.iter().any(|other| other == role) {
            roles.push(role.to_owned());
        }
    }
    roles
}

async fn view(
    app: &App,
    query: &Query,
    form: NewUserForm,
    error: Option<String>,
) -> Result<UsersPageView, AppError> {
    let prefix = text(query, "prefix");
    let position = match query.get("before") {
        Some(before) => UserPosition::Before(before.to_owned()),
        None => UserPosition::After(query.get("after").map(str::to_owned)),
    };
    let page = users::page(app, &prefix, position, USERS).await?;
    let path = console_path(app, "/users");
    let link = |name, cursor: &String| with_query(&path, &[("prefix", &prefix), (name, cursor)]);
    let previous = page.before.map(|cursor| link("before", &cursor));
    let next = page.after.map(|cursor| link("after", &cursor));
    Ok(UsersPageView {
        users: page.users.iter().map(user_row).collect(),
        about: overview::about_users(app),
        pages: Pager { previous, next, ..Pager::default() },
        prefix,
        form,
        error,
    })
}
