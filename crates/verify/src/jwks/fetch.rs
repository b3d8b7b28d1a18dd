//! Fetches the keys of an issuer: finds the key set through the metadata, downloads it and parses it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, Time, digest};

use crate::http_client::client::HttpClient;
use crate::http_client::error::HttpError;
use crate::http_client::url::HttpUrl;
use crate::jwks::discovery;
use crate::jwks::error::{FetchError, RemoteVerifierError};
use crate::jwks::options::{JwksOptions, KeySource};
use crate::token::builder::TokenVerifierBuilder;

/// The most keys of one issuer. A lookup compares the key id of a token with each of them.
const MAX_KEYS: usize = 100;

/// How long a discovered `jwks_uri` is used before the metadata is fetched again.
const DISCOVERY_TTL: Duration = Duration::from_secs(24 * 3600);

/// Keys as fetched.
pub(crate) struct FetchedKeys {
    pub(crate) keys: KeySet,
    /// The SHA-256 of the document; the same digest means that nothing has changed.
    pub(crate) digest: [u8; 32],
    /// How long the keys are fresh, if the issuer says so.
    pub(crate) fresh_for: Option<Duration>,
}

/// Fetches the keys of one issuer.
pub(crate) struct JwksClient {
    client: HttpClient,
    issuer: Arc<str>,
    source: FetchSource,
    /// The algorithms of the keys that are kept.
    algorithms: Vec<Algorithm>,
    /// For all documents of one fetch together.
    timeout: Duration,
}

enum FetchSource {
    /// The metadata is at one of these URLs. The last discovered `jwks_uri` is kept with the time of its
    /// discovery.
    Discovery {
        metadata_urls: Box<[HttpUrl; 2]>,
        discovered: Option<(HttpUrl, Time)>,
    },
    Url(HttpUrl),
}

impl JwksClient {
    /// A client for the issuer of `tokens`.
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
                discovered: None,
            },
        };
        let first_url = match &source {
            FetchSource::Url(url) => url,
            FetchSource::Discovery { metadata_urls, .. } => &metadata_urls[0],
        };
        let client = HttpClient::for_url(first_url, &options.roots)?;
        let (issuer, algorithms) = (tokens.issuer.as_str().into(), tokens.algorithms.clone());
        Ok(Self { client, issuer, source, algorithms, timeout: options.timeout })
    }

    /// Fetches the keys. After a failure the next fetch reads the metadata again. `announced` is the hash of the key set if
    /// the revocation feed has announced one: the URL contains it, so that no cache answers with an older set.
    ///
    /// # Errors
    ///
    /// The documents cannot be fetched, are malformed, or are for another issuer.
    pub(crate) async fn fetch(
        &mut self,
        announced: Option<&str>,
        now: Time,
    ) -> Result<FetchedKeys, FetchError> {
        let fetched = timeout(self.timeout, self.discover_and_fetch(announced, now)).await;
        let fetched = fetched.unwrap_or(Err(HttpError::TimedOut.into()));
        if let (Err(_), FetchSource::Discovery { discovered, .. }) = (&fetched, &mut self.source) {
            *discovered = None;
        }
        fetched
    }

    async fn discover_and_fetch(
        &mut self,
        announced: Option<&str>,
        now: Time,
    ) -> Result<FetchedKeys, FetchError> {
        let mut url = self.jwks_url(now).await?;
        if let Some(hash) = announced {
            url = url.with_parameter("v", hash).map_err(FetchError::JwksUri)?;
        }
        let response = self.client.get_json(&url).await?;
        let keys = parse_keys(&response.body, &self.algorithms)?;
        Ok(FetchedKeys { keys, digest: digest::sha256(&response.body), fresh_for: response.fresh_for })
    }

    async fn jwks_url(&mut self, now: Time) -> Result<HttpUrl, FetchError> {
        let (metadata_urls, discovered) = match &mut self.source {
            FetchSource::Url(url) => return Ok(url.clone()),
            FetchSource::Discovery { metadata_urls, discovered } => (metadata_urls, discovered),
        };
        if let Some((url, discovered_at)) = discovered
            && now.since(*discovered_at) < DISCOVERY_TTL
        {
            return Ok(url.clone());
        }
        let url = discover(&self.client, metadata_urls, &self.issuer).await?;
        *discovered = Some((url.clone(), now));
        Ok(url)
    }
}

/// Reads the `jwks_uri` from the metadata. The second URL is tried only if there is no metadata at the first;
/// invalid metadata is an error.
async fn discover(client: &HttpClient, urls: &[HttpUrl; 2], issuer: &str) -> Result<HttpUrl, FetchError> {
    let [first, second] = urls;
    let response = match client.get_json(first).await {
        Err(HttpError::Status(_) | HttpError::ContentType | HttpError::Redirect(_)) => {
            client.get_json(second).await
        }
        other => other,
    };
    discovery::jwks_url(&response?.body, issuer, first)
}

/// Parses a key set. An empty set is valid: an issuer publishes it when it trusts none of its keys.
fn parse_keys(body: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, FetchError> {
    let published = JwkSet::from_json(body).map_err(FetchError::Malformed)?;
    if published.keys.len() > MAX_KEYS {
        return Err(FetchError::TooManyKeys { max: MAX_KEYS });
    }
    Ok(published.to_key_set(algorithms))
}
