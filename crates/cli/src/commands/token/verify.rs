//! `counterfoil token verify`: accepted or why not, against an issuer, a key set or a secret.

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

use crate::commands::token::text_of;
use crate::commands::token::verdict::Verdict;
use crate::fault::Fault;

/// What stands for an issuer or an audience that is not judged.
const ANY: &str = "any";

/// The longest life that a token of ours can have. That of a foreign one is shown, not judged.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Which token, and by what it is judged.
#[derive(Args)]
pub(crate) struct Verify {
    /// The token, or `-` for standard input, which no other process can see.
    token: String,
    /// The public keys: a file, or a URL. Without it those of the issuer that --issuer names are fetched.
    #[arg(long, value_name = "FILE|URL", conflicts_with = "secret_file")]
    jwks: Option<String>,
    /// The shared secret, as it is; one newline at its end is cut.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// Whom it is to be for; may be given more than once. The issuer itself if there is one and none is given.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// Which algorithm is allowed; may be given more than once. Every public one unless said otherwise, and HS256
    /// for a secret.
    #[arg(long = "algorithm", value_name = "ALGORITHM")]
    algorithms: Vec<Algorithm>,
    /// Takes tokens of other issuers: without our own claims, and whose type is JWT or not said.
    #[arg(long)]
    foreign: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// From where the keys come.
enum Keys {
    Fetched(JwksOptions),
    AtHand(KeySet),
}

impl Verify {
    /// Judges the token, and tells. Exit status 0 only where it is accepted.
    pub(crate) async fn run(mut self, issuer: Option<&str>) -> Result<(), Fault> {
        let token = text_of(std::mem::take(&mut self.token))?;
        if self.algorithms.is_empty() {
            self.algorithms = match self.secret_file {
                Some(_) => vec![Algorithm::Hs256],
                None => Algorithm::ASYMMETRIC.to_vec(),
            };
        }
        let builder = self.builder(issuer);
        let judged = match self.keys(issuer, &token)? {
            Keys::AtHand(keys) => {
                let verifier = builder.build(keys).map_err(|error| Fault::usage(error.to_string()))?;
                verifier.verify(&token, SystemClock::new().now())
            }
            Keys::Fetched(follow) => fetched(builder, follow, &token).await?,
        };
        Verdict { judged, token: &token, not_judged: self.not_judged(issuer) }.tell(self.json)
    }

    /// What is asked of the token: all that is known to ask for.
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
        builder.max_lifetime(if self.foreign { Duration::MAX } else { LONGEST })
    }

    /// What nobody asked for, so that nobody takes it for judged.
    fn not_judged(&self, issuer: Option<&str>) -> Vec<&'static str> {
        let open = [
            ("issuer", issuer.is_none()),
            ("audience", issuer.is_none() && self.audiences.is_empty()),
            ("type", self.foreign),
            ("lifetime", self.foreign),
            ("revocations", true),
        ];
        open.into_iter().filter(|(_, is_open)| *is_open).map(|(name, _)| name).collect()
    }

    fn keys(&self, issuer: Option<&str>, token: &str) -> Result<Keys, Fault> {
        match (&self.jwks, &self.secret_file, issuer) {
            (Some(at), _, _) if at.starts_with("https://") || at.starts_with("http://") => {
                let follow = JwksOptions::from_url(at).map_err(|error| {
                    Fault::because("the keys cannot be fetched from there", &error)
                        .hint("https, or http on this machine")
                })?;
                Ok(Keys::Fetched(follow))
            }
            (Some(file), _, _) => self.key_file(file).map(Keys::AtHand),
            (None, Some(file), _) => self.secret(file, token).map(Keys::AtHand),
            (None, None, Some(_)) => Ok(Keys::Fetched(JwksOptions::from_discovery())),
            (None, None, None) => Err(Fault::usage("there is nothing to verify the token with")
                .hint("give --issuer URL, --jwks FILE|URL or --secret-file FILE")),
        }
    }

    fn key_file(&self, file: &str) -> Result<KeySet, Fault> {
        let fault = |error: &(dyn std::error::Error + 'static)| {
            Fault::because(&format!("the key set {file} cannot be used"), error)
        };
        let text = fs::read(Path::new(file)).map_err(|error| fault(&error))?;
        let unnamed = match self.algorithms.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let published = JwkSet::from_json(&text).map_err(|error| fault(&error))?;
        published.to_key_set(unnamed).map_err(|error| fault(&error))
    }

    /// The secret, under the id that the token names: that chooses nothing where there is one key.
    fn secret(&self, file: &str, token: &str) -> Result<KeySet, Fault> {
        let fault = |error: &(dyn std::error::Error + 'static)| {
            Fault::because(&format!("the secret in {file} cannot be used"), error)
        };
        let mut secret = fs::read(Path::new(file)).map_err(|error| fault(&error))?;
        if secret.ends_with(b"\n") {
            secret.pop();
        }
        let secret = Secret::new(secret);
        let header = unverified::decode(token).map(|seen| seen.header).unwrap_or_default();
        let kid = header.get("kid").and_then(Value::as_str).unwrap_or("secret");
        let [algorithm] = self.algorithms.as_slice() else {
            return Err(Fault::usage("a secret is for one algorithm"));
        };
        let key = VerifyingKey::from_secret(*algorithm, kid, secret.expose());
        KeySet::new([key.map_err(|error| fault(&error))?]).map_err(|error| fault(&error))
    }
}

/// Judges it by keys that have to be fetched.
async fn fetched(
    builder: TokenVerifierBuilder,
    follow: JwksOptions,
    token: &str,
) -> Result<Result<Principal, AuthError>, Fault> {
    let verifier = RemoteVerifier::start(builder, follow).map_err(|error| Fault::of(&error))?;
    match verifier.wait_for_first_fetch().await.last_error {
        Some(error) => Err(Fault::because("the keys were not fetched", &*error)),
        None => Ok(verifier.verify(token).await),
    }
}
