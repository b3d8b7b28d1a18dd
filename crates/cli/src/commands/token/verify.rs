//! `counterfoil token verify`: verifies an access token with the keys and revocations of the issuer on this machine, or with
//! the keys of another issuer, a key set or a secret.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use counterfoil::{App, operator};
use counterfoil_jose::{Algorithm, JwkSet, KeySet, Secret, VerifyingKey, unverified};
use counterfoil_verify::{
    AuthError, Clock as _, JwksOptions, Principal, RemoteVerifier, SystemClock, TokenVerifier,
    TokenVerifierBuilder,
};
use serde_json::Value;

use crate::admin_client::{AdminConnection, store_settings};
use crate::commands::token::read_token;
use crate::commands::token::report::VerificationReport;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::input_file::{read_bytes, without_newline};
use crate::standard_input::display_name;

/// The placeholder for an issuer or an audience that is not checked.
const ANY: &str = "any";

/// The most bytes of a key set or a secret.
const MAX_FILE_LENGTH: u64 = 1024 * 1024;

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
    /// The key set: a file, `-` for standard input, or a URL. Without this option, --issuer and --secret-file, the token is
    /// verified by the server in the data directory, with its keys and its revocations [default: fetched from the issuer
    /// that --issuer sets].
    #[arg(long, value_name = "FILE|URL", conflicts_with = "secret_file")]
    jwks: Option<String>,
    /// The file with the bytes of a shared secret, or `-` for standard input; one trailing newline is removed.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// An accepted audience; may be given several times [default: that of --issuer, or any].
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
    _settings: StoreOptions,
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
    pub(crate) async fn run(mut self, configuration: &Configuration) -> Result<(), CliError> {
        let files = [Some(&self.token), self.jwks.as_ref(), self.secret_file.as_ref()];
        if files.into_iter().flatten().filter(|file| *file == "-").count() > 1 {
            return Err(CliError::usage("only one of the token and the key can be read from standard input"));
        }
        let token = read_token(&self.token)?;
        if self.has_no_keys() && self.algorithms.is_empty() && !self.foreign {
            return self.verify_on_this_machine(configuration, &token).await;
        }
        if self.algorithms.is_empty() {
            self.algorithms = match self.secret_file {
                Some(_) => vec![Algorithm::Hs256],
                None => Algorithm::ASYMMETRIC.to_vec(),
            };
        }
        let issuer = self.issuer.as_deref();
        let builder = self.builder(issuer);
        let verified_with = self.key_source_name(issuer);
        let result = match self.keys(issuer, &token)? {
            KeySource::Local(keys) => {
                let verifier = builder.build(keys).map_err(|error| CliError::usage(error.to_string()))?;
                verifier.verify(&token, SystemClock::new().now())
            }
            KeySource::Remote(options) => verify_with_remote_keys(builder, options, &token).await?,
        };
        let (not_checked, accepts_foreign) = (self.not_checked(issuer), self.foreign);
        let result = result.into();
        let token = &*token;
        VerificationReport { configuration, result, token, verified_with, not_checked, accepts_foreign }
            .print(self.json)
    }

    fn has_no_keys(&self) -> bool {
        self.issuer.is_none() && self.jwks.is_none() && self.secret_file.is_none()
    }

    /// Has the server of the data directory verify the token, or opens its store if it does not run.
    async fn verify_on_this_machine(
        &self,
        configuration: &Configuration,
        token: &str,
    ) -> Result<(), CliError> {
        let connection = match AdminConnection::open(configuration, false).await {
            Ok(connection) => connection,
            Err(error) if App::store_exists(&store_settings(configuration)?) => return Err(error),
            Err(_) => return Err(no_key()),
        };
        let dir = configuration.data_dir.display();
        let verified_with = match &connection {
            AdminConnection::Server(_) => format!("the keys and revocations of the server in {dir}"),
            AdminConnection::Local(_) | AdminConnection::Temporary(..) => {
                format!("the keys and revocations of the store in {dir}")
            }
        };
        let token_and_audiences = operator::Command::TokenVerify {
            token: Secret::new(token.to_owned()),
            audiences: self.audiences.clone(),
        };
        let result = connection.execute(token_and_audiences).await;
        connection.close().await?;
        let not_checked = if self.audiences.is_empty() { vec!["audience"] } else { Vec::new() };
        let result = result?;
        let accepts_foreign = false;
        VerificationReport { configuration, result, token, verified_with, not_checked, accepts_foreign }
            .print(self.json)
    }

    /// Where the keys come from, for the report.
    fn key_source_name(&self, issuer: Option<&str>) -> String {
        match (&self.jwks, &self.secret_file) {
            (Some(keys), _) => format!("the key set {keys}"),
            (None, Some(file)) => format!("the secret in {}", display_name(Path::new(file))),
            (None, None) => format!("the keys of {}", issuer.unwrap_or(ANY)),
        }
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
            (None, None, None) => Err(no_key()),
        }
    }

    fn read_key_set(&self, file: &str) -> Result<KeySet, CliError> {
        let cannot_use = |error: &(dyn std::error::Error + 'static)| {
            CliError::with_cause(&format!("cannot use the key set {file}"), error)
        };
        let text = read_bytes(Path::new(file), MAX_FILE_LENGTH)?;
        let published = JwkSet::from_json(text.expose()).map_err(|error| cannot_use(&error))?;
        Ok(published.to_key_set(&self.algorithms))
    }

    /// A key set of only the secret. It gets the id that the token names, which selects nothing as there is no other key.
    fn read_secret(&self, file: &str, token: &str) -> Result<KeySet, CliError> {
        let cannot_use = |error: &(dyn std::error::Error + 'static)| {
            CliError::with_cause(&format!("cannot use the secret in {file}"), error)
        };
        let content = read_bytes(Path::new(file), MAX_FILE_LENGTH)?;
        let secret = without_newline(content.expose());
        let header = unverified::decode(token).map(|token| token.header).unwrap_or_default();
        let kid = header.get("kid").and_then(Value::as_str).unwrap_or("secret");
        let [algorithm] = self.algorithms.as_slice() else {
            return Err(CliError::usage("--secret-file allows only one --algorithm"));
        };
        let key = VerifyingKey::from_secret(*algorithm, kid, secret);
        KeySet::new([key.map_err(|error| cannot_use(&error))?]).map_err(|error| cannot_use(&error))
    }
}

fn no_key() -> CliError {
    CliError::usage("there is no key to verify the token with, and no store of an issuer in the data directory").with_hint(
        "give --issuer URL, --jwks FILE|URL or --secret-file FILE; on the machine of the issuer, --data-dir DIR",
    )
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
