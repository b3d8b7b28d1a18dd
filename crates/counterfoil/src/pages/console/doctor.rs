//! `/admin/doctor`: what the server sees of this browser's requests, and what mends it. The browser needs no script: it gets a
//! cookie and a redirect back to the page.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;

use counterfoil_pages::Moment;
use counterfoil_pages::view::console::{DoctorRow, DoctorView};

use crate::app::App;
use crate::http::doctor_view::{new_cookie, view};
use crate::http::error::AppError;
use crate::http::redirect::redirect_to_path;
use crate::http::set_cookie::page_cookie::PageCookie;
use crate::operations::doctor::row::{Row, Verdict};
use crate::operations::doctor::{browser, forwarding, probe};
use crate::pages::console::page::{ConsolePage, console_path};

/// How long the browser keeps the cookie, if it does not follow the redirect.
const COOKIE_LIFETIME: Duration = Duration::from_secs(60);

/// The longest value that is compared with the cookie.
const MAX_VALUE: usize = 64;

/// `/doctor` of development mode leads to the page.
pub(in crate::pages) async fn open(State(app): State<App>) -> Response {
    redirect_to_path(&console_path(&app, "/doctor"))
}

/// The first request sets the cookie; the second, with its value in the query, shows what arrived and clears the cookie.
pub(in crate::pages) async fn show(page: ConsolePage, request: Request) -> Result<Response, AppError> {
    let (parts, _) = request.into_parts();
    let now = page.app.now();
    let seen = view(&page.app, &parts, now)?;
    let Some(sent) = page.query.get("sent").filter(|sent| sent.len() <= MAX_VALUE) else {
        let value = new_cookie()?;
        let mut response = redirect_to_path(&page.path(&format!("/doctor?sent={value}")));
        PageCookie::Doctor.set(&page.app.parts.cookies, response.headers_mut(), &value, COOKIE_LIFETIME);
        return Ok(response);
    };
    let rows = [
        browser::cookie_returned(sent, &seen),
        browser::fetch_metadata(&seen),
        forwarding::host(&seen),
        forwarding::scheme(&seen),
        forwarding::client_ip(&seen),
    ];
    let probe = probe::issue(&page.app, now)?;
    let content = DoctorView {
        issuer: seen.issuer.clone(),
        rows: rows.into_iter().map(view_row).collect(),
        probe: probe.probe.expose().clone(),
        probe_ends: Moment::from_unix_seconds(probe.expires_at),
    };
    let mut response = page.show(&content)?;
    PageCookie::Doctor.set(&page.app.parts.cookies, response.headers_mut(), "", Duration::ZERO);
    Ok(response)
}

fn view_row(row: Row) -> DoctorRow {
    let tone = match row.verdict {
        Verdict::Good => "good",
        Verdict::NotChecked => "",
        Verdict::Warning => "warn",
        Verdict::Wrong => "bad",
    };
    DoctorRow {
        check: row.check.to_owned(),
        seen: row.seen,
        verdict: row.verdict.as_str(),
        tone,
        mend: row.mend,
    }
}
