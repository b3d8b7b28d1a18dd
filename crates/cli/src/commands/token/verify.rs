//! `counterfoil token verify`: verifies an access token with the keys of an issuer, a key set or a secret.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use counterfoil_jose::{Algorithm, JwkSet, KeySet, Secret, VerifyingKey, unverified};
use counterfoil_verify::{
    AuthError, Clock as _, JwksOptions, Principal, RemoteVerifier, SystemClock, TokenVerifier,
    TokenVerifierBuilder,
};
use serde_json::Value;

use crate::commands::token::read_token;
use crate::commands::token::report::VerificationReport;
use crate::configuration::flags::LogOptions;
use crate::error::CliError;

/// The placeholder for an issuer or an audience that is not checked.
const ANY: &str = "any";

/// The longest lifetime of our tokens. That of a foreign token is shown, but not checked.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The options of `token verify`.
#[derive(Args)]
pub(crate) struct VerifyOptions {
    /// The token, or `-` for standard input, which other processes cannot see.
    token: String,
    /// The expected issuer [default: any].
    #[arg(long = "issuer", id = "expected_issuer", value_name = "URL")]
    issuer: Option<String>,
    /// The key set: a file or a URL [default: fetched from the issuer that --issuer sets].
    #[arg(long, value_name = "FILE|URL", conflicts_with = "secret_file")]
    jwks: Option<String>,
    /// The file with the bytes of a shared secret; one trailing newline is removed.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// An accepted audience; may be given several times [default: the issuer].
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// An accepted algorithm; may be given several times [default: all asymmetric ones; HS256 with --secret-file].
    #[arg(long = "algorithm", value_name = "ALGORITHM")]
    algorithms: Vec<Algorithm>,
    /// Accept tokens of other issuers: our own claims are not required, and the type may be JWT or missing.
    #[arg(long)]
    foreign: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: LogOptions,
}

/// Where the keys are.
enum KeySource {
    /// Fetched over HTTP.
    Remote(JwksOptions),
    /// Read from a file.
    Local(KeySet),
}

impl VerifyOptions {
    /// Verifies the token and prints the result. The exit status is 0 only if the token is accepted.
    pub(crate) async fn run(mut self) -> Result<(), CliError> {
        let token = read_token(std::mem::take(&mut self.token))?;
        if self.algorithms.is_empty() {
            self.algorithms = match self.secret_file {
                Some(_) => vec![Algorithm::Hs256],
                None => Algorithm::ASYMMETRIC.to_vec(),
            };
        }
        let issuer = self.issuer.as_deref();
        let builder = self.builder(issuer);
        let result = match self.keys(issuer, &token)? {
            KeySource::Local(keys) => {
                let verifier = builder.build(keys).map_err(|error| CliError::usage(error.to_string()))?;
                verifier.verify(&token, SystemClock::new().now())
            }
            KeySource::Remote(options) => verify_with_remote_keys(builder, options, &token).await?,
        };
        let (not_checked, accepts_foreign) = (self.not_checked(issuer), self.foreign);
        VerificationReport { result, token: &token, not_checked, accepts_foreign }.print(self.json)
    }

    /// A verifier that checks as much as the options allow.
    fn builder(&self, issuer: Option<&str>) -> TokenVerifierBuilder {
        let first = self.audiences.first().map(String::as_str).or(issuer);
        let mut builder =
            TokenVerifier::builder(issuer.unwrap_or(ANY), first.unwrap_or(ANY), &self.algorithms);
        builder =
            self.audiences.iter().skip(1).fold(builder, |builder, more| builder.additional_audience(more));
        if issuer.is_none() {
            builder = builder.danger_accept_any_issuer();
        }
        if first.is_none() {
            builder = builder.danger_accept_any_audience();
        }
        if self.foreign {
            builder = builder.danger_accept_foreign_claims().danger_accept_untyped();
        }
        builder.max_lifetime(if self.foreign { Duration::MAX } else { MAX_LIFETIME })
    }

    /// What is not checked, so that the result is not mistaken for more than it is.
    fn not_checked(&self, issuer: Option<&str>) -> Vec<&'static str> {
        let unchecked = [
            ("issuer", issuer.is_none()),
            ("audience", issuer.is_none() && self.audiences.is_empty()),
            ("type", self.foreign),
            ("lifetime", self.foreign),
            ("revocations", true),
        ];
        unchecked.into_iter().filter(|(_, is_unchecked)| *is_unchecked).map(|(name, _)| name).collect()
    }

    fn keys(&self, issuer: Option<&str>, token: &str) -> Result<KeySource, CliError> {
        match (&self.jwks, &self.secret_file, issuer) {
            (Some(url), _, _) if url.starts_with("https://") || url.starts_with("http://") => {
                let options = JwksOptions::from_url(url).map_err(|error| {
                    CliError::with_cause("the keys cannot be fetched from this URL", &error)
                        .with_hint("use https, or http on loopback")
                })?;
                Ok(KeySource::Remote(options))
            }
            (Some(file), _, _) => self.read_key_set(file).map(KeySource::Local),
            (None, Some(file), _) => self.read_secret(file, token).map(KeySource::Local),
            (None, None, Some(_)) => Ok(KeySource::Remote(JwksOptions::from_discovery())),
            (None, None, None) => Err(CliError::usage("there is no key to verify the token with")
                .with_hint("give --issuer URL, --jwks FILE|URL or --secret-file FILE")),
        }
    }

    fn read_key_set(&self, file: &str) -> Result<KeySet, CliError> {
        let cannot_use = |error: &(dyn std::error::Error + 'static)| {
            CliError::with_cause(&format!("cannot use the key set {file}"), error)
        };
        let text = fs::read(Path::new(file)).map_err(|error| cannot_use(&error))?;
        let published = JwkSet::from_json(&text).map_err(|error| cannot_use(&error))?;
        Ok(published.to_key_set(&self.algorithms))
    }

    /// A key set of only the secret. It gets the id that the token names, which selects nothing as there is no other key.
    fn read_secret(&self, file: &str, token: &str) -> Result<KeySet, CliError> {
        let cannot_use = |error: &(dyn std::error::Error + 'static)| {
            CliError::with_cause(&format!("cannot use the secret in {file}"), error)
        };
        let mut secret = fs::read(Path::new(file)).map_err(|error| cannot_use(&error))?;
        if secret.ends_with(b"\n") {
            secret.pop();
        }
        let secret = Secret::new(secret);
        let header = unverified::decode(token).map(|token| token.header).unwrap_or_default();
        let kid = header.get("kid").and_then(Value::as_str).unwrap_or("secret");
        let [algorithm] = self.algorithms.as_slice() else {
            return Err(CliError::usage("--secret-file allows only one --algorithm"));
        };
        let key = VerifyingKey::from_secret(*algorithm, kid, secret.expose());
        KeySet::new([key.map_err(|error| cannot_use(&error))?]).map_err(|error| cannot_use(&error))
    }
}

/// Fetches the keys, then verifies the token with them.
async fn verify_with_remote_keys(
    builder: TokenVerifierBuilder,
    options: JwksOptions,
    token: &str,
) -> Result<Result<Principal, AuthError>, CliError> {
    let verifier = RemoteVerifier::start(builder, options).map_err(|error| CliError::from_error(&error))?;
    match verifier.wait_for_first_fetch().await.last_error {
        Some(error) => Err(CliError::with_cause("cannot fetch the keys", &*error)),
        None => Ok(verifier.verify(token).await),
    }
}
