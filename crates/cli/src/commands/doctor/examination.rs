//! The requests of an examination, in order. What their answers mean is decided in `counterfoil::operator::doctor`.

use std::time::Duration;

use counterfoil::IssuerUrl;
use counterfoil::operator::doctor::answers::{self, LongHeader, PrivateAnswers};
use counterfoil::operator::doctor::metadata::{self, Document};
use counterfoil::operator::doctor::row::Row;
use counterfoil::operator::doctor::server_view::ServerView;
use counterfoil::operator::doctor::{browser, forwarding, transport};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{Clock as _, SystemClock};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, COOKIE, FORWARDED, HeaderMap,
    HeaderName, HeaderValue, ORIGIN, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
};

use crate::commands::doctor::client::{Answer, DoctorClient, RequestError};
use crate::error::CliError;

/// An address for documentation (RFC 5737): no client has it.
const FORGED_ADDRESS: &str = "192.0.2.77";

/// The length of a long header: as the cookies of a hybrid login whose token has many roles.
const LONG_HEADER: usize = 7_000;

/// How many events `/v1/doctor/events` sends.
const EVENTS: usize = 5;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PADDING: HeaderName = HeaderName::from_static("x-doctor-padding");

/// The examination of one deployment.
pub(super) struct Examination<'a> {
    url: &'a IssuerUrl,
    client: DoctorClient,
    rows: Vec<Row>,
}

impl<'a> Examination<'a> {
    /// An examination of the deployment at `url`.
    ///
    /// # Errors
    ///
    /// If this machine trusts no root certificates.
    pub(super) fn new(url: &'a IssuerUrl) -> Result<Self, CliError> {
        Ok(Self { url, client: DoctorClient::new(url)?, rows: Vec::new() })
    }

    /// Sends all requests, and returns a row for each check.
    ///
    /// # Errors
    ///
    /// If the deployment cannot be reached.
    pub(super) async fn run(mut self, probe: Result<Secret<String>, String>) -> Result<Vec<Row>, CliError> {
        let path = "/.well-known/oauth-authorization-server";
        let metadata = match self.get(path, &HeaderMap::new()).await {
            Ok(answer) => answer,
            Err(error @ RequestError::Tls(_)) => {
                return Ok(vec![transport::tls_failed(&error.to_text())]);
            }
            Err(error) => return Err(CliError::unreachable(error.to_text())),
        };
        if let Some(tls) = &metadata.tls {
            self.rows.push(transport::tls_version(&tls.version));
            self.rows.push(transport::certificate(tls.ends_at, SystemClock::new().now()));
        }
        self.examine_metadata(&metadata).await;
        self.examine_answers().await?;
        self.examine_requests(probe).await?;
        Ok(self.rows)
    }

    async fn examine_metadata(&mut self, answer: &Answer) {
        let metadata = document(answer);
        self.rows.push(metadata::issuer(self.url.as_str(), &metadata));
        let uri = metadata::jwks_uri(self.url.origin().as_str(), &metadata);
        let path = uri.and_then(|uri| uri.strip_prefix(self.url.origin().as_str()));
        let keys = match path {
            Some(path) => self.client.get(path, &HeaderMap::new()).await.ok(),
            None => None,
        };
        let keys = keys.as_ref().map_or(Document::Unreadable, document);
        self.rows.push(metadata::key_set(uri, &keys));
    }

    /// What a proxy does with answers that are for one user: the same request twice.
    async fn examine_answers(&mut self) -> Result<(), CliError> {
        let first = self.answer("/v1/me", &HeaderMap::new()).await?;
        let second = self.answer("/v1/me", &HeaderMap::new()).await?;
        self.rows.extend(answers::caching(&PrivateAnswers {
            cache_control: value(&second, &CACHE_CONTROL),
            request_ids: [&first, &second].map(|answer| value(answer, &X_REQUEST_ID)),
        }));
        self.rows.push(answers::hsts(&all(&second, &STRICT_TRANSPORT_SECURITY), self.url.is_secure()));
        Ok(())
    }

    /// What arrives at the server.
    async fn examine_requests(&mut self, probe: Result<Secret<String>, String>) -> Result<(), CliError> {
        let hint = "run it on the machine of the server, or give a probe of `counterfoil doctor --new-probe` with --probe-file";
        let probe = match probe {
            Ok(probe) => probe,
            Err(reason) => {
                self.rows.push(Row::not_checked("requests at the server", reason, hint));
                return Ok(());
            }
        };
        let Ok(bearer) = HeaderValue::try_from(format!("Bearer {}", probe.expose())) else {
            return Err(CliError::usage("the probe has characters that no probe has"));
        };
        let origin = HeaderValue::from_str(self.url.origin().as_str()).expect("an origin is ASCII");
        let (site, path) = ("same-origin", "/v1/doctor/request");
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (ORIGIN, origin),
            (SEC_FETCH_SITE, HeaderValue::from_static(site)),
        ]);
        let first = self.answer(path, &headers).await?;
        let Some(view) = server_view(&first) else {
            let seen = format!("the server does not accept the probe (status {})", first.status.as_u16());
            self.rows.push(Row::not_checked("requests at the server", seen, hint));
            return Ok(());
        };
        let server_time = Time::from_unix_ms(view.now_ms);
        self.rows.push(transport::clock(
            SystemClock::new().now(),
            server_time,
            first.took + Duration::from_secs(1),
        ));
        self.rows.push(forwarding::host(&view));
        self.rows.push(forwarding::scheme(&view));
        self.rows.push(forwarding::client_ip(&view));
        self.rows.push(browser::origin_headers(Some(site), Some(self.url.origin().as_str()), &view));
        self.rows.push(browser::cookie_set(&view, all(&first, &SET_COOKIE).iter().map(String::as_str)));
        self.examine_cookie(path, &headers, &view).await?;
        for (header, forged) in
            [(X_FORWARDED_FOR, FORGED_ADDRESS.to_owned()), (FORWARDED, format!("for={FORGED_ADDRESS}"))]
        {
            self.examine_forgery(path, &headers, header, &forged).await?;
        }
        self.examine_compression(path, &headers).await?;
        self.examine_long_header(path, &headers).await;
        self.examine_events(&headers).await;
        Ok(())
    }

    /// The second step of the cookie. Its answer is compared with one to the same request, since a cache may hold it.
    async fn examine_cookie(
        &mut self,
        path: &str,
        headers: &HeaderMap,
        view: &ServerView,
    ) -> Result<(), CliError> {
        let Some(sent) = &view.cookie_set else {
            self.rows.push(Row::wrong(
                "cookie returned",
                format!("{} arrived although none was sent", view.cookie_name),
                "remove what adds to `Cookie` at the proxy",
            ));
            return Ok(());
        };
        let mut headers = headers.clone();
        let pair = HeaderValue::try_from(format!("{}={sent}", view.cookie_name));
        headers.insert(COOKIE, pair.map_err(|error| CliError::from_error(&error))?);
        let answer = self.answer(path, &headers).await?;
        if let Some(view) = server_view(&answer) {
            self.rows.push(browser::cookie_returned(sent, &view));
        }
        Ok(())
    }

    async fn examine_forgery(
        &mut self,
        path: &str,
        headers: &HeaderMap,
        header: HeaderName,
        forged: &str,
    ) -> Result<(), CliError> {
        let mut headers = headers.clone();
        let name = if header == FORWARDED { "Forwarded" } else { "X-Forwarded-For" };
        headers.insert(header, HeaderValue::try_from(forged).expect("an address is ASCII"));
        let answer = self.answer(path, &headers).await?;
        if let Some(view) = server_view(&answer) {
            self.rows.push(forwarding::forged_address(name, FORGED_ADDRESS, &view));
        }
        Ok(())
    }

    async fn examine_compression(&mut self, path: &str, headers: &HeaderMap) -> Result<(), CliError> {
        let mut headers = headers.clone();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
        let answer = self.answer(path, &headers).await?;
        self.rows.push(answers::compression(value(&answer, &CONTENT_ENCODING).as_deref()));
        Ok(())
    }

    async fn examine_long_header(&mut self, path: &str, headers: &HeaderMap) {
        let mut headers = headers.clone();
        headers.insert(PADDING, HeaderValue::try_from("a".repeat(LONG_HEADER)).expect("it is ASCII"));
        let result = match self.get(path, &headers).await {
            Ok(answer) => match server_view(&answer) {
                Some(view) => LongHeader::Arrived(view.padding),
                None => LongHeader::Refused(answer.status.as_u16()),
            },
            Err(_) => LongHeader::Closed,
        };
        self.rows.push(answers::header_limit(LONG_HEADER as u64, result));
    }

    async fn examine_events(&mut self, headers: &HeaderMap) {
        let arrivals = match self.get("/v1/doctor/events", headers).await {
            Ok(answer) => arrivals(&answer.parts),
            Err(_) => Vec::new(),
        };
        self.rows.push(answers::events(&arrivals, EVENTS));
    }

    async fn get(&self, path: &str, headers: &HeaderMap) -> Result<Answer, RequestError> {
        self.client.get(&format!("{}{path}", self.url.path()), headers).await
    }

    /// The answer to a request of which the others have been answered.
    async fn answer(&self, path: &str, headers: &HeaderMap) -> Result<Answer, CliError> {
        self.get(path, headers)
            .await
            .map_err(|error| CliError::unreachable(format!("{path}: {}", error.to_text())))
    }
}

fn document(answer: &Answer) -> Document {
    match (answer.status.as_u16(), serde_json::from_slice(&answer.body)) {
        (200, Ok(json)) => Document::Json(json),
        (200, Err(_)) => Document::Unreadable,
        (status, _) => Document::Status(status),
    }
}

fn server_view(answer: &Answer) -> Option<ServerView> {
    if answer.status.as_u16() != 200 {
        return None;
    }
    serde_json::from_slice(&answer.body).ok()
}

fn all(answer: &Answer, name: &HeaderName) -> Vec<String> {
    let lines = answer.headers.get_all(name).iter();
    lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect()
}

fn value(answer: &Answer, name: &HeaderName) -> Option<String> {
    let lines = all(answer, name);
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// When each event was sent, and when its end arrived.
fn arrivals(parts: &[(Duration, Vec<u8>)]) -> Vec<(Duration, Duration)> {
    let (mut text, mut found) = (String::new(), Vec::new());
    for (arrived, part) in parts {
        text.push_str(&String::from_utf8_lossy(part));
        while let Some((event, rest)) = text.split_once("\n\n") {
            let sent = event.strip_prefix("data: ").and_then(|number| number.parse().ok());
            found.extend(sent.map(|sent| (Duration::from_millis(sent), *arrived)));
            text = rest.to_owned();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_arrived_with_its_last_byte() {
        let ms = Duration::from_millis;
        let parts =
            [(ms(5), b"data: 0\n\nda".to_vec()), (ms(510), b"ta: 500\n\n".to_vec()), (ms(600), vec![])];

        assert_eq!(arrivals(&parts), [(ms(0), ms(5)), (ms(500), ms(510))]);
    }
}
