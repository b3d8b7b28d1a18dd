//! What to fetch, and what to make of it: from an issuer's documents to keys.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, Time, digest};

use crate::jwks::discovery;
use crate::jwks::error::{FetchError, FollowError};
use crate::jwks::http_client::Client;
use crate::jwks::options::{Follow, Source};
use crate::jwks::url::Location;
use crate::token::builder::TokenVerifierBuilder;

/// The most keys of one issuer. A token is compared with each of them.
const MOST_KEYS: usize = 100;

/// For how long a discovered location is believed without asking again.
const DISCOVERED: Duration = Duration::from_secs(24 * 3600);

/// Keys as they were fetched.
pub(crate) struct Fetched {
    pub(crate) keys: KeySet,
    /// Of the document: the same one again changes nothing.
    pub(crate) digest: [u8; 32],
    /// For how long they are fresh, if the issuer says so.
    pub(crate) fresh_for: Option<Duration>,
}

/// Fetches the keys of one issuer.
pub(crate) struct Fetcher {
    client: Client,
    issuer: Arc<str>,
    whence: Whence,
    /// The algorithm of keys that name none: the only one that is allowed, if there is only one.
    unnamed: Option<Algorithm>,
    /// For all that one fetch asks for, together.
    time_limit: Duration,
}

enum Whence {
    /// By the metadata at one of these; with what they said, and when.
    Discovered {
        at: Box<[Location; 2]>,
        found: Option<(Location, Time)>,
    },
    Known(Location),
}

impl Fetcher {
    /// Of the issuer of `tokens`, from where `follow` says.
    pub(crate) fn new(tokens: &TokenVerifierBuilder, follow: &Follow) -> Result<Self, FollowError> {
        if tokens.algorithms.iter().any(|algorithm| algorithm.is_symmetric()) {
            return Err(FollowError::Secret);
        }
        let whence = match &follow.source {
            Source::KeySet(location) => Whence::Known(location.clone()),
            Source::Discovered => {
                Whence::Discovered { at: Box::new(discovery::locations(&tokens.issuer)?), found: None }
            }
        };
        let first = match &whence {
            Whence::Known(location) => location,
            Whence::Discovered { at, .. } => &at[0],
        };
        let client = Client::like(first, &follow.roots)?;
        let unnamed = match tokens.algorithms.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let issuer = tokens.issuer.as_str().into();
        Ok(Self { client, issuer, whence, unnamed, time_limit: follow.time_limit })
    }

    /// Fetches the keys. After a failure the metadata is asked again, too.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from being whole and the issuer's.
    pub(crate) async fn fetch(&mut self, now: Time) -> Result<Fetched, FetchError> {
        let fetched = timeout(self.time_limit, self.discover_and_fetch(now)).await;
        let fetched = fetched.unwrap_or(Err(FetchError::TimedOut));
        if let (Err(_), Whence::Discovered { found, .. }) = (&fetched, &mut self.whence) {
            *found = None;
        }
        fetched
    }

    async fn discover_and_fetch(&mut self, now: Time) -> Result<Fetched, FetchError> {
        let location = self.location(now).await?;
        let answer = self.client.get(&location).await?;
        let keys = read_keys(&answer.body, self.unnamed)?;
        Ok(Fetched { keys, digest: digest::sha256(&answer.body), fresh_for: answer.fresh_for })
    }

    async fn location(&mut self, now: Time) -> Result<Location, FetchError> {
        let (at, found) = match &mut self.whence {
            Whence::Known(location) => return Ok(location.clone()),
            Whence::Discovered { at, found } => (at, found),
        };
        if let Some((location, since)) = found
            && now.since(*since) < DISCOVERED
        {
            return Ok(location.clone());
        }
        let location = discover(&self.client, at, &self.issuer).await?;
        *found = Some((location.clone(), now));
        Ok(location)
    }
}

/// Asks for the metadata where it may be. Only where there is none is the second place asked; what is
/// there and wrong stays wrong.
async fn discover(client: &Client, at: &[Location; 2], issuer: &str) -> Result<Location, FetchError> {
    let [first, second] = at;
    let answer = match client.get(first).await {
        Err(FetchError::Status(_) | FetchError::ContentType | FetchError::Redirect(_)) => {
            client.get(second).await
        }
        other => other,
    };
    discovery::key_set_location(&answer?.body, issuer, first)
}

/// The keys in a document. A set without any is what an issuer says that trusts none of its keys.
fn read_keys(body: &[u8], unnamed: Option<Algorithm>) -> Result<KeySet, FetchError> {
    let published = JwkSet::from_json(body).map_err(FetchError::Malformed)?;
    if published.keys.len() > MOST_KEYS {
        return Err(FetchError::TooManyKeys { max: MOST_KEYS });
    }
    published.key_set(unnamed).map_err(FetchError::Keys)
}
