//! The signed statements about users that guarded applications get, so that one is not signed for each request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use counterfoil_jose::{SignError, SigningKey, Time};
use serde_json::{Map, Value};

/// The `typ` of the JWS. The verifiers of all other tokens require another one, so that it is no credential.
const TYPE: &str = "forward+jwt";

/// How long after its issue an application accepts it.
const LIFETIME: u64 = 60;

/// How long one is sent again for the same claims. An application gets it at least 30 seconds before its end.
const REUSED_FOR: Duration = Duration::from_secs(30);

/// The most that are kept of each generation, about 2 KiB each.
const MAX_KEPT: usize = 4096;

/// What an assertion states, without its times: the same claims get the same assertion for a while. A change of the user's
/// roles, of the session, of its position in the revocation log or of the host is another statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ForwardClaims(String);

impl ForwardClaims {
    /// These claims; `iat` and `exp` are added when they are signed.
    pub(crate) fn new(claims: &Map<String, Value>) -> Self {
        let mut text = serde_json::to_string(claims).expect("JSON values always serialize");
        // The times follow.
        text.pop();
        Self(text)
    }

    fn at(&self, now: Time) -> String {
        let issued = now.unix_seconds();
        format!("{},\"iat\":{issued},\"exp\":{}}}", self.0, issued + LIFETIME)
    }
}

/// The assertions that were signed within the last minute. Its size is limited: the oldest are forgotten first.
#[derive(Debug, Default)]
pub(crate) struct ForwardAssertions(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    current: HashMap<(String, ForwardClaims), Signed>,
    previous: HashMap<(String, ForwardClaims), Signed>,
}

#[derive(Debug, Clone)]
struct Signed {
    token: String,
    at: Time,
}

impl ForwardAssertions {
    /// The assertion with these claims: one that was signed in the last 30 seconds with the same key, or a new one.
    ///
    /// # Errors
    ///
    /// If the key cannot sign.
    pub(crate) fn get(
        &self,
        claims: ForwardClaims,
        key: &SigningKey,
        now: Time,
    ) -> Result<String, SignError> {
        let entry = (key.kid().to_owned(), claims);
        if let Some(token) = self.find(&entry, now) {
            return Ok(token);
        }
        // Not under the lock: other requests do not wait for the signature.
        let token = key.sign(TYPE, entry.1.at(now).as_bytes())?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.current.len() >= MAX_KEPT {
            kept.previous = std::mem::take(&mut kept.current);
        }
        kept.current.insert(entry, Signed { token: token.clone(), at: now });
        Ok(token)
    }

    fn find(&self, entry: &(String, ForwardClaims), now: Time) -> Option<String> {
        // A panic while it was locked leaves nothing inconsistent behind.
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.current.get(entry).or_else(|| kept.previous.get(entry))?;
        (now < found.at + REUSED_FOR).then(|| found.token.clone())
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::Algorithm;
    use serde_json::json;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn claims(subject: &str) -> ForwardClaims {
        ForwardClaims::new(json!({ "sub": subject }).as_object().unwrap())
    }

    fn key() -> SigningKey {
        SigningKey::generate(Algorithm::Ed25519).unwrap()
    }

    #[test]
    fn one_is_signed_for_the_same_claims_in_thirty_seconds() {
        let (assertions, key) = (ForwardAssertions::default(), key());
        let get = |subject, now| assertions.get(claims(subject), &key, now).unwrap();
        let first = get("ada", NOON);

        assert_eq!(get("ada", NOON + Duration::from_secs(29)), first);
        assert_ne!(get("bob", NOON), first);
        let next = get("ada", NOON + Duration::from_secs(30));
        assert_ne!(next, first);
        assert_eq!(get("ada", NOON + Duration::from_secs(31)), next);
    }

    #[test]
    fn another_key_signs_another_one() {
        let (assertions, first, second) = (ForwardAssertions::default(), key(), key());

        let by = |key| assertions.get(claims("ada"), key, NOON).unwrap();

        assert_ne!(by(&first), by(&second));
    }

    #[test]
    fn the_number_that_is_kept_is_limited() {
        let (assertions, key) = (ForwardAssertions::default(), key());
        for number in 0..2 * MAX_KEPT + 10 {
            assertions.get(claims(&number.to_string()), &key, NOON).unwrap();
        }

        let kept = assertions.0.lock().unwrap();
        assert!(kept.current.len() <= MAX_KEPT && kept.previous.len() <= MAX_KEPT);
    }

    #[test]
    fn an_assertion_expires_a_minute_after_its_issue() {
        assert_eq!(claims("ada").at(NOON), r#"{"sub":"ada","iat":1764000000,"exp":1764000060}"#);
    }
}
