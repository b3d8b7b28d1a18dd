//! `/admin/rate-limits`: what is counted for an account or an address, and its reset.

use std::net::IpAddr;

use axum::extract::Request;
use axum::response::Response;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_pages::view::console::{ConfirmView, RateLimitsView, TextField};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::operations::admin::rate_limits::{self, RateLimitTarget};
use crate::pages::console::filter::{text, with_query};
use crate::pages::console::page::{ConsolePage, console_path};
use crate::pages::console::rows::counter_row;

/// Shows what is counted: the same operation as `GET /v1/admin/rate-limits`.
pub(in crate::pages) async fn show(page: ConsolePage) -> Result<Response, AppError> {
    let (username, ip) = (text(&page.query, "username"), text(&page.query, "ip"));
    let pairs = [("username", &username), ("ip", &ip)];
    let release = with_query(&page.path("/rate-limits/release"), &pairs);
    let is_asked = !username.is_empty() || !ip.is_empty();
    let mut view =
        RateLimitsView { username: username.clone(), ip: ip.clone(), counters: None, release, error: None };
    if !is_asked {
        return page.show(&view);
    }
    let counted = async {
        let target = target(&username, &ip)?;
        Ok::<_, AppError>(rate_limits::show(&page.app, &target, page.now()).await?)
    };
    match counted.await {
        Ok(counted) => {
            view.counters = Some(counted.rate_limits.iter().map(counter_row).collect());
            page.show(&view)
        }
        Err(error) => {
            let with_error = |text| RateLimitsView { error: Some(text), ..view };
            Ok(page.answer_error(error, with_error))
        }
    }
}

/// Asks before the counters are reset.
pub(in crate::pages) async fn ask_release(page: ConsolePage) -> Result<Response, AppError> {
    page.show(&question(&page.app, text(&page.query, "username"), text(&page.query, "ip")))
}

/// Resets the counters: the same operation as `DELETE /v1/admin/rate-limits`.
pub(in crate::pages) async fn release(
    page: ConsolePage,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    let fields = FormFields::read(request, &page.app, &["username", "ip"]).await?;
    let (username, ip) = (fields.text("username"), fields.text("ip"));
    let released = async {
        let target = target(&username, &ip)?;
        let (actor, now) = (page.administrator.actor(), page.now());
        Ok::<_, AppError>(rate_limits::release(&page.app, &target, actor, &client, now).await?)
    };
    match released.await {
        Ok(()) => Ok(page.changed("/rate-limits")),
        Err(error) => Ok(page.ask_again(error, question(&page.app, username, ip))),
    }
}

fn target(username: &str, ip: &str) -> Result<RateLimitTarget, AppError> {
    let client_ip = Some(ip).filter(|ip| !ip.is_empty()).map(str::parse::<IpAddr>).transpose();
    let client_ip = client_ip.map_err(|_| AppError::field("ip", "must be an IP address"))?;
    Ok(RateLimitTarget { username: Some(username.to_owned()).filter(|name| !name.is_empty()), client_ip })
}

fn question(app: &App, username: String, ip: String) -> ConfirmView {
    let field = |name, label: &str, value| TextField { name, label: label.to_owned(), hint: None, value };
    ConfirmView {
        section: "/rate-limits",
        question: "Let in again?".to_owned(),
        consequences: vec![
            "What the rate limits count for this account or address is forgotten.".to_owned(),
            "Somebody who guesses passwords there has all tries again.".to_owned(),
        ],
        action: console_path(app, "/rate-limits/release"),
        fields: vec![field("username", "Login name", username), field("ip", "Address", ip)],
        button: "Let in again",
        cancel: console_path(app, "/rate-limits"),
        twin: "counterfoil rate-limit release".to_owned(),
        ..ConfirmView::default()
    }
}
