//! A small resource server: answers 200, 401 or 503 to a bearer token, verified in one of three ways.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use counterfoil_jose::Algorithm;
use counterfoil_verify::{AuthError, FeedOptions, JwksOptions, RemoteVerifier, TokenVerifier};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::feed::follower::ISSUER;
use crate::http::Request;
use crate::load::AsyncConnection;

/// The environment variable that makes a process a verifier: its [`VerifierConfig`] as JSON.
pub const CONFIG_VARIABLE: &str = "FEED_SCENARIO_VERIFIER";

/// What a verifier process writes before its address.
pub(crate) const LISTENS_ON: &str = "verifier listens on ";

/// How a verifier learns of revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// It follows the feed.
    Feed,
    /// It asks the issuer at each request (RFC 7662).
    Introspection,
    /// It verifies the signature and the claims only.
    SignatureOnly,
}

/// A verifier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerifierConfig {
    /// The address of the issuer.
    pub issuer: SocketAddr,
    /// The audience of the tokens.
    pub audience: String,
    /// The verifier key.
    pub key: String,
    /// How it learns of revocations.
    pub method: Method,
}

/// Serves as a verifier if the environment says so, until standard input ends. Returns at once otherwise.
///
/// # Errors
///
/// If it cannot serve.
pub fn serve_if_configured() -> Result<bool> {
    let Ok(config) = std::env::var(CONFIG_VARIABLE) else { return Ok(false) };
    let config: VerifierConfig = serde_json::from_str(&config)?;
    // The process that started this one has ended.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(config))?;
    Ok(true)
}

async fn serve(config: VerifierConfig) -> Result<()> {
    let verifier = start(&config)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{LISTENS_ON}{}", listener.local_addr()?)?;
    stdout.flush()?;
    let config = Arc::new(config);
    loop {
        let (stream, _) = listener.accept().await?;
        let (verifier, config) = (verifier.clone(), Arc::clone(&config));
        // An error ends the connection; its client notices.
        tokio::spawn(async move { serve_connection(stream, &verifier, &config).await });
    }
}

/// The verifier of the library, as a resource server starts it. The issuer is reached at an address of its own.
fn start(config: &VerifierConfig) -> Result<RemoteVerifier> {
    let base = format!("http://{}", config.issuer);
    let tokens = TokenVerifier::builder(ISSUER, &config.audience, &[Algorithm::Es256]);
    let keys = JwksOptions::from_url(&format!("{base}/.well-known/jwks.json"))?;
    let verifier = RemoteVerifier::builder(tokens).jwks(keys);
    let verifier = match config.method {
        Method::Feed => verifier.feed(FeedOptions::new(&config.key).base_url(&base)?),
        Method::Introspection | Method::SignatureOnly => verifier,
    };
    Ok(verifier.start()?)
}

async fn serve_connection(
    stream: TcpStream,
    verifier: &RemoteVerifier,
    config: &VerifierConfig,
) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut issuer = AsyncConnection::new(config.issuer);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let token = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
        let token = token.context("a request without a token")?;
        let status = match verifier.verify(token).await {
            Ok(_) if config.method == Method::Introspection => {
                introspect(&mut issuer, &config.key, token).await
            }
            Ok(_) => 200,
            Err(AuthError::InvalidCredential(_)) => 401,
            Err(_) => 503,
        };
        let response = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\n\r\n");
        stream.get_mut().write_all(response.as_bytes()).await?;
    }
}

/// Asks the issuer whether the token is active.
async fn introspect(issuer: &mut AsyncConnection, key: &str, token: &str) -> u16 {
    let form = format!("token={token}");
    let request = Request::post("/oauth/introspect").bearer(key);
    match issuer.send(&request.body("application/x-www-form-urlencoded", &form)).await {
        Ok(response) if response.status == 200 => {
            if response.json()["active"] == true {
                200
            } else {
                401
            }
        }
        Ok(_) | Err(_) => 503,
    }
}
