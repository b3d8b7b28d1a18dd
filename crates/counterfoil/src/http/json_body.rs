//! Request bodies: strict JSON of a named type, or a clear refusal that repeats nothing of it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, OptionalFromRequest, Request};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tokio::time::timeout;
use zeroize::Zeroizing;

use counterfoil_core::services::login_rate_limiter::source_of;
use counterfoil_jose::{Secret, json};

use crate::app::App;
use crate::http::body_error::BodyFault;
use crate::http::client_ip::{client_address, has_claim, is_trusted};
use crate::http::error::AppError;
use crate::limits::quota::{Share, Source};

/// What every route takes.
const JSON: &str = "application/json";

/// A merge patch (RFC 7396, section 4).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A body that is a JSON object and reads as a `T`; as an `Option`, none where none is sent.
///
/// No content type means no body. Members that are unknown or stand twice are refused, so that no two
/// readers of one text can disagree.
#[derive(Debug)]
pub(crate) struct StrictJson<T>(pub(crate) T);

/// A body that is any JSON object: a merge patch.
#[derive(Debug)]
pub(crate) struct Patch(pub(crate) Map<String, Value>);

impl<T: DeserializeOwned> FromRequest<App> for StrictJson<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        let bytes = read(request, app, &[JSON]).await?.ok_or(BodyFault::Missing)?;
        Ok(Self(typed(&bytes)?))
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<App> for StrictJson<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Option<Self>, AppError> {
        let bytes = read(request, app, &[JSON]).await?;
        Ok(bytes.map(|bytes| typed(&bytes)).transpose()?.map(Self))
    }
}

impl FromRequest<App> for Patch {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        let bytes = read(request, app, &[JSON, MERGE_PATCH]).await?.ok_or(BodyFault::Missing)?;
        Ok(Self(json::object(&bytes).map_err(BodyFault::Json)?))
    }
}

/// The bytes of a body of one of these types; `None` where there is none. They may hold a password, and are
/// wiped when dropped.
async fn read(
    request: Request,
    app: &App,
    taken: &[&'static str],
) -> Result<Option<Zeroizing<Vec<u8>>>, BodyFault> {
    let limit = app.settings().limits.max_body_size;
    let (parts, body) = request.into_parts();
    if !judge_type(&parts.headers, taken)? {
        return Ok(None);
    }
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(BodyFault::TooLarge(limit));
    }
    let held = app.bodies.begin(sender(&parts, app))?;
    let bytes = timeout(time_to_come(app.settings().limits.request_timeout), collect(body, limit, held))
        .await
        .map_err(|_| BodyFault::TooSlow)??;
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// How long a body may take to come: a little less than the request as a whole, so that who sends too slowly is
/// told so, and does not look like a failure of ours.
fn time_to_come(request: Duration) -> Duration {
    request * 9 / 10
}

/// Who sends a body; nobody in particular where a proxy of ours or this machine does for itself.
///
/// Where an address is claimed and not believed, the sender is the last hop that is, and has the part of one source:
/// with a header that contradicts its proxy a client could else leave its own part behind, and take all.
fn sender(parts: &Parts, app: &App) -> Option<Source> {
    let settings = app.settings();
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let client = client_address(peer.ip(), &parts.headers, &settings.trusted_proxies);
    let is_ours = client.is_loopback() || is_trusted(client, &settings.trusted_proxies);
    let is_anybody = is_ours && !has_claim(&parts.headers);
    (!is_anybody).then(|| source_of(client, settings.rate_limits.ipv6_prefix))
}

/// Whether a body is announced. A type that is named has to be one of `taken`.
fn judge_type(headers: &HeaderMap, taken: &[&'static str]) -> Result<bool, BodyFault> {
    let refused = || BodyFault::Type(taken[0]);
    let mut named = headers.get_all(CONTENT_TYPE).into_iter();
    let Some(kind) = named.next() else { return Ok(false) };
    if named.next().is_some() || headers.contains_key(CONTENT_ENCODING) {
        return Err(refused());
    }
    let kind = kind.to_str().map_err(|_| refused())?;
    let mut parts = kind.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_taken = taken.iter().any(|taken| essence.eq_ignore_ascii_case(taken));
    if !is_taken || !parts.all(is_utf8_charset) {
        return Err(refused());
    }
    Ok(true)
}

/// JSON has no parameters (RFC 8259, section 11), but many send this one.
fn is_utf8_charset(parameter: &str) -> bool {
    parameter.is_empty()
        || ["charset=utf-8", "charset=\"utf-8\""].iter().any(|known| parameter.eq_ignore_ascii_case(known))
}

/// Reads to the end, or to the limit: a chunked body does not say its length.
async fn collect(mut body: Body, limit: usize, mut held: Share) -> Result<Zeroizing<Vec<u8>>, BodyFault> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(BodyFault::TooLarge(limit));
        }
        held.grow(data.len())?;
        append(&mut bytes, &data);
    }
    Ok(bytes)
}

/// Appends without leaving copies behind where the memory has to grow.
fn append(bytes: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    if bytes.len() + data.len() > bytes.capacity() {
        let mut larger = Vec::with_capacity((bytes.len() + data.len()).next_power_of_two());
        larger.extend_from_slice(bytes);
        *bytes = Zeroizing::new(larger);
    }
    bytes.extend_from_slice(data);
}

/// Reads a `T` from an object, and tells by the member that was read last which of them is wrong.
fn typed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyFault> {
    let members: Map<String, Value> = json::object(bytes).map_err(BodyFault::Json)?;
    let last = RefCell::new(String::new());
    let told = members.into_iter().inspect(|(name, _)| *last.borrow_mut() = name.clone());
    T::deserialize(MapDeserializer::<_, serde_json::Error>::new(told))
        .map_err(|error| fault_of(&error.to_string(), last.into_inner()))
}

/// What serde found, without the pieces of the body that it quotes: only what *we* expected is ours.
fn fault_of(message: &str, field: String) -> BodyFault {
    if let Some(missing) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return BodyFault::Member { field: missing.to_owned(), detail: "is required".into() };
    }
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    if message.starts_with("unknown field `") {
        let known = expected.map(|known| format!("; known are {}", known.trim_start_matches("one of ")));
        return BodyFault::Unknown(known.unwrap_or_default());
    }
    let detail = expected.map_or(Cow::Borrowed("is not what is expected"), |expected| {
        Cow::Owned(format!("is to be {expected}"))
    });
    BodyFault::Member { field, detail }
}

/// Reads a text straight into custody: a password.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use counterfoil_core::model::session::Mode;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[serde(rename = "username")]
        _username: String,
        #[serde(rename = "password", deserialize_with = "secret")]
        _password: Secret<String>,
        #[serde(default, rename = "mode")]
        _mode: Mode,
        #[serde(rename = "label")]
        _label: Option<String>,
    }

    fn fault(text: &str) -> BodyFault {
        typed::<Form>(text.as_bytes()).unwrap_err()
    }

    fn member(text: &str) -> (String, String) {
        match fault(text) {
            BodyFault::Member { field, detail } => (field, detail.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_member_that_is_wrong_is_named() {
        let (field, detail) = member(r#"{"username":1,"password":"x"}"#);
        assert_eq!((field.as_str(), detail.as_str()), ("username", "is to be a string"));

        let (field, detail) = member(r#"{"username":"a","password":"x","mode":"both"}"#);
        assert_eq!(field, "mode");
        assert_eq!(detail, "is to be one of `session`, `jwt`, `hybrid`");

        let (field, detail) = member(r#"{"username":"a"}"#);
        assert_eq!((field.as_str(), detail.as_str()), ("password", "is required"));

        assert_eq!(member(r#"{"username":"a","password":null}"#).0, "password");
        assert_eq!(member(r#"{"username":"a","password":"x","label":[]}"#).0, "label");
    }

    #[test]
    fn what_is_no_strict_object_is_malformed() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            "\"a\"",
            "{}x",
            "{\"username\":\"a\",\"username\":\"b\",\"password\":\"c\"}",
            "\u{feff}{}",
            "[\"a\",\"b\"]",
        ] {
            assert!(matches!(fault(text), BodyFault::Json(_)), "{text}");
        }
        assert!(matches!(typed::<Form>(b"{\"username\":\"\xff\"}"), Err(BodyFault::Json(_))));
    }

    #[test]
    fn a_fault_never_repeats_the_body() {
        for text in [
            r#"{"username":"a","password":["hunter2"]}"#,
            r#"{"username":"a","password":"hunter2","hunter2":1}"#,
            r#"{"username":"a","password":"hunter2","mode":"hunter2"}"#,
            r#"{"username":"a","password":"hunter2","mode":"x, expected hunter2"}"#,
            r#"{"username":{"hunter2":"hunter2"},"password":"x"}"#,
            r#"{"password":"hunter2"}"#,
            r#"{"password":hunter2}"#,
        ] {
            let fault = fault(text);
            assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[test]
    fn a_type_that_is_named_is_ours_and_none_means_no_body() {
        let judge = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_TYPE, line.parse().unwrap());
            }
            judge_type(&headers, &[JSON]).ok()
        };

        assert_eq!(judge(&[]), Some(false));
        for good in
            ["application/json", "Application/JSON; Charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert_eq!(judge(&[good]), Some(true), "{good}");
        }
        for bad in ["text/plain", "application/jsonx", "", "application/json; charset=utf-16", MERGE_PATCH] {
            assert_eq!(judge(&[bad]), None, "{bad}");
        }
        assert_eq!(judge(&[JSON, JSON]), None);
    }
}
