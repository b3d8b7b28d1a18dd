//! Looking into a token without believing it: for people, never for decisions.

use serde_json::{Map, Value};

use crate::base64url;
use crate::compact::Compact;
use crate::json::{self, JsonError};
use crate::rejection::Rejection;

/// What a token says about itself. Anybody may have written it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unverified {
    /// The header, whatever its `alg`.
    pub header: Map<String, Value>,
    /// The payload.
    pub payload: Map<String, Value>,
}

/// Looks into `token`: a signature is not checked, a time is not compared, nothing is believed.
///
/// ```
/// use counterfoil_jose::unverified;
///
/// let shown = unverified::peek("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.AAAA")?;
/// assert_eq!((&shown.header["alg"], &shown.payload["sub"]), (&"none".into(), &"admin".into()));
/// # Ok::<(), counterfoil_jose::Rejection>(())
/// ```
///
/// # Errors
///
/// It is not of the compact form, or header and payload are not both strict JSON objects.
pub fn peek(token: &str) -> Result<Unverified, Rejection> {
    let compact = Compact::split(token)?;
    let header = object(compact.header)?.map_err(Rejection::BadHeader)?;
    let payload = object(compact.payload)?.map_err(Rejection::BadPayload)?;
    Ok(Unverified { header, payload })
}

fn object(segment: &str) -> Result<Result<Map<String, Value>, JsonError>, Rejection> {
    let bytes = base64url::decode(segment).map_err(|_| Rejection::NotBase64url)?;
    Ok(json::object(&bytes))
}
