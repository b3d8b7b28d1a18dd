//! `/admin/revocations`: the revocation log, the revocations that are on their way to the verifiers, and a form to revoke.

use axum::extract::Request;
use axum::response::Response;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_pages::view::console::{Checkbox, ConfirmView, Pager, RevocationsView, TextField};
use counterfoil_verify::RevocationSubject;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::operations::admin::requests::{RevocationRequest, Wait, ends_many};
use crate::operations::admin::{revocation_log, revocation_preview, revocations};
use crate::operations::pagination::Pagination;
use crate::pages::console::danger::{
    TYPED, check_typed, client_warning, session_count, sign_in_again, typed_field, warning,
};
use crate::pages::console::filter::{find_user, text, with_query};
use crate::pages::console::page::ConsolePage;
use crate::pages::console::parts::{newest_revocations, revocation_row};
use crate::pages::query::Query;

/// How many entries a page of older ones has.
const ENTRIES: u32 = 50;

/// The path of the question, below the console.
const REVOKE: &str = "/revocations/revoke";

/// The fields of the form.
const FIELDS: [&str; 3] = ["reason", "wait", TYPED];

/// Lists the log: the same operation as `GET /v1/revocations`. The first page stays up to date.
pub(in crate::pages) async fn list(page: ConsolePage) -> Result<Response, AppError> {
    let path = page.path("/revocations");
    let older = |next: Option<String>| Pager {
        first: page.query.get("after").is_some().then(|| path.clone()),
        next: next.map(|after| with_query(&path, &[("after", &after)])),
        ..Pager::default()
    };
    let Some(after) = page.query.get("after") else {
        let (newest, next) = newest_revocations(&page.app).await?;
        let view = RevocationsView { newest: Some(newest), older: Vec::new(), pages: older(next), ..empty() };
        return page.show_live(&view);
    };
    let list = revocation_log::list(&page.app, Pagination::new(Some(after), ENTRIES)?).await?;
    let rows = list.revocations.iter().map(|entry| revocation_row(&page.app, entry)).collect();
    let view = RevocationsView { newest: None, older: rows, pages: older(list.next), ..empty() };
    page.show(&view)
}

fn empty() -> RevocationsView {
    RevocationsView {
        newest: None,
        older: Vec::new(),
        pages: Pager::default(),
        subject: String::new(),
        error: None,
    }
}

/// Asks before a revocation.
pub(in crate::pages) async fn ask(page: ConsolePage) -> Result<Response, AppError> {
    let subject = match typed_subject(&page.app, &page.query).await {
        Ok(subject) => subject,
        Err(error) => {
            let (newest, _) = newest_revocations(&page.app).await?;
            let typed = text(&page.query, "subject");
            let view = |error| RevocationsView {
                newest: Some(newest),
                subject: typed,
                error: Some(error),
                ..empty()
            };
            return Ok(page.answer_error(error, view));
        }
    };
    if ends_many(&subject)
        && let Some(login) = sign_in_again(&page, &path_of(&subject)).await?
    {
        return Ok(login);
    }
    page.show(&question(&page, &subject).await?)
}

/// Revokes: the same operation as `POST /v1/revocations`. The wait for the verifiers is not one for the page, which shows how
/// far it is.
pub(in crate::pages) async fn revoke(
    page: ConsolePage,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    let subject = subject(&page.query)?;
    if ends_many(&subject)
        && let Some(login) = sign_in_again(&page, &path_of(&subject)).await?
    {
        return Ok(login);
    }
    let fields = FormFields::read(request, &page.app, &FIELDS).await?;
    match run(&page, client, &subject, &fields).await {
        Ok(()) => Ok(page.changed("/revocations")),
        Err(error) => {
            let view = question(&page, &subject).await?;
            Ok(page.ask_again(error, view))
        }
    }
}

async fn run(
    page: &ConsolePage,
    client: ClientInfo,
    subject: &RevocationSubject,
    fields: &FormFields,
) -> Result<(), AppError> {
    if let Some(typed) = typed(subject) {
        check_typed(fields, &typed)?;
    }
    let reason = fields.get("reason").map(str::to_owned);
    let request = RevocationRequest { subject: subject.to_string(), reason, wait: Wait::None };
    let revocation = request.validate(page.administrator.actor(), client)?;
    let revoked = revocations::revoke(&page.app, revocation, page.now()).await?;
    if fields.get("wait").is_some() {
        revocations::follow_fleet(&page.app, subject.clone(), revoked.position);
    }
    Ok(())
}

/// The subject as an administrator types it: a user by login name, too. From the question on it has the id.
async fn typed_subject(app: &App, query: &Query) -> Result<RevocationSubject, AppError> {
    if let Some(name) = text(query, "subject").strip_prefix("user:")
        && let Some(id) = find_user(app, name).await?
    {
        return Ok(RevocationSubject::User(id));
    }
    subject(query)
}

fn subject(query: &Query) -> Result<RevocationSubject, AppError> {
    let expected =
        "must be user: and a name or an id, session:, token:, client: or key: and an id, or everyone";
    text(query, "subject").parse().map_err(|_| AppError::field("subject", expected))
}

/// What the administrator types, if the revocation is not about one user: it ends more than anybody can undo.
fn typed(subject: &RevocationSubject) -> Option<String> {
    match subject {
        RevocationSubject::Session(_) | RevocationSubject::User(_) | RevocationSubject::Token(_) => None,
        RevocationSubject::Client(id) => Some(id.to_string()),
        RevocationSubject::Key(id) => Some(id.to_string()),
        RevocationSubject::Everyone => Some("everyone".to_owned()),
    }
}

/// The path of the question about this subject, below the console.
fn path_of(subject: &RevocationSubject) -> String {
    with_query(REVOKE, &[("subject", &subject.to_string())])
}

async fn question(page: &ConsolePage, subject: &RevocationSubject) -> Result<ConfirmView, AppError> {
    let reason = TextField {
        name: "reason",
        label: "Reason".to_owned(),
        hint: Some("For the audit log; at most 200 characters."),
        value: String::new(),
    };
    let confirm = typed(subject).map(|typed| typed_field(&typed));
    let (consequences, warning) = consequences(page, subject).await?;
    Ok(ConfirmView {
        section: "/revocations",
        question: format!("Revoke {subject}?"),
        consequences,
        warning,
        error: None,
        action: page.path(&path_of(subject)),
        fields: [reason].into_iter().chain(confirm).collect(),
        checkboxes: vec![Checkbox {
            name: "wait",
            label: "Follow it until no verifier that follows the feed accepts it",
            is_checked: true,
        }],
        button: "Revoke",
        cancel: page.path("/revocations"),
        twin: format!("counterfoil revoke {subject}"),
    })
}

/// What the revocation does, and a warning if it ends the session of the administrator.
async fn consequences(
    page: &ConsolePage,
    subject: &RevocationSubject,
) -> Result<(Vec<String>, Option<String>), AppError> {
    let own = page.administrator.current.user;
    let store = &page.app.parts.store;
    Ok(match subject {
        RevocationSubject::Session(id) => {
            let session = store.session(*id).await?.ok_or(AppError::NotFound)?;
            let user = store.user(session.user).await?.map(|user| user.username.to_string());
            let is_own = *id == page.administrator.current.session;
            let lines = vec![
                format!("A session of {} ends.", user.unwrap_or_else(|| session.user.to_string())),
                "Its access tokens are refused.".to_owned(),
            ];
            (lines, is_own.then(|| warning(page, own)).flatten())
        }
        RevocationSubject::User(id) => {
            let user = store.user(*id).await?.ok_or(AppError::NotFound)?;
            let preview = revocation_preview::of_user(&page.app, *id, page.now()).await?;
            let lines = vec![
                format!("Live sessions of {} that end: {}.", user.username, session_count(preview.sessions)),
                "Every credential that was issued to the user until now is invalid.".to_owned(),
            ];
            (lines, warning(page, *id))
        }
        RevocationSubject::Token(_) => {
            (vec!["The access token with this id is refused. Its session stays live.".to_owned()], None)
        }
        RevocationSubject::Client(id) => {
            let client = store.client(id).await?.ok_or(AppError::NotFound)?;
            let text = "Every session that was opened through it until now ends, and every token is refused.";
            (vec![format!("The client is {}.", client.name), text.to_owned()], client_warning(page, id))
        }
        RevocationSubject::Key(_) => (
            vec!["Every token that the key has signed is refused. A new key signs at once.".to_owned()],
            None,
        ),
        RevocationSubject::Everyone => (
            vec![
                "Every session of every user ends, and every token is refused.".to_owned(),
                "All users have to sign in again.".to_owned(),
            ],
            warning(page, own),
        ),
    })
}
