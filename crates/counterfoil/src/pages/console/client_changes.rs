//! `/admin/clients/{id}/{change}`: a question for each change of a client, and the change.

use axum::extract::Request;
use axum::response::Response;
use http::Uri;

use counterfoil_core::model::client::LifetimesChange;
use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_pages::view::console::{ConfirmView, TextField};
use counterfoil_verify::ClientId;

use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::path::{path_id, path_segment};
use crate::operations::admin::clients;
use crate::operations::admin::requests::ClientChangeRequest;
use crate::operations::admin::views::client::ClientView;
use crate::pages::console::clients::find;
use crate::pages::console::danger::{
    TYPED, check_typed, disable_client_warning, path_of, sign_in_again, typed_field,
};
use crate::pages::console::page::ConsolePage;

/// The names of the lifetimes, which are those of their fields.
const LIFETIMES: [&str; 6] =
    ["session_idle", "session_absolute", "jwt", "access", "refresh_idle", "refresh_absolute"];

/// The fields of all forms.
const FIELDS: [&str; 11] = [
    "name",
    "modes",
    "audiences",
    "scopes",
    "session_idle",
    "session_absolute",
    "jwt",
    "access",
    "refresh_idle",
    "refresh_absolute",
    TYPED,
];

/// A change of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientChange {
    Settings,
    Enable,
    Disable,
}

impl ClientChange {
    /// The change that the path names.
    fn from_uri(uri: &Uri) -> Result<Self, AppError> {
        match path_segment(uri, 3) {
            "settings" => Ok(Self::Settings),
            "enable" => Ok(Self::Enable),
            "disable" => Ok(Self::Disable),
            _ => Err(AppError::NotFound),
        }
    }
}

/// Asks before the change.
pub(in crate::pages) async fn ask(page: ConsolePage) -> Result<Response, AppError> {
    let change = ClientChange::from_uri(&page.uri)?;
    let client = find(&page.app, &page.uri).await?;
    if let Some(login) = sign_in_again(&page, path_of(&page.uri)).await? {
        return Ok(login);
    }
    page.show(&question(&page, change, &client, None))
}

/// Makes the change: the same operation as `PATCH /v1/admin/clients/{id}`.
pub(in crate::pages) async fn apply(
    page: ConsolePage,
    info: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    let change = ClientChange::from_uri(&page.uri)?;
    let client = find(&page.app, &page.uri).await?;
    if let Some(login) = sign_in_again(&page, path_of(&page.uri)).await? {
        return Ok(login);
    }
    let fields = FormFields::read(request, &page.app, &FIELDS).await?;
    let made = async {
        let request = change_request(change, &client, &fields)?;
        let (id, context): (ClientId, _) = (path_id(&page.uri, 2)?, page.administrator.context(info));
        clients::change(&page.app, &id, request, &context, page.now()).await?;
        Ok(())
    };
    match made.await {
        Ok(()) => Ok(page.changed(&format!("/clients/{}", client.id))),
        Err(error) => Ok(page.ask_again(error, question(&page, change, &client, Some(&fields)))),
    }
}

fn change_request(
    change: ClientChange,
    client: &ClientView,
    fields: &FormFields,
) -> Result<ClientChangeRequest, AppError> {
    let enabled = |enabled| ClientChangeRequest { enabled: Some(enabled), ..ClientChangeRequest::default() };
    match change {
        ClientChange::Enable => Ok(enabled(true)),
        ClientChange::Disable => {
            check_typed(fields, &client.id)?;
            Ok(enabled(false))
        }
        ClientChange::Settings => {
            let lifetime = |name: &'static str| lifetime(fields, name);
            Ok(ClientChangeRequest {
                name: Some(fields.text("name").trim().to_owned()),
                modes: Some(modes(fields)?),
                audiences: Some(values(fields, "audiences")),
                scopes: Some(values(fields, "scopes")),
                lifetimes: LifetimesChange {
                    session_idle: lifetime("session_idle")?,
                    session_absolute: lifetime("session_absolute")?,
                    jwt: lifetime("jwt")?,
                    access: lifetime("access")?,
                    refresh_idle: lifetime("refresh_idle")?,
                    refresh_absolute: lifetime("refresh_absolute")?,
                },
                enabled: None,
            })
        }
    }
}

/// The values of a list; `*` alone means any.
fn values(fields: &FormFields, name: &str) -> Option<Vec<String>> {
    let text = fields.text(name);
    (text.trim() != "*").then(|| split(&text).map(str::to_owned).collect())
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty())
}

fn modes(fields: &FormFields) -> Result<Vec<Mode>, AppError> {
    let text = fields.text("modes");
    let modes: Option<Vec<Mode>> = split(&text).map(Mode::from_name).collect();
    modes.ok_or_else(|| AppError::field("modes", "must be of `session`, `jwt` and `hybrid`"))
}

fn lifetime(fields: &FormFields, name: &'static str) -> Result<Option<u64>, AppError> {
    let text = fields.text(name);
    text.trim().parse().map(Some).map_err(|_| AppError::field(name, "must be a number of seconds"))
}

/// The question, with what was typed in `fields` if the form was refused.
fn question(
    page: &ConsolePage,
    change: ClientChange,
    client: &ClientView,
    fields: Option<&FormFields>,
) -> ConfirmView {
    let path = format!("/clients/{}", client.id);
    let line = |text: &str| text.to_owned();
    let (segment, question, button, consequences, text_fields) = match change {
        ClientChange::Settings => (
            "settings",
            format!("Change the client {}?", client.id),
            "Change",
            vec![
                line(
                    "It applies to new logins and refreshes at once. Tokens that were issued keep their lifetimes.",
                ),
                line("Longer lifetimes of access tokens are in force when every node knows of them."),
            ],
            settings_fields(client, fields),
        ),
        ClientChange::Enable => (
            "enable",
            format!("Enable the client {}?", client.id),
            "Enable",
            vec![line("It may be used again. What was revoked stays revoked.")],
            Vec::new(),
        ),
        ClientChange::Disable => (
            "disable",
            format!("Disable the client {}?", client.id),
            "Disable",
            vec![
                line("Every session that was opened through it ends, of every user."),
                line("No login and no refresh through it is accepted until it is enabled."),
            ],
            vec![typed_field(&client.id)],
        ),
    };
    let id = client.id.parse().ok().filter(|_| change == ClientChange::Disable);
    let warning = id.and_then(|id| disable_client_warning(page, &id));
    ConfirmView {
        section: "/clients",
        question,
        consequences,
        warning,
        action: page.path(&format!("{path}/{segment}")),
        fields: text_fields,
        button,
        cancel: page.path(&path),
        twin: format!("counterfoil client set {}", client.id),
        ..ConfirmView::default()
    }
}

fn settings_fields(client: &ClientView, fields: Option<&FormFields>) -> Vec<TextField> {
    let field = |name, label: &str, hint, value: String| TextField {
        name,
        label: label.to_owned(),
        hint,
        value: fields.map_or(value, |fields| fields.text(name)),
    };
    let list = |values: &Option<Vec<String>>| values.as_ref().map_or("*".to_owned(), |list| list.join(", "));
    let modes: Vec<_> = client.modes.iter().map(|mode| Mode::as_str(*mode)).collect();
    let any = Some("Separated by commas. `*`: any.");
    let texts = vec![
        field("name", "Name", None, client.name.clone()),
        field(
            "modes",
            "Modes",
            Some("Of `session`, `jwt` and `hybrid`, separated by commas."),
            modes.join(", "),
        ),
        field("audiences", "Audiences besides the issuer", any, list(&client.audiences)),
        field("scopes", "Scopes", any, list(&client.scopes)),
    ];
    let seconds = &client.lifetimes;
    let seconds = [
        seconds.session_idle,
        seconds.session_absolute,
        seconds.jwt,
        seconds.access,
        seconds.refresh_idle,
        seconds.refresh_absolute,
    ];
    let labels = [
        "Seconds until a session that is not used ends",
        "Seconds until a session ends",
        "Seconds until an access token of mode jwt expires",
        "Seconds until an access token of mode hybrid expires",
        "Seconds until a refresh token that is not used expires",
        "Seconds until a session of mode hybrid ends",
    ];
    let lifetimes = LIFETIMES.into_iter().zip(labels).zip(seconds);
    let lifetimes = lifetimes.map(|((name, label), value)| field(name, label, None, value.to_string()));
    texts.into_iter().chain(lifetimes).collect()
}
