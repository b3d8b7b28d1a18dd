//! The process whose instructions are counted: a server and its client in one thread.

use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use counterfoil::{App, ClockReading, Settings, StoreUrl, WriteRateLimits};
use counterfoil_jose::Time;
use counterfoil_load::client::requests::{get, post};

use crate::memory_connection::MemoryConnection;
use crate::server;

/// The address in the requests, and in the issuer. The requests reach the server in memory.
const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 3000);

/// The file in the directory of a store, with one session token in each line.
pub(crate) const SESSION_TOKENS: &str = "session-tokens";
/// The file in the directory of a store, with one access token in each line.
const ACCESS_TOKENS: &str = "access-tokens";
/// The file in the directory of a store, with the token of the first session for [`HOST`].
const HOST_TOKEN: &str = "host-token";
/// The store in its directory.
pub(crate) const STORE: &str = "counterfoil.db";

/// What a proxy says of the request that it asks about.
const FORWARDED: &str = "\r\nx-forwarded-method: GET\r\nx-forwarded-proto: http\r\nx-forwarded-host: 127.0.0.1:3000\r\n\
                         x-forwarded-uri: /orders?page=2";

/// A guarded host that does not get the cookies of the issuer.
const HOST: &str = "app.example";

/// The state of a login there.
const STATE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// How many seconds the server counts as one.
const SLOWNESS: u32 = 1_000;

/// Which requests are counted.
#[derive(Args)]
pub(crate) struct Options {
    /// The directory with the store and its credentials.
    dir: PathBuf,
    /// The route.
    #[arg(value_enum)]
    route: Route,
    /// The credential of each request.
    #[arg(value_enum)]
    credential: Credential,
    /// The number of credentials that the requests present in turn.
    credentials: usize,
    /// The number of requests.
    requests: usize,
}

/// A route of the measured server.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Route {
    /// Without authentication.
    Bare,
    /// Without authentication, behind a layer that does nothing: what any layer costs.
    Layered,
    /// With Counterfoil's layer and extractor.
    Protected,
    /// Without authentication, for a request with the headers of a proxy.
    BareForwarded,
    /// Forward authentication, for the same request.
    ForwardAuth,
}

impl Route {
    /// The path, and the header lines of a proxy.
    const fn request_parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Bare => ("/bare", ""),
            Self::Layered => ("/layered", ""),
            Self::Protected => ("/protected", ""),
            Self::BareForwarded => ("/bare", FORWARDED),
            Self::ForwardAuth => ("/v1/verify/nginx", FORWARDED),
        }
    }

    /// How its responses end: the body, or the end of the header of one without a body.
    const fn end_of_response(self) -> &'static str {
        match self {
            Self::ForwardAuth => "\r\n\r\n",
            Self::Bare | Self::Layered | Self::Protected | Self::BareForwarded => server::BODY,
        }
    }
}

/// A kind of credential.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Credential {
    /// A session token in a cookie.
    Session,
    /// An access token in the `Authorization` header.
    Jwt,
    /// The same, and each token is presented for the first time.
    UnseenJwt,
    /// A token for a guarded host, in a cookie of that host.
    HostToken,
}

/// Opens the store, and presents each credential once, but only one of the tokens that must be unseen. Prints `ready`, and sends
/// the counted requests after one line of standard input. Then prints `done`, and ends with standard input.
pub(crate) fn run(options: &Options) -> Result<()> {
    run_on_one_thread(async {
        let app = open(&options.dir).await?;
        let mut connection = MemoryConnection::serve(server::router(&app));
        let requests = read_requests(options)?;
        let known = if options.credential == Credential::UnseenJwt { 1 } else { requests.len() };
        for request in &requests[..known] {
            send(&mut connection, options.route, request).await?;
        }
        let requests = if known < requests.len() { &requests[known..] } else { &requests[..] };
        // The credentials follow the last one of the warm-up, so each was presented the longest time ago.
        wait_after("ready")?;
        for request in requests.iter().cycle().take(options.requests) {
            send(&mut connection, options.route, request).await?;
        }
        wait_after("done")?;
        Ok(app.close().await?)
    })
}

/// Creates the access tokens of the session tokens in `dir`.
pub(crate) fn issue_access_tokens(dir: &Path) -> Result<()> {
    run_on_one_thread(async {
        let app = open(dir).await?;
        let mut connection = MemoryConnection::serve(server::router(&app));
        let mut tokens = String::new();
        for session_token in fs::read_to_string(dir.join(SESSION_TOKENS))?.lines() {
            let bearer = format!("authorization: Bearer {session_token}");
            let response = connection.send(&post(ADDRESS.into(), "/v1/token", &bearer, "{}")).await?;
            let token = response.json_string("access_token");
            tokens += token.with_context(|| format!("/v1/token answered {}", response.status))?;
            tokens.push('\n');
        }
        fs::write(dir.join(ACCESS_TOKENS), tokens)?;
        Ok(app.close().await?)
    })
}

/// Logs the first session of `dir` in at the guarded host.
pub(crate) fn issue_host_token(dir: &Path) -> Result<()> {
    run_on_one_thread(async {
        let app = open(dir).await?;
        let mut connection = MemoryConnection::serve(server::router(&app));
        let sessions = fs::read_to_string(dir.join(SESSION_TOKENS))?;
        let session = sessions.lines().next().context("the store has no session")?;

        let path = format!("/v1/host-login?host={HOST}&state={STATE}&return_to=%2F");
        let cookie = format!("cookie: counterfoil-session={session}");
        let issued = connection.send_and_read(&get(ADDRESS.into(), &path, &cookie)).await?;
        let callback = text_between(&issued, &format!("location: http://{HOST}"), "\r\n")?;
        let lines = format!(
            "cookie: counterfoil-forward-state={STATE}\r\nx-forwarded-proto: http\r\nx-forwarded-host: {HOST}"
        );
        let done = connection.send_and_read(&get(ADDRESS.into(), callback, &lines)).await?;
        let token = text_between(&done, "set-cookie: counterfoil-forward=", ";")?;
        fs::write(dir.join(HOST_TOKEN), token)?;
        Ok(app.close().await?)
    })
}

fn text_between<'a>(text: &'a str, start: &str, end: &str) -> Result<&'a str> {
    let found = text.split_once(start).and_then(|(_, rest)| rest.split_once(end));
    found.map(|(found, _)| found).with_context(|| format!("no {start} in {text}"))
}

fn run_on_one_thread(future: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// Opens the store, without background jobs, because their instructions are not the requests'.
async fn open(dir: &Path) -> Result<App> {
    let issuer = format!("http://{}", SocketAddr::from(ADDRESS));
    let mut settings = Settings::new(issuer.parse()?, StoreUrl::Sqlite(dir.join(STORE)));
    // One client sends the requests of thousands.
    settings.write_rate_limits = WriteRateLimits::off();
    settings.forward_auth.hosts = vec![HOST.parse()?];
    // Under valgrind there is no vDSO, where the program's own clock looks for its function. The time passes slowly, because
    // a session whose last use was a minute ago is written, and under valgrind the warm-up alone takes a minute.
    let started = Instant::now();
    let started_wall = Time::EPOCH + SystemTime::now().duration_since(UNIX_EPOCH)?;
    let read_clocks = move || {
        let uptime = started.elapsed() / SLOWNESS;
        ClockReading { wall: started_wall + uptime, uptime }
    };
    Ok(App::open_with_clock(settings, read_clocks).await?)
}

fn read_requests(options: &Options) -> Result<Vec<Vec<u8>>> {
    let (path, forwarded) = options.route.request_parts();
    let mut forwarded = forwarded.to_owned();
    let (file, header) = match options.credential {
        Credential::Session => (SESSION_TOKENS, "cookie: counterfoil-session="),
        Credential::Jwt | Credential::UnseenJwt => (ACCESS_TOKENS, "authorization: Bearer "),
        Credential::HostToken => {
            forwarded = forwarded.replace("127.0.0.1:3000", HOST);
            (HOST_TOKEN, "cookie: counterfoil-forward=")
        }
    };
    let tokens = fs::read_to_string(options.dir.join(file))?;
    let request = |token| get(ADDRESS.into(), path, &format!("{header}{token}{forwarded}"));
    let requests: Vec<_> = tokens.lines().take(options.credentials).map(request).collect();
    ensure!(requests.len() == options.credentials, "{file} has only {} credentials", requests.len());
    Ok(requests)
}

async fn send(connection: &mut MemoryConnection, route: Route, request: &[u8]) -> Result<()> {
    let end = route.end_of_response().as_bytes();
    connection.send_until(request, |received| received.ends_with(end)).await
}

/// Prints `state`, and waits for a line of standard input or for its end.
fn wait_after(state: &str) -> Result<()> {
    println!("{state}");
    io::stdout().flush()?;
    match io::stdin().lock().read_line(&mut String::new()) {
        Ok(_) => Ok(()),
        Err(error) => bail!("cannot read standard input: {error}"),
    }
}
