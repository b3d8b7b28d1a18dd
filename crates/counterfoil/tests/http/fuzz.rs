//! Thousands of requests from a seeded mutator: none causes a 5xx status or a panic.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Request, exchange};
use crate::test_server::{PASSWORD, TestServer, text};

/// The default number of requests; `COUNTERFOIL_FUZZ` overrides it.
const DEFAULT_REQUESTS: u64 = 10_000;

/// The number of concurrent requests.
const CONCURRENT_REQUESTS: usize = 64;

/// The time within which a response must arrive.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A SplitMix64 random number generator: the same seed gives the same requests.
struct Rng(u64);

impl Rng {
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next_u64() % (end.max(1) as u64)).unwrap()
    }

    fn choose<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len());
        &of[at]
    }

    /// Flips, removes or repeats bytes, or inserts a sequence that often breaks parsers.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const PIECES: [&[u8]; 12] = [
            b"\0",
            b"\xff",
            b"\"",
            b"\\u0000",
            b"{",
            b"[[[[",
            b"1e999",
            b"null",
            b"\xf0\x9f\xa6\x80",
            b".",
            b";;;;",
            b"%00",
        ];
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 => bytes.truncate(at),
                2 => bytes.extend_from_within(at..),
                3 if !bytes.is_empty() => {
                    bytes.remove(at);
                }
                _ => {
                    let piece = *self.choose(&PIECES);
                    bytes.splice(at..at, piece.iter().copied());
                }
            }
        }
    }
}

fn seeds(session: &str, access: &str, refresh: &str) -> Vec<Request> {
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid", "transport": "cookie", "label": "x" });
    let passwords = json!({ "current_password": "wrong horse", "new_password": "another horse" });
    let browser = |request: Request| {
        let line = format!("counterfoil-session={session}; counterfoil-refresh={refresh}");
        request
            .header("cookie", line)
            .header("sec-fetch-site", "same-origin")
            .header("origin", "http://127.0.0.1")
    };
    vec![
        Request::post("/v1/register")
            .json(&json!({ "username": "bob", "password": PASSWORD, "email": "b@b" })),
        Request::post("/v1/login").json(&form),
        Request::post("/v1/refresh").json(&json!({ "refresh_token": refresh, "scope": "a b" })),
        Request::post("/v1/logout").json(&json!({ "refresh_token": "cfr_AAAAAAAAAAAAAAAAAAAAAA.0.AAAA" })),
        Request::get("/v1/me").bearer(session),
        Request::get("/v1/me").bearer(access),
        browser(Request::get("/v1/me")),
        Request::post("/v1/token").bearer(access).json(&json!({ "audience": "https://a", "scope": "a b" })),
        Request::get("/v1/sessions?limit=3&after=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").bearer(session),
        Request::new("DELETE", "/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA").bearer(access),
        Request::new("DELETE", "/v1/sessions?except=maybe").bearer(session),
        Request::get("/v1/session/data").bearer(session),
        Request::new("PATCH", "/v1/session/data")
            .bearer(session)
            .json(&json!({ "a": { "b": [1, null] } }))
            .header("if-match", "\"1\""),
        Request::post("/v1/password").bearer(session).json(&passwords),
        browser(Request::post("/v1/refresh")),
        Request::get("/.well-known/jwks.json"),
        Request::get("/openapi.json"),
    ]
}

fn mutated(rng: &mut Rng, seed: &Request) -> Vec<u8> {
    let mut request = seed.clone();
    match rng.below(6) {
        0 => rng.mutate(&mut request.body),
        1 if !request.headers.is_empty() => {
            let at = rng.below(request.headers.len());
            rng.mutate(&mut request.headers[at].1);
        }
        2 if !request.headers.is_empty() => {
            let line = rng.choose(&request.headers).clone();
            request.headers.push(line);
        }
        3 => {
            let mut path = request.path.into_bytes();
            rng.mutate(&mut path);
            request.path = String::from_utf8_lossy(&path).into_owned();
        }
        4 => {
            request.method =
                (*rng.choose(&["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "post"])).into()
        }
        _ => {
            // The bytes on the wire.
            let mut bytes = request.bytes();
            rng.mutate(&mut bytes);
            return bytes;
        }
    }
    request.bytes()
}

/// Whether the request got a response. The server waits for the rest of an incomplete request, or closes.
async fn ask(server: Arc<TestServer>, bytes: Vec<u8>) -> bool {
    let Ok(Some(response)) = tokio::time::timeout(RESPONSE_TIMEOUT, exchange(&server, &bytes)).await else {
        return false;
    };
    assert!(response.status < 500, "{response:?}\n{}", String::from_utf8_lossy(&bytes));
    true
}

#[tokio::test]
async fn no_mutated_request_causes_a_server_error() {
    let requests =
        std::env::var("COUNTERFOIL_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_REQUESTS);
    let server = TestServer::with(|settings| settings.limits.request_timeout = Duration::from_secs(5)).await;
    server.register("ada").await;
    let session = server.login("ada", "session").await;
    let hybrid = server.login("ada", "hybrid").await;
    let seeds =
        seeds(text(&session, "session_token"), text(&hybrid, "access_token"), text(&hybrid, "refresh_token"));
    let mut rng = Rng(42);
    let server = Arc::new(server);
    let (mut answered, mut left, mut pending) = (0_u64, requests, JoinSet::new());
    while left > 0 || !pending.is_empty() {
        while left > 0 && pending.len() < CONCURRENT_REQUESTS {
            let seed = rng.choose(&seeds).clone();
            pending.spawn(ask(Arc::clone(&server), mutated(&mut rng, &seed)));
            left -= 1;
        }
        let got_response = pending.join_next().await.unwrap().unwrap();
        answered += u64::from(got_response);
    }
    let closed = requests - answered;
    println!("{answered} mutated requests answered, {closed} incomplete");
    assert_eq!(counterfoil::panic_count(), 0);
    assert!(answered > requests / 2);
}
