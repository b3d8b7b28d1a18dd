//! Decoding of tokens without verification: for display and debugging, never for decisions.

use serde_json::{Map, Value};

use crate::base64url;
use crate::compact::Compact;
use crate::json::{self, JsonError};
use crate::jws_error::JwsError;

/// The header and the payload of a token whose signature is not verified. An attacker may have written both.
#[derive(Clone, Debug, PartialEq)]
pub struct UnverifiedJws {
    /// The header, with any `alg`.
    pub header: Map<String, Value>,
    /// The payload.
    pub payload: Map<String, Value>,
}

/// Decodes `token`. Does not verify the signature and does not validate the claims.
///
/// ```
/// use counterfoil_jose::unverified;
///
/// let token = unverified::decode("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.AAAA")?;
/// assert_eq!((&token.header["alg"], &token.payload["sub"]), (&"none".into(), &"admin".into()));
/// # Ok::<(), counterfoil_jose::JwsError>(())
/// ```
///
/// # Errors
///
/// The token is not in compact serialization, or its header or payload is not a strict JSON object.
pub fn decode(token: &str) -> Result<UnverifiedJws, JwsError> {
    let compact = Compact::parse(token)?;
    let header = decode_object(compact.header)?.map_err(JwsError::BadHeader)?;
    let payload = decode_object(compact.payload)?.map_err(JwsError::BadPayload)?;
    Ok(UnverifiedJws { header, payload })
}

fn decode_object(segment: &str) -> Result<Result<Map<String, Value>, JsonError>, JwsError> {
    let bytes = base64url::decode(segment).map_err(|_| JwsError::NotBase64url)?;
    Ok(json::parse_object(&bytes))
}
