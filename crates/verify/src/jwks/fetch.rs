//! What to fetch, and what to make of it: from an issuer's documents to keys.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, Time, digest};

use crate::jwks::discovery;
use crate::jwks::error::{FetchError, RemoteVerifierError};
use crate::jwks::http_client::HttpClient;
use crate::jwks::options::{JwksOptions, KeySource};
use crate::jwks::url::JwksUrl;
use crate::token::builder::TokenVerifierBuilder;

/// The most keys of one issuer. A token is compared with each of them.
const MAX_KEYS: usize = 100;

/// For how long a discovered url is believed without asking again.
const DISCOVERY_TTL: Duration = Duration::from_secs(24 * 3600);

/// Keys as they were fetched.
pub(crate) struct FetchedKeys {
    pub(crate) keys: KeySet,
    /// Of the document: the same one again changes nothing.
    pub(crate) digest: [u8; 32],
    /// For how long they are fresh, if the issuer says so.
    pub(crate) fresh_for: Option<Duration>,
}

/// Fetches the keys of one issuer.
pub(crate) struct JwksClient {
    client: HttpClient,
    issuer: Arc<str>,
    source: FetchSource,
    /// The algorithm of keys that name none: the only one that is allowed, if there is only one.
    default_algorithm: Option<Algorithm>,
    /// For all that one fetch asks for, together.
    timeout: Duration,
}

enum FetchSource {
    /// By the metadata at one of these; with what they said, and when.
    Discovered {
        metadata_urls: Box<[JwksUrl; 2]>,
        cached: Option<(JwksUrl, Time)>,
    },
    Known(JwksUrl),
}

impl JwksClient {
    /// Of the issuer of `tokens`, from where `options` says.
    pub(crate) fn new(
        tokens: &TokenVerifierBuilder,
        options: &JwksOptions,
    ) -> Result<Self, RemoteVerifierError> {
        if tokens.algorithms.iter().any(|algorithm| algorithm.is_symmetric()) {
            return Err(RemoteVerifierError::SharedSecret);
        }
        let source = match &options.source {
            KeySource::Url(url) => FetchSource::Url(url.clone()),
            KeySource::Discovery => FetchSource::Discovery {
                metadata_urls: Box::new(discovery::metadata_urls(&tokens.issuer)?),
                cached: None,
            },
        };
        let first = match &source {
            FetchSource::Url(url) => url,
            FetchSource::Discovery { metadata_urls, .. } => &metadata_urls[0],
        };
        let client = HttpClient::for_url(first, &options.roots)?;
        let default_algorithm = match tokens.algorithms.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let issuer = tokens.issuer.as_str().into();
        Ok(Self { client, issuer, source, default_algorithm, timeout: options.timeout })
    }

    /// Fetches the keys. After a failure the metadata is asked again, too.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from being whole and the issuer's.
    pub(crate) async fn fetch(&mut self, now: Time) -> Result<FetchedKeys, FetchError> {
        let fetched = timeout(self.timeout, self.discover_and_fetch(now)).await;
        let fetched = fetched.unwrap_or(Err(FetchError::TimedOut));
        if let (Err(_), FetchSource::Discovery { cached, .. }) = (&fetched, &mut self.source) {
            *cached = None;
        }
        fetched
    }

    async fn discover_and_fetch(&mut self, now: Time) -> Result<FetchedKeys, FetchError> {
        let url = self.url(now).await?;
        let response = self.client.get(&url).await?;
        let keys = read_keys(&response.body, self.default_algorithm)?;
        Ok(FetchedKeys { keys, digest: digest::sha256(&response.body), fresh_for: response.fresh_for })
    }

    async fn url(&mut self, now: Time) -> Result<JwksUrl, FetchError> {
        let (metadata_urls, cached) = match &mut self.source {
            FetchSource::Url(url) => return Ok(url.clone()),
            FetchSource::Discovery { metadata_urls, cached } => (metadata_urls, cached),
        };
        if let Some((url, since)) = cached
            && now.since(*since) < DISCOVERY_TTL
        {
            return Ok(url.clone());
        }
        let url = discover(&self.client, metadata_urls, &self.issuer).await?;
        *cached = Some((url.clone(), now));
        Ok(url)
    }
}

/// Asks for the metadata where it may be. Only where there is none is the second place asked; what is
/// there and wrong stays wrong.
async fn discover(
    client: &HttpClient,
    metadata_urls: &[JwksUrl; 2],
    issuer: &str,
) -> Result<JwksUrl, FetchError> {
    let [first, second] = at;
    let response = match client.get(first).await {
        Err(FetchError::Status(_) | FetchError::ContentType | FetchError::Redirect(_)) => {
            client.get(second).await
        }
        other => other,
    };
    discovery::jwks_url(&response?.body, issuer, first)
}

/// The keys in a document. A set without any is what an issuer says that trusts none of its keys.
fn read_keys(body: &[u8], default_algorithm: Option<Algorithm>) -> Result<KeySet, FetchError> {
    let published = JwkSet::from_json(body).map_err(FetchError::Malformed)?;
    if published.keys.len() > MAX_KEYS {
        return Err(FetchError::TooManyKeys { max: MAX_KEYS });
    }
    published.key_set(default_algorithm).map_err(FetchError::InvalidKeys)
}
