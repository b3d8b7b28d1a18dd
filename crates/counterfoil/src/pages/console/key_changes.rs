//! `/admin/keys/…`: a question before a rotation or a revocation of a key, and the change.

use axum::extract::Request;
use axum::response::Response;
use http::Uri;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_pages::view::console::ConfirmView;
use counterfoil_verify::KeyId;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::path::path_segment;
use crate::operations::admin::keys;
use crate::operations::admin::requests::{KeyRotationRequest, KeySelector};
use crate::operations::pagination::Pagination;
use crate::pages::console::danger::{TYPED, check_typed, path_of, sign_in_again, typed_field};
use crate::pages::console::page::{ConsolePage, console_path};

/// A change of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeyChange {
    Rotate,
    RotateNow,
    RotateRefreshToken,
    Revoke(KeyId),
}

impl KeyChange {
    /// The change that the path names.
    async fn from_uri(app: &App, uri: &Uri) -> Result<Self, AppError> {
        match (path_segment(uri, 2), path_segment(uri, 3)) {
            ("rotate", "") => Ok(Self::Rotate),
            ("rotate-now", "") => Ok(Self::RotateNow),
            ("rotate-refresh-token", "") => Ok(Self::RotateRefreshToken),
            (id, "revoke") => {
                let known = keys::list(app, Pagination::new(None, 1_000)?).await?.keys;
                let key = known.iter().find(|key| key.id == id).ok_or(AppError::NotFound)?;
                Ok(Self::Revoke(key.id.parse().map_err(|_| AppError::NotFound)?))
            }
            _ => Err(AppError::NotFound),
        }
    }

    /// What the administrator types, if the change makes valid tokens invalid. Their login must be recent, too.
    fn typed(&self) -> Option<String> {
        match self {
            Self::Rotate | Self::RotateRefreshToken => None,
            Self::RotateNow => Some("rotate now".to_owned()),
            Self::Revoke(id) => Some(id.to_string()),
        }
    }

    fn view(&self, app: &App) -> ConfirmView {
        let (question, consequences, button, twin) = match self {
            Self::Rotate => (
                "Rotate the signing key?".to_owned(),
                vec![
                    "The next key signs as soon as every cached key set contains it.",
                    "No valid token is rejected.",
                ],
                "Rotate",
                "counterfoil key rotate".to_owned(),
            ),
            Self::RotateNow => (
                "Rotate the signing key now?".to_owned(),
                vec![
                    "The next key signs at once.",
                    "Verifiers that do not fetch the keys again reject valid tokens.",
                ],
                "Rotate now",
                "counterfoil key rotate --now".to_owned(),
            ),
            Self::RotateRefreshToken => (
                "Rotate the refresh token key?".to_owned(),
                vec!["New refresh tokens are made with a new key.", "No valid refresh token is rejected."],
                "Rotate",
                "counterfoil key rotate --refresh-token-key".to_owned(),
            ),
            Self::Revoke(id) => (
                format!("Revoke the key {id}?"),
                vec![
                    "Every access token that it has signed is invalid at once.",
                    "Logins with a session cookie or a refresh token continue.",
                ],
                "Revoke",
                format!("counterfoil key revoke {id}"),
            ),
        };
        ConfirmView {
            section: "/keys",
            question,
            consequences: consequences.into_iter().map(str::to_owned).collect(),
            action: console_path(app, &self.path()),
            fields: self.typed().as_deref().map(typed_field).into_iter().collect(),
            button,
            cancel: console_path(app, "/keys"),
            twin,
            ..ConfirmView::default()
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Rotate => "/keys/rotate".to_owned(),
            Self::RotateNow => "/keys/rotate-now".to_owned(),
            Self::RotateRefreshToken => "/keys/rotate-refresh-token".to_owned(),
            Self::Revoke(id) => format!("/keys/{id}/revoke"),
        }
    }
}

/// Asks before the change.
pub(in crate::pages) async fn ask(page: ConsolePage) -> Result<Response, AppError> {
    let change = KeyChange::from_uri(&page.app, &page.uri).await?;
    if change.typed().is_some()
        && let Some(login) = sign_in_again(&page, path_of(&page.uri)).await?
    {
        return Ok(login);
    }
    page.show(&change.view(&page.app))
}

/// Makes the change: the same operation as `POST /v1/admin/keys` or `DELETE /v1/admin/keys/{kid}`.
pub(in crate::pages) async fn apply(
    page: ConsolePage,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    let change = KeyChange::from_uri(&page.app, &page.uri).await?;
    if change.typed().is_some()
        && let Some(login) = sign_in_again(&page, path_of(&page.uri)).await?
    {
        return Ok(login);
    }
    let fields = FormFields::read(request, &page.app, &[TYPED]).await?;
    match run(&page, client, &change, &fields).await {
        Ok(()) => Ok(page.changed("/keys")),
        Err(error) => Ok(page.ask_again(error, change.view(&page.app))),
    }
}

async fn run(
    page: &ConsolePage,
    client: ClientInfo,
    change: &KeyChange,
    fields: &FormFields,
) -> Result<(), AppError> {
    if let Some(typed) = change.typed() {
        check_typed(fields, &typed)?;
    }
    let (context, now) = (page.administrator.context(client), page.now());
    let request = match change {
        KeyChange::Rotate => KeyRotationRequest::default(),
        KeyChange::RotateNow => KeyRotationRequest { now: true, ..KeyRotationRequest::default() },
        KeyChange::RotateRefreshToken => {
            KeyRotationRequest { purpose: KeySelector::RefreshToken, ..KeyRotationRequest::default() }
        }
        KeyChange::Revoke(id) => return Ok(keys::revoke(&page.app, id.clone(), context, now).await?),
    };
    keys::rotate(&page.app, request, context, now).await?;
    Ok(())
}
