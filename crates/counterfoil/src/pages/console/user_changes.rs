//! `/admin/users/{id}/{change}`: a question for each change of a user, and the change.

use axum::extract::Request;
use axum::response::Response;
use http::Uri;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::model::user::User;
use counterfoil_pages::view::console::{Checkbox, ConfirmView, TextField};

use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::path::path_segment;
use crate::operations::admin::requests::{RevocationRequest, UserChangeRequest, Wait};
use crate::operations::admin::{revocation_preview, revocations, sessions, users};
use crate::pages::console::danger::{
    TYPED, check_typed, own_roles_warning, path_of, session_count, sign_in_again, typed_field, warning,
};
use crate::pages::console::page::ConsolePage;
use crate::pages::console::user::find;
use crate::pages::console::users::roles;

/// The fields of all forms.
const FIELDS: [&str; 6] = ["roles", "email", "email_verified", "reason", "wait", TYPED];

/// A change of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserChange {
    Roles,
    Email,
    Enable,
    Disable,
    EndSessions,
    Revoke,
    Delete,
}

impl UserChange {
    const ALL: [Self; 7] = [
        Self::Roles,
        Self::Email,
        Self::Enable,
        Self::Disable,
        Self::EndSessions,
        Self::Revoke,
        Self::Delete,
    ];

    /// The change that the path names.
    fn from_uri(uri: &Uri) -> Result<Self, AppError> {
        let segment = path_segment(uri, 3);
        Self::ALL.into_iter().find(|change| change.segment() == segment).ok_or(AppError::NotFound)
    }

    /// Its name in the path.
    const fn segment(self) -> &'static str {
        match self {
            Self::Roles => "roles",
            Self::Email => "email",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::EndSessions => "end-sessions",
            Self::Revoke => "revoke",
            Self::Delete => "delete",
        }
    }

    /// Whether the login of the administrator must be recent: for all that does not only end something.
    const fn wants_recent_login(self) -> bool {
        match self {
            Self::Roles | Self::Email | Self::Enable | Self::Delete => true,
            Self::Disable | Self::EndSessions | Self::Revoke => false,
        }
    }

    const fn button(self) -> &'static str {
        match self {
            Self::Roles => "Change the roles",
            Self::Email => "Change the address",
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::EndSessions => "End all sessions",
            Self::Revoke => "Revoke",
            Self::Delete => "Delete",
        }
    }

    fn question(self, name: &str) -> String {
        match self {
            Self::Roles => format!("Change the roles of {name}?"),
            Self::Email => format!("Change the e-mail address of {name}?"),
            Self::Enable => format!("Enable {name}?"),
            Self::Disable => format!("Disable {name}?"),
            Self::EndSessions => format!("End all sessions of {name}?"),
            Self::Revoke => format!("Revoke everything of {name}?"),
            Self::Delete => format!("Delete {name}?"),
        }
    }

    fn twin(self, name: &str) -> String {
        let command = match self {
            Self::Roles => "user roles",
            Self::Email => return "PATCH /v1/admin/users/{id}".to_owned(),
            Self::Enable => "user enable",
            Self::Disable => "user disable",
            Self::EndSessions => "session revoke --user",
            Self::Revoke => return format!("counterfoil revoke user:{name}"),
            Self::Delete => "user delete",
        };
        format!("counterfoil {command} {name}")
    }

    /// Whether it ends the sessions of the user.
    const fn ends_sessions(self) -> bool {
        matches!(self, Self::Disable | Self::EndSessions | Self::Revoke | Self::Delete)
    }
}

/// Asks before the change.
pub(in crate::pages) async fn ask(page: ConsolePage) -> Result<Response, AppError> {
    let change = UserChange::from_uri(&page.uri)?;
    let user = find(&page.app, &page.uri).await?;
    if change.wants_recent_login()
        && let Some(login) = sign_in_again(&page, path_of(&page.uri)).await?
    {
        return Ok(login);
    }
    page.show(&question(&page, change, &user).await?)
}

/// Makes the change: the same operation as its route below `/v1/admin/users`, or `POST /v1/revocations`.
pub(in crate::pages) async fn apply(
    page: ConsolePage,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    let change = UserChange::from_uri(&page.uri)?;
    let user = find(&page.app, &page.uri).await?;
    if change.wants_recent_login()
        && let Some(login) = sign_in_again(&page, path_of(&page.uri)).await?
    {
        return Ok(login);
    }
    let fields = FormFields::read(request, &page.app, &FIELDS).await?;
    match run(&page, client, change, &user, &fields).await {
        Ok(()) if change == UserChange::Delete => Ok(page.changed("/users")),
        Ok(()) => Ok(page.changed(&format!("/users/{}", user.id))),
        Err(error) => {
            let view = question(&page, change, &user).await?;
            Ok(page.ask_again(error, view))
        }
    }
}

async fn run(
    page: &ConsolePage,
    client: ClientInfo,
    change: UserChange,
    user: &User,
    fields: &FormFields,
) -> Result<(), AppError> {
    let (id, now) = (user.id, page.now());
    let context = page.administrator.context(client.clone());
    let request = match change {
        UserChange::Roles => {
            fields.require("roles")?;
            // The form would make two roles of one with a comma, of which one could be `admin`.
            if user.roles.iter().any(|role| role.contains(',')) {
                return Err(AppError::field(
                    "roles",
                    format!("must be set with {}", change.twin(user.username.as_str())),
                ));
            }
            UserChangeRequest { roles: Some(roles(&fields.text("roles"))), ..UserChangeRequest::default() }
        }
        UserChange::Email => {
            fields.require("email")?;
            UserChangeRequest {
                email: Some(fields.get("email").map(|email| email.trim().to_owned())),
                email_verified: Some(fields.get("email_verified").is_some()),
                ..UserChangeRequest::default()
            }
        }
        UserChange::Enable => UserChangeRequest { disabled: Some(false), ..UserChangeRequest::default() },
        UserChange::Disable => UserChangeRequest { disabled: Some(true), ..UserChangeRequest::default() },
        UserChange::EndSessions => {
            sessions::end_all(&page.app, id, &context, now).await?;
            return Ok(());
        }
        UserChange::Revoke => {
            let request = RevocationRequest {
                subject: format!("user:{id}"),
                reason: fields.get("reason").map(str::to_owned),
                wait: if fields.get("wait").is_some() { Wait::Fleet } else { Wait::None },
            };
            revocations::revoke(&page.app, request.validate(page.administrator.actor(), client)?, now)
                .await?;
            return Ok(());
        }
        UserChange::Delete => {
            check_typed(fields, user.username.as_str())?;
            users::delete(&page.app, id, &context, now).await?;
            return Ok(());
        }
    };
    users::change(&page.app, id, request, &context, now).await?;
    Ok(())
}

async fn question(page: &ConsolePage, change: UserChange, user: &User) -> Result<ConfirmView, AppError> {
    let name = user.username.as_str();
    let text =
        |name, label: &str, hint, value: String| TextField { name, label: label.to_owned(), hint, value };
    let fields = match change {
        UserChange::Roles => {
            let hint = Some("Separated by commas. `admin` may use this console.");
            vec![text("roles", "Roles", hint, user.roles.join(", "))]
        }
        UserChange::Email => {
            let hint = Some("Empty: no address.");
            vec![text("email", "E-mail address", hint, user.email.clone().unwrap_or_default())]
        }
        UserChange::Revoke => {
            vec![text("reason", "Reason", Some("For the audit log; at most 200 characters."), String::new())]
        }
        UserChange::Delete => {
            vec![typed_field(name)]
        }
        UserChange::Enable | UserChange::Disable | UserChange::EndSessions => Vec::new(),
    };
    let checkbox = |name, label, is_checked| Checkbox { name, label, is_checked };
    let checkboxes = match change {
        UserChange::Email => {
            vec![checkbox(
                "email_verified",
                "The address is verified: the user can sign in with it",
                user.email_verified,
            )]
        }
        UserChange::Revoke => {
            vec![checkbox(
                "wait",
                "Wait until no verifier that follows the feed accepts anything of the user",
                true,
            )]
        }
        UserChange::Roles
        | UserChange::Enable
        | UserChange::Disable
        | UserChange::EndSessions
        | UserChange::Delete => Vec::new(),
    };
    Ok(ConfirmView {
        section: "/users",
        question: change.question(name),
        consequences: consequences(page, change, user).await?,
        warning: if change == UserChange::Roles {
            own_roles_warning(page, user.id)
        } else {
            change.ends_sessions().then(|| warning(page, user.id)).flatten()
        },
        error: None,
        action: page.path(&format!("/users/{}/{}", user.id, change.segment())),
        fields,
        checkboxes,
        button: change.button(),
        cancel: page.path(&format!("/users/{}", user.id)),
        twin: change.twin(name),
    })
}

/// What the change does, sentence by sentence.
async fn consequences(page: &ConsolePage, change: UserChange, user: &User) -> Result<Vec<String>, AppError> {
    let line = |text: &str| text.to_owned();
    let mut lines = Vec::new();
    if change.ends_sessions() {
        let preview = revocation_preview::of_user(&page.app, user.id, page.now()).await?;
        lines.push(format!("Live sessions that end: {}.", session_count(preview.sessions)));
        if preview.admin_keys > 0 && change == UserChange::Delete {
            lines.push(format!("Admin keys that are removed: {}.", preview.admin_keys));
        }
    }
    lines.extend(match change {
        UserChange::Roles => vec![
            line("The roles apply at once. Access tokens with the previous roles are invalid."),
            line("The sessions stay live."),
        ],
        UserChange::Email => vec![line("A verified address is a name to sign in with.")],
        UserChange::Enable => vec![line("The user can sign in again. What was revoked stays revoked.")],
        UserChange::Disable => vec![line("The user cannot sign in until they are enabled.")],
        UserChange::EndSessions => vec![line("The user can sign in again at once.")],
        UserChange::Revoke => vec![
            line("Every credential that was issued to the user until now is invalid."),
            line("The user can sign in again at once."),
        ],
        UserChange::Delete => vec![
            line("The user and all their data are removed. Nothing restores them."),
            line("The audit log keeps the id. The name becomes available."),
        ],
    });
    Ok(lines)
}
