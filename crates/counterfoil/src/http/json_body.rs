//! Extractors for JSON request bodies: a strict object of a given type, or a merge patch.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, OptionalFromRequest, Request};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Deserializer};
use serde_json::{Map, Value};
use tokio::time::timeout;
use zeroize::Zeroizing;

use counterfoil_core::services::login_rate_limiter::client_ip_key;
use counterfoil_jose::{Secret, json};

use crate::app::App;
use crate::http::body_error::BodyError;
use crate::http::client_ip::{client_ip, is_forwarded, is_trusted};
use crate::http::error::AppError;
use crate::http::{json_numbers, json_shape};
use crate::limits::quota::{IpKey, Permit};

/// The content type that every route accepts.
const JSON: &str = "application/json";

/// The content type of a merge patch (RFC 7396, section 4).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A body that is a JSON object of the type `T`. As an `Option` it is `None` if the request has no body.
///
/// No content type means no body. Nor does a body without content count, whatever its type: the type is that of the
/// content (RFC 9110, section 8.3), and forms and `sendBeacon` name one although they send nothing.
///
/// A member that is null is the same as one that is absent. Unknown and duplicate members are rejected, because two
/// parsers could read them differently.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A body that is a JSON object with changes: as [`JsonBody`], but null can mean to remove a value (RFC 7396).
#[derive(Debug)]
pub(crate) struct PatchBody<T>(pub(crate) T);

/// A merge patch (RFC 7396): a body that is any JSON object, whose numbers are kept as they are.
#[derive(Debug)]
pub(crate) struct MergePatch(pub(crate) Map<String, Value>);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        let bytes = read(request, app, &[JSON]).await?.ok_or(BodyError::Missing)?;
        Ok(Self(parse(&bytes)?))
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<App> for JsonBody<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Option<Self>, AppError> {
        let bytes = read(request, app, &[JSON]).await?;
        Ok(bytes.map(|bytes| parse(&bytes)).transpose()?.map(Self))
    }
}

impl<T: DeserializeOwned> FromRequest<App> for PatchBody<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        let bytes = read(request, app, &[JSON]).await?.ok_or(BodyError::Missing)?;
        Ok(Self(json_shape::from_patch(json::parse_object(&bytes).map_err(BodyError::InvalidJson)?)?))
    }
}

impl FromRequest<App> for MergePatch {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        let bytes = read(request, app, &[JSON, MERGE_PATCH]).await?.ok_or(BodyError::Missing)?;
        let patch = json::parse_object(&bytes).map_err(BodyError::InvalidJson)?;
        if json_numbers::are_exact(&bytes) { Ok(Self(patch)) } else { Err(BodyError::InexactNumber.into()) }
    }
}

/// Reads a body of one of the accepted content types; `None` without a body. The bytes may contain a
/// password, and are wiped when dropped.
pub(super) async fn read(
    request: Request,
    app: &App,
    accepted: &[&'static str],
) -> Result<Option<Zeroizing<Vec<u8>>>, BodyError> {
    let limit = app.settings().limits.max_body_size;
    let time_limit = body_timeout(app.settings().limits.request_timeout);
    let (parts, mut body) = request.into_parts();
    match check_content_type(&parts.headers, accepted) {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(error) => {
            let is_empty = timeout(time_limit, is_empty(&mut body)).await;
            return if is_empty.map_err(|_| BodyError::Timeout)?? { Ok(None) } else { Err(error) };
        }
    }
    let content_length =
        parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if content_length.is_some_and(|length: u64| length > limit as u64) {
        return Err(BodyError::TooLarge(limit));
    }
    let memory = app.parts.bodies.acquire(quota_source(&parts, app))?;
    let bytes = timeout(time_limit, collect(body, limit, memory)).await.map_err(|_| BodyError::Timeout)??;
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// Whether a body ends before its first byte. A chunked body says so only at its end.
async fn is_empty(body: &mut Body) -> Result<bool, BodyError> {
    while let Some(frame) = body.frame().await {
        if frame.map_err(|_| BodyError::Incomplete)?.data_ref().is_some_and(|data| !data.is_empty()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Less than the time limit of the whole request, so that a slow client gets 408, not 503.
fn body_timeout(request: Duration) -> Duration {
    request * 9 / 10
}

/// The client IP that has the share of the body memory for this body, or `None` (no limit per client)
/// for a request of a trusted proxy itself.
///
/// If the forwarding headers contradict each other, the client IP is a proxy, and the body takes the share of
/// one client. Otherwise a client could send a contradicting header to escape its own share and use all
/// memory.
fn quota_source(parts: &Parts, app: &App) -> Option<IpKey> {
    let settings = app.settings();
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let client = client_ip(peer.ip(), &parts.headers, &settings.trusted_proxies);
    let is_unlimited = is_trusted(client, &settings.trusted_proxies) && !is_forwarded(&parts.headers);
    (!is_unlimited).then(|| client_ip_key(client, settings.rate_limits.ipv6_prefix))
}

/// Whether the request has a content type, and so a body. It must be one of `accepted`.
fn check_content_type(headers: &HeaderMap, accepted: &[&'static str]) -> Result<bool, BodyError> {
    let unsupported = || BodyError::UnsupportedMediaType(accepted[0]);
    let mut values = headers.get_all(CONTENT_TYPE).into_iter();
    let Some(value) = values.next() else { return Ok(false) };
    if values.next().is_some() || headers.get_all(CONTENT_ENCODING).into_iter().any(|line| line != "identity")
    {
        return Err(unsupported());
    }
    let value = value.to_str().map_err(|_| unsupported())?;
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_accepted = accepted.iter().any(|accepted| essence.eq_ignore_ascii_case(accepted));
    if !is_accepted || parts.any(is_other_charset) {
        return Err(unsupported());
    }
    Ok(true)
}

/// Whether a parameter names a charset other than UTF-8. JSON defines no parameters, and others have no effect (RFC
/// 8259, section 11). A filter in front of the server could decode another charset, and see another text.
fn is_other_charset(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let value = value.trim().trim_matches('"');
    let is_utf8 = ["utf-8", "utf8"].iter().any(|known| value.eq_ignore_ascii_case(known));
    name.trim().eq_ignore_ascii_case("charset") && !is_utf8
}

/// Reads to the end or to the limit: a chunked body has no `Content-Length`.
async fn collect(mut body: Body, limit: usize, mut memory: Permit) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        memory.grow(data.len())?;
        append(&mut bytes, &data);
    }
    Ok(bytes)
}

/// Appends; when the buffer has to grow, the old one is wiped.
fn append(bytes: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    if bytes.len() + data.len() > bytes.capacity() {
        let mut larger = Vec::with_capacity((bytes.len() + data.len()).next_power_of_two());
        larger.extend_from_slice(bytes);
        *bytes = Zeroizing::new(larger);
    }
    bytes.extend_from_slice(data);
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    json_shape::from_members(json::parse_object(bytes).map_err(BodyError::InvalidJson)?)
}

/// Deserializes a string into a [`Secret`]: a password or a token.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// Deserializes a secret that may be absent.
pub(crate) fn optional_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret<String>>, D::Error> {
    secret(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use counterfoil_core::model::session::Mode;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct LoginRequest {
        #[serde(rename = "username")]
        _username: String,
        #[serde(rename = "password", deserialize_with = "secret")]
        _password: Secret<String>,
        #[serde(default, rename = "mode")]
        _mode: Mode,
        #[serde(rename = "label")]
        _label: Option<String>,
        #[serde(rename = "lifetimes")]
        _lifetimes: Option<Lifetimes>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Lifetimes {
        #[serde(rename = "idle")]
        _idle: Option<u64>,
    }

    fn error(text: &str) -> BodyError {
        parse::<LoginRequest>(text.as_bytes()).unwrap_err()
    }

    fn field_error(text: &str) -> (String, String) {
        match error(text) {
            BodyError::InvalidField { field, detail } => (field, detail.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_names_the_field_and_what_is_expected() {
        let (field, detail) = field_error(r#"{"username":1,"password":"x"}"#);
        assert_eq!((field.as_str(), detail.as_str()), ("username", "must be a string"));

        let (field, detail) = field_error(r#"{"username":"a","password":"x","mode":"both"}"#);
        assert_eq!(field, "mode");
        assert_eq!(detail, "must be one of `session`, `jwt`, `hybrid`");

        let (field, detail) = field_error(r#"{"username":"a"}"#);
        assert_eq!((field.as_str(), detail.as_str()), ("password", "is required"));

        assert_eq!(
            field_error(r#"{"username":"a","password":null}"#),
            ("password".into(), "is required".into())
        );
        assert_eq!(field_error(r#"{"username":"a","password":"x","label":[]}"#).0, "label");

        let (field, detail) = field_error(r#"{"username":"a","password":"x","lifetimes":1}"#);
        assert_eq!((field.as_str(), detail.as_str()), ("lifetimes", "must be an object"));
        let (field, detail) = field_error(r#"{"username":"a","password":"x","lifetimes":{"idle":"1h"}}"#);
        assert_eq!(field, "lifetimes");
        assert_eq!(detail, "`idle` must be a whole number that is not negative");
    }

    #[test]
    fn a_member_that_is_null_is_absent_unless_the_type_does_not_know_it() {
        let text = r#"{"username":"a","password":"x","mode":null,"label":null}"#;
        assert!(parse::<LoginRequest>(text.as_bytes()).is_ok());

        let unknown = error(r#"{"username":"a","password":"x","other":null}"#);
        assert!(matches!(unknown, BodyError::UnknownField(_)), "{unknown:?}");
    }

    #[test]
    fn a_body_that_is_not_a_strict_object_is_malformed() {
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
            assert!(matches!(error(text), BodyError::InvalidJson(_)), "{text}");
        }
        assert!(matches!(parse::<LoginRequest>(b"{\"username\":\"\xff\"}"), Err(BodyError::InvalidJson(_))));
    }

    #[test]
    fn an_error_never_repeats_the_body() {
        for text in [
            r#"{"username":"a","password":["hunter2"]}"#,
            r#"{"username":"a","password":"hunter2","hunter2":1}"#,
            r#"{"username":"a","password":"hunter2","mode":"hunter2"}"#,
            r#"{"username":"a","password":"hunter2","mode":"x, expected hunter2"}"#,
            r#"{"username":{"hunter2":"hunter2"},"password":"x"}"#,
            r#"{"username":"a","password":"x","lifetimes":{"hunter2":1}}"#,
            r#"{"password":"hunter2"}"#,
            r#"{"password":hunter2}"#,
        ] {
            let error = error(text);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn an_unsupported_content_type_is_rejected_and_none_means_no_body() {
        let check = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_TYPE, line.parse().unwrap());
            }
            check_content_type(&headers, &[JSON]).ok()
        };

        assert_eq!(check(&[]), Some(false));
        for good in [
            "application/json",
            "Application/JSON; Charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json; charset=utf8;",
            "application/json; odata=verbose; charset = utf-8",
        ] {
            assert_eq!(check(&[good]), Some(true), "{good}");
        }
        for bad in [
            "text/plain",
            "application/jsonx",
            "",
            "application/json; charset=utf-16",
            "application/json; charset=\"utf-7\"",
            "application/json; charset",
            MERGE_PATCH,
        ] {
            assert_eq!(check(&[bad]), None, "{bad}");
        }
        assert_eq!(check(&[JSON, JSON]), None);
    }
}
