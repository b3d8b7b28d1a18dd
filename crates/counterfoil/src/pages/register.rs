//! `/register`: the form to create an account.

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;

use counterfoil_core::ClientError;
use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_core::services::account::{Credentials, Registration as NewUser};
use counterfoil_pages::Message;
use counterfoil_pages::view::{FormErrors, RegisterView};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::return_to::ReturnTo;
use crate::http::scope::parse_client_id;
use crate::operations::application_users::check_users_are_ours;
use crate::operations::hash_capacity::check_hash_capacity;
use crate::operations::register as operation;
use crate::pages::form_errors::{Form, form_errors};
use crate::pages::login::after_registration;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;
use crate::pages::response::{error_page, page};
use crate::settings::Settings;
use crate::settings::registration::Registration;

/// The fields of the form.
const FIELDS: [&str; 5] = ["username", "password", "email", "return_to", "client"];

/// Shows the form.
pub(super) async fn show(
    State(app): State<App>,
    request: PageRequest,
    query: Query,
) -> Result<Response, AppError> {
    check_open(&app)?;
    let view = RegisterView {
        destination: query.return_to(&app).map(|return_to| return_to.to_destination()),
        client: query.get("client").map(str::to_owned),
        username: String::new(),
        email: String::new(),
        min_length: min_length(app.settings()),
        errors: FormErrors::default(),
    };
    page(&app, &request, &request.frame(&app, None), &view)
}

/// Creates the account and signs in: the same operations as `POST /v1/register` and `POST /v1/login`.
pub(super) async fn submit(
    State(app): State<App>,
    page: PageRequest,
    client: ClientInfo,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, AppError> {
    check_open(&app)?;
    check_hash_capacity(&app, client.ip, &app.parts.metrics.registrations)?;
    let fields = FormFields::read(request, &app, &FIELDS).await?;
    let return_to = fields.get("return_to").and_then(|text| ReturnTo::parse(text, app.settings()));
    let now = app.now();
    let result = match register(&app, &fields, client.clone()).await {
        Ok(credentials) => after_registration(&app, credentials, return_to.clone(), client, &headers).await,
        Err(error) => Err(error),
    };
    result.or_else(|error| {
        let Some(errors) = form_errors(&error, Form::Register, now) else { return Err(error) };
        let view = RegisterView {
            destination: return_to.map(|return_to| return_to.to_destination()),
            client: fields.get("client").map(str::to_owned),
            username: fields.text("username"),
            email: fields.text("email"),
            min_length: min_length(app.settings()),
            errors: missing(&fields).unwrap_or(errors),
        };
        Ok(error_page(page.language, &page.frame(&app, None), error, &view))
    })
}

/// Adds the user, and returns what signs them in.
async fn register(app: &App, fields: &FormFields, client: ClientInfo) -> Result<Credentials, AppError> {
    let client_id = parse_client_id(fields.get("client"))?;
    // Before the account is made, because the user could not sign in to it from there.
    let client_of_login = app.parts.store.client(&client_id).await?;
    if !client_of_login.is_some_and(|client| client.enabled) {
        return Err(ClientError::Client("no such client").into());
    }
    let new = NewUser {
        username: fields.text("username"),
        password: fields.secret("password"),
        email: fields.get("email").map(str::to_owned),
        roles: Vec::new(),
        external_id: None,
    };
    let user = operation::register(app, new, client).await?;
    Ok(Credentials {
        username: user.username.to_string(),
        password: fields.secret("password"),
        client: client_id,
        mode: Mode::default(),
    })
}

/// What to say instead of the policy's sentence if a field is empty.
fn missing(fields: &FormFields) -> Option<FormErrors> {
    let field = |name, id| Some(FormErrors::field(name, Message::new(id)));
    match (fields.get("username"), fields.get("password")) {
        (None, _) => field("username", "enter-username"),
        (Some(_), None) => field("password", "enter-password"),
        (Some(_), Some(_)) => None,
    }
}

fn check_open(app: &App) -> Result<(), AppError> {
    check_users_are_ours(app)?;
    match app.settings().registration {
        Registration::Open => Ok(()),
        Registration::Closed => Err(AppError::RegistrationClosed),
    }
}

/// The fewest characters of a new password.
pub(super) fn min_length(settings: &Settings) -> usize {
    settings.password_min_length.max(counterfoil_core::services::password_policy::PasswordPolicy::MIN_LENGTH)
}
