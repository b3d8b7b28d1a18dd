//! The pages of the lab over real sockets: a lab is made, played and removed, and other sites get nothing.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod programs;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use counterfoil::operator::advice::Answers;
use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey, base64url};
use counterfoil_lab::{CompareCommand, LabSite};
use serde_json::Value;
use tokio::sync::oneshot;

/// A site on a port of its own, which is stopped at the end.
struct Site {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// A response.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Site {
    fn start() -> Self {
        Self::measuring_with("/nowhere/counterfoil")
    }

    /// A site that measures with this program.
    fn measuring_with(program: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let stopped = async { drop(stopped.await) };
            let site = LabSite::new(CompareCommand::quick(program), configuration_text);
            runtime.block_on(site.serve(vec![listener], stopped)).unwrap();
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        let own = format!("http://{}", self.address);
        self.send("POST", path, &[("origin", &own)], body)
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!(
            "content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.get(9..12).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Starts a measurement, and returns its page when it has ended.
    fn measure(&self) -> Answer {
        let started = self.post("/lab/measure", "");
        assert_eq!(started.status, 303, "{started:?}");
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let page = self.get(started.location());
            if !page.body.contains("is running") {
                return page;
            }
            assert!(Instant::now() < deadline, "{page:?}");
        }
    }

    /// Makes a lab, and returns its path.
    fn make(&self) -> String {
        let made = self.post("/lab", "");
        assert_eq!(made.status, 303, "{made:?}");
        made.location().to_owned()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.take();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

impl Answer {
    fn location(&self) -> &str {
        self.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap()
    }
}

/// In place of the file of `counterfoil init`, which is tested with the binary.
fn configuration_text(answers: &Answers) -> String {
    let clients: Vec<&str> = answers.clients.iter().map(|kind| kind.as_str()).collect();
    format!("# {} {:?}\n", clients.join(" "), answers.trusted_origins)
}

#[test]
fn a_lab_is_made_and_plays_a_logout_step_by_step() {
    let site = Site::start();
    assert_eq!(site.get("/").location(), "/lab");
    assert!(site.get("/lab").body.contains("Make a lab"));

    let lab = site.make();
    let login = site.get(&lab);
    assert_eq!(login.status, 200);
    assert!(login.head.contains("content-security-policy: default-src 'none'; style-src 'self'"));
    let played = site.post(&format!("{lab}/act"), "act=logout");
    assert_eq!((played.status, played.location()), (303, lab.as_str()), "{played:?}");
    let last = site.get(&lab).body;
    for text in ["refused", "aria-pressed=\"true\">Log out", "61 min", "curl -i", "<mark>eyJ"] {
        assert!(last.contains(text), "{text}: {last}");
    }
    assert!(site.get(&format!("{lab}?step=3")).body.contains("Keys only: <b>still accepted"));
    let first = site.get(&format!("{lab}?step=1")).body;
    assert!(first.contains("rel=\"next\"") && !first.contains("rel=\"prev\""), "{first}");
    assert!(!first.contains("Client logs out") && last.contains("Client logs out"));
    assert!(first.len() <= 60 * 1024 && last.len() <= 60 * 1024, "{} {}", first.len(), last.len());

    let trace: Value = serde_json::from_str(&site.get(&format!("{lab}/trace.json")).body).unwrap();
    assert_eq!(trace["act"], "logout");
    assert_eq!(site.post(&format!("{lab}/end"), "").location(), "/lab");
    assert_eq!(site.get(&lab).status, 404);
}

#[test]
fn the_clock_of_a_lab_is_moved_until_its_credentials_expire() {
    let site = Site::start();
    let lab = site.make();
    let before = site.get(&lab).body;
    assert!(before.contains("Lab clock") && before.contains("value=\"15m\">+ 15 min"), "{before}");
    assert!(!before.contains("ahead of this machine") && !before.contains("accepted after the login"));
    let forward = |by: &str| site.post(&format!("{lab}/clock"), &format!("by={by}"));

    for by in ["15m", "1m"] {
        let moved = forward(by);
        assert_eq!((moved.status, moved.location()), (303, lab.as_str()), "{by}");
    }

    let after = site.get(&lab).body;
    for text in [
        "16 min ahead of this machine",
        "+ 15 min</a>",
        "The hybrid refreshes</a>",
        "accepted after the login",
        "Client refreshes, because its access token was refused",
        "This machine and your own programs keep their time.",
    ] {
        assert!(after.contains(text), "{text}: {after}");
    }
    let expired = site.get(&format!("{lab}?step=2")).body;
    for text in ["Issuer: <b>accepted</b>", "Issuer: <b>refused</b>", "Service A: <b>accepted</b>"] {
        assert!(expired.contains(text), "{text}: {expired}");
    }
    assert!(!expired.contains("still accepted"), "{expired}");

    for _ in 2..4 {
        assert_eq!(forward("1d").status, 303);
    }
    let last = site.get(&lab).body;
    assert!(!last.contains("/clock\"") && last.len() <= 60 * 1024, "{} {last}", last.len());
    let refused = forward("1m");
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body.contains("4 times") && refused.body.contains("Play an act"), "{refused:?}");
    assert_eq!(site.post(&format!("{lab}/act"), "act=call").status, 303);
    let again = site.get(&lab).body;
    assert!(again.contains("/clock\"") && !again.contains("ahead of this machine"), "{again}");
}

/// The address of the server of a lab, as its page names it.
fn server_of(site: &Site, lab: &str) -> SocketAddr {
    let page = site.get(lab).body;
    let url = page.split("curl -i &#x27;http:&#x2f;&#x2f;").nth(1).unwrap();
    url.split("&#x2f;").next().unwrap().parse().unwrap()
}

fn expect_closed(server: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(server).is_ok() {
        assert!(Instant::now() < deadline, "the server of the lab still listens");
    }
}

#[test]
fn the_server_of_a_lab_listens_until_the_lab_is_removed_or_the_site_is_stopped() {
    let site = Site::start();
    let labs = [(); 2].map(|()| site.make());
    let servers = labs.each_ref().map(|lab| server_of(&site, lab));
    assert!(servers.iter().all(|server| TcpStream::connect(server).is_ok()));

    site.post(&format!("{}/end", labs[0]), "");
    expect_closed(servers[0]);
    assert!(TcpStream::connect(servers[1]).is_ok());

    drop(site);
    expect_closed(servers[1]);
}

#[test]
fn four_labs_are_enough_and_the_fifth_is_told_when() {
    let site = Site::start();
    let labs = [(); 4].map(|()| site.make());

    let refused = site.post("/lab", "");

    assert_eq!(refused.status, 429, "{refused:?}");
    let retry = refused.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    let retry: u64 = retry.parse().unwrap();
    assert!((1_000..=1_801).contains(&retry), "{retry}");
    assert!(refused.body.contains("wait until 20"), "{refused:?}");
    assert_eq!(site.get("/lab").body.matches("if unused").count(), 4);
    site.post(&format!("{}/end", labs[0]), "");
    site.make();
}

#[test]
fn a_page_of_another_host_or_site_gets_nothing() {
    let site = Site::start();
    let lab = site.make();
    for host in ["attacker.example", "attacker.localhost", "127.0.0.1.nip.io", "0.0.0.0"] {
        for path in ["/lab", "/", lab.as_str(), "/nothing"] {
            let answer = site.send("GET", path, &[("host", host)], "");
            assert_eq!(answer.status, 421, "{host} {path}: {answer:?}");
            assert!(!answer.body.contains("eyJ"));
        }
    }
    let port = site.address.port();
    let named = format!("localhost:{port}");
    assert_eq!(site.send("GET", &lab, &[("host", &named)], "").status, 200);
    for headers in [
        &[("origin", "https://attacker.example")][..],
        &[("origin", "null")],
        &[("origin", "http://localhost:1")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        let own = ["act", "clock", "end"].map(|form| format!("{lab}/{form}"));
        let paths = ["/lab", "/lab/questions/1", "/lab/measure", "/lab/measure/1/stop"];
        for path in paths.into_iter().chain(own.iter().map(String::as_str)) {
            assert_eq!(site.send("POST", path, headers, "act=login&by=1d").status, 403, "{headers:?} {path}");
        }
    }
    assert_eq!(site.send("GET", &lab, &[("sec-fetch-dest", "iframe")], "").status, 403);
    assert!(!site.get("/lab/measure").body.contains("Measurements of this process"), "nothing was started");
    let shown = site.get(&lab);
    assert_eq!(shown.status, 200, "it was not removed");
    assert!(!shown.body.contains("ahead of this machine"), "its clock was not moved");
}

#[test]
fn an_unknown_act_step_lab_or_question_is_answered_as_such() {
    let site = Site::start();
    let lab = site.make();

    let unknown = site.post(&format!("{lab}/act"), "act=juggle");
    assert_eq!(unknown.status, 422);
    assert!(unknown.body.contains("login, call"), "{unknown:?}");
    assert_eq!(site.post(&format!("{lab}/act"), "").status, 422);
    assert_eq!(site.post(&format!("{lab}/act"), &format!("act={}", "x".repeat(2_000))).status, 422);
    let clock = site.post(&format!("{lab}/clock"), "by=1y");
    assert_eq!(clock.status, 422);
    assert!(clock.body.contains("1m, 15m, 1h, 1d"), "{clock:?}");
    assert_eq!(site.post(&format!("{lab}/clock"), "").status, 422);
    assert_eq!(site.post("/lab/AAAA/clock", "by=1m").status, 404);
    for query in ["?step=0", "?step=99", "?step=x", "?", "?step=18446744073709551616"] {
        assert_eq!(site.get(&format!("{lab}{query}")).status, 200, "{query}");
    }
    for path in ["/lab/AAAA", "/lab/AAAA/trace.json", "/lab/questions/6", "/lab/questions/x", "/nothing"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    assert_eq!(site.post("/lab/AAAA/act", "act=login").status, 404);
}

#[test]
fn a_question_is_answered_by_what_was_played() {
    let site = Site::start();
    let before = site.get("/lab/questions/1").body;
    assert!(before.contains("usual answer") && !before.contains("Played:"), "{before}");

    assert_eq!(site.post("/lab/questions/1", "").location(), "/lab/questions/1");

    let after = site.get("/lab/questions/1").body;
    assert!(after.contains("Played: login") && after.contains("Played: call"), "{after}");
    assert!(site.get("/lab/questions").body.contains("See what was played"));
}

#[test]
fn the_address_of_a_choice_is_the_answer() {
    let site = Site::start();
    let form = site.get("/lab/choose");
    assert_eq!(form.status, 200);
    assert!(form.body.contains("Which for me?") && !form.body.contains("What suits"), "{form:?}");
    assert!(form.body.contains("id=\"client-spa\"") && !form.body.contains("Choose at least one"));

    let chosen = site.get("/lab/choose?spa=on&services=on&domains=one&logout=delayed&verifiers=none");

    assert_eq!(chosen.status, 200);
    for text in [
        "What suits",
        "action=\"/lab/choose#advice\"",
        "a script that an attacker",
        "id=\"client-spa\" name=\"spa\" value=\"on\" checked",
        "Need immediate session revocation <span class=\"soft\">(no)",
        "(the answers do not decide it)",
        "verifiers=own-services",
        "counterfoil init --answers -",
        "v1&#x2f;login",
        ".layer(auth.layer())",
    ] {
        assert!(chosen.body.contains(text), "{text}: {chosen:?}");
    }
    // Each link leads to the page with one other answer.
    let link = chosen.body.split("href=\"/lab/choose?").nth(1).unwrap().split(['#', '"']).next().unwrap();
    let other = site.get(&format!("/lab/choose?{}", link.replace("&amp;", "&").replace("&#x2f;", "/")));
    assert!(other.status == 200 && other.body.contains("What suits"), "{link} {other:?}");
}

#[test]
fn the_programs_of_a_choice_are_those_that_the_compiler_has_read() {
    let site = Site::start();
    let page = site.get("/lab/choose?mobile=on&domains=one&logout=immediate&verifiers=own-services").body;
    let unescaped = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x2f;", "/"), ("&amp;", "&")];
    let trimmed = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let compiled = trimmed(programs::SOURCE);
    for id in ["program", "service"] {
        let shown = page.split(&format!("aria-labelledby=\"{id}\">")).nth(1).unwrap();
        let shown = shown.split("</pre>").next().unwrap().to_owned();
        let shown = unescaped.iter().fold(shown, |text, (escaped, sign)| text.replace(escaped, sign));

        let lines = trimmed(shown.trim_end().trim_end_matches(';'));
        assert!(lines.lines().count() >= 4 && compiled.contains(&lines), "{id}: {lines}");
    }
    let alone = site.get("/lab/choose?pages=on&domains=one&logout=immediate&verifiers=none").body;
    assert!(!alone.contains("id=\"service\""), "{alone}");
}

#[test]
fn the_documents_that_a_choice_names_are_about_the_languages() {
    let site = Site::start();
    let page = site.get("/lab/choose?spa=on&domains=one&logout=immediate&verifiers=own-services").body;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (name, words) in [
        ("express.md", &["# Express", "@counterfoil/node"][..]),
        (
            "resource-server.md",
            &["clients/python", "FastAPI", "Flask", "Django", "## Go\n", "## Spring Boot"],
        ),
        ("tokens.md", &["## Verifying in other languages"]),
    ] {
        assert!(page.contains(&format!("<code>docs/{name}</code>")), "{name}: {page}");
        let text = std::fs::read_to_string(docs.join(name)).unwrap();
        for word in words {
            assert!(text.contains(word), "{name}: {word}");
        }
    }
    let alone = site.get("/lab/choose?pages=on&domains=one&logout=immediate&verifiers=none").body;
    assert!(alone.contains("<code>docs/express.md</code>"), "{alone}");
}

#[test]
fn the_files_of_a_choice_are_saved_under_their_names() {
    let site = Site::start();
    let query = "spa=on&mobile=on&domains=many&logout=immediate&verifiers=none";
    let page = site.get(&format!("/lab/choose?{query}")).body;
    for link in ["/lab/choose.toml?spa=on", "/lab/choose.json?spa=on"] {
        assert!(page.contains(link), "{link}: {page}");
    }

    let toml = site.get(&format!("/lab/choose.toml?{query}"));
    assert_eq!((toml.status, toml.body.as_str()), (200, "# spa mobile [\"https://app.example\"]\n"));
    for header in ["content-type: application/toml", "attachment; filename=\"counterfoil.toml\""] {
        assert!(toml.head.contains(header), "{toml:?}");
    }
    assert!(toml.head.contains("nosniff") && toml.head.contains("cache-control: no-store"), "{toml:?}");

    let json = site.get(&format!("/lab/choose.json?{query}"));
    assert!(json.head.contains("attachment; filename=\"answers.json\""), "{json:?}");
    let answers: Answers = serde_json::from_str(&json.body).unwrap();
    assert_eq!((answers.domains.as_str(), answers.trusted_origins.len()), ("many", 1));

    for file in ["choose.toml", "choose.json"] {
        for query in ["", "domains=one", "spa=toaster"] {
            let refused = site.get(&format!("/lab/{file}?{query}"));
            assert_eq!(refused.status, 422, "{file} {query}");
            assert!(!refused.head.contains("attachment"), "{refused:?}");
        }
    }
}

#[test]
fn a_choice_without_a_client_and_an_unknown_answer_say_what_to_do() {
    let site = Site::start();
    let missing = site.get("/lab/choose?domains=one&logout=immediate&verifiers=none");
    assert!(missing.body.contains("Choose at least one.") && missing.body.contains("<title>Error: "));
    for query in ["spa=toaster", "logout=%3Cscript%3E", "domains=one&domains=two"] {
        let unknown = site.get(&format!("/lab/choose?{query}"));
        assert_eq!(unknown.status, 422, "{query}");
        assert!(!unknown.body.contains("toaster") && !unknown.body.contains("script"), "{unknown:?}");
    }
}

#[test]
fn a_token_is_taken_apart_and_its_texts_are_escaped() {
    let site = Site::start();
    assert!(site.get("/lab/token").body.contains("<textarea id=\"token\""));
    // {"alg":"none"} and {"sub":"<script>","exp":1}
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI8c2NyaXB0PiIsImV4cCI6MX0.AAAA";
    // Its script decodes what is pasted, and could send it nowhere.
    let head = site.get("/lab/token").head;
    let policy = head.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert!(!policy.contains("connect-src") && policy.contains("form-action 'self'"), "{policy}");

    let shown = site.post("/lab/token", &format!("token=++{token}%0D%0A"));

    assert_eq!(shown.status, 200);
    assert!(shown.head.contains("cache-control: no-store"));
    for text in [
        "alg none",
        "<li><span class=\"tick\" aria-hidden=\"true\">!</span><span>expired",
        "1970-01-01 00:00 UTC",
        "&lt;script&gt;",
        "3 bytes",
    ] {
        assert!(shown.body.contains(text), "{text}: {shown:?}");
    }
    assert!(!shown.body.contains("<script>"));
    // As a header is copied, and as RFC 7519 writes an unsigned token.
    for text in [format!("Authorization%3A+Bearer+{token}"), token.replace("AAAA", "")] {
        let shown = site.post("/lab/token", &format!("token={text}"));
        assert_eq!(shown.status, 200, "{shown:?}");
        for text in
            ["alg none", "&lt;script&gt;", "The signature was not checked: the token is unsigned (alg none)"]
        {
            assert!(shown.body.contains(text), "{text}: {shown:?}");
        }
    }
    let secret = "B".repeat(42) + "A";
    let session = site.post("/lab/token", &format!("token=cfs_AAAAAAAAAAAAAAAAAAAAAA.{secret}"));
    assert!(session.body.contains("A session token") && !session.body.contains(&secret), "{session:?}");
}

/// The access tokens in the trace of a lab, in the order in which they were sent.
fn tokens_of(site: &Site, lab: &str) -> Vec<String> {
    let trace = site.get(&format!("{lab}/trace.json")).body;
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    let tokens =
        trace.match_indices("eyJ").map(|(at, _)| trace[at..].split(is_end).next().unwrap().to_owned());
    // The payload begins alike.
    tokens.filter(|token| token.matches('.').count() == 2).collect()
}

/// The text as the value of a field.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The page about a token, checked with the keys of the other fields.
fn checked(site: &Site, token: &str, keys: &[(&str, &str)]) -> Answer {
    let keys: String = keys.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
    site.post("/lab/token", &format!("token={token}{keys}"))
}

/// The token with another payload.
fn forged(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], base64url::encode(r#"{"sub":"root"}"#), parts[2])
}

#[test]
fn a_token_of_a_lab_is_verified_with_its_keys_and_its_revocations() {
    let site = Site::start();
    let lab = site.make();
    let token = &tokens_of(&site, &lab)[0];

    let valid = checked(&site, token, &[]);
    assert_eq!(valid.status, 200);
    for text in [
        "Signature: valid",
        "the lab in which &quot;Log in&quot; was played",
        "(ES256) has signed exactly these bytes",
        "Its issuer accepts it now",
        "Nothing was found in the header and the claims",
    ] {
        assert!(valid.body.contains(text), "{text}: {valid:?}");
    }
    let invalid = checked(&site, &forged(token), &[]).body;
    assert!(invalid.contains("Signature: not valid") && invalid.contains("Believe none"), "{invalid}");
    assert!(!invalid.contains("Its issuer"), "{invalid}");

    // The sandbox of the act has other keys.
    assert_eq!(site.post(&format!("{lab}/act"), "act=revoke-key").status, 303);
    let unknown = checked(&site, token, &[]).body;
    assert!(
        unknown.contains("Signature: not checked") && unknown.contains("names no key of a lab"),
        "{unknown}"
    );
    site.post(&format!("{lab}/act"), "act=logout");
    let ended = checked(&site, &tokens_of(&site, &lab)[0], &[]).body;
    assert!(ended.contains("Signature: valid") && ended.contains("Its issuer rejects it now: "), "{ended}");
}

#[test]
fn a_token_is_verified_with_a_key_set_or_a_secret_of_the_form() {
    let site = Site::start();
    let [key, other] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
    let set = |key: &SigningKey| JwkSet::from_key_set(&KeySet::new([key.verifying_key()]).unwrap()).to_json();
    let token = key.sign("at+jwt", br#"{"sub":"ada"}"#).unwrap();
    let secret = "0123456789abcdef0123456789abcde+";
    let shared = SigningKey::from_secret_bytes(Algorithm::Hs256, secret.as_bytes()).unwrap();
    let shared = shared.sign("at+jwt", br#"{"sub":"ada"}"#).unwrap();

    for (token, field, keys, text) in [
        (&token, "jwks", set(&key), "Signature: valid"),
        (&token, "jwks", set(&key), "Checked with: the key set of the form"),
        (&forged(&token), "jwks", set(&key), "Signature: not valid"),
        (&token, "jwks", set(&other), "the token names the key"),
        (&token, "secret", secret.to_owned(), "signs with a private key"),
        (&shared, "secret", secret.to_owned(), "can also sign with it, for every user"),
        (&shared, "secret", "x".repeat(32), "not decoded from base64"),
        (&shared, "jwks", set(&key), "RFC 8725"),
        (&shared, "secret", key.verifying_key().to_pem().unwrap(), "must be random bytes"),
    ] {
        let page = checked(&site, token, &[(field, &keys)]);
        assert_eq!(page.status, 200, "{text}: {page:?}");
        assert!(page.body.contains(text), "{text}: {page:?}");
        assert!(!page.body.contains(secret) && !page.body.contains("&quot;kty&quot;"), "{page:?}");
    }
}

#[test]
fn keys_that_are_none_and_forms_that_are_too_large_are_refused_and_not_repeated() {
    let site = Site::start();
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.AAAA";
    let private = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"hunter2"}]}"#;
    let nested = format!("{{\"keys\":{}", "[".repeat(20_000));
    let (set, long) = (format!("{{\"keys\":[{}]}}", "7,".repeat(33_000)), "x".repeat(1025));
    for (keys, text) in [
        (&[("jwks", "hunter2")][..], "not a key set in JSON"),
        (&[("jwks", "<script>hunter2")], "not a key set in JSON"),
        (&[("jwks", &nested)], "not a key set in JSON"),
        (&[("jwks", private)], "a private key or a secret"),
        (&[("jwks", "{\"keys\":[]}")], "no public key"),
        (&[("jwks", &set)], "more than 64 KiB"),
        (&[("secret", &long)], "more than 1024 bytes"),
        (&[("jwks", private), ("secret", "hunter2")], "not both"),
    ] {
        let page = checked(&site, token, keys);
        assert_eq!(page.status, 422, "{text}: {page:?}");
        assert!(page.body.contains("<title>Error: ") && page.body.contains(text), "{text}: {page:?}");
        assert!(page.body.contains("Signature: not checked"), "{page:?}");
        assert!(!page.body.contains("hunter2") && !page.body.contains("xxxx"), "{page:?}");
    }
    // The reason is at the field.
    let both = checked(&site, token, &[("jwks", private), ("secret", "hunter2")]).body;
    let set = checked(&site, token, &[("jwks", private)]).body;
    for (page, field, is_wrong) in
        [(&both, "jwks", true), (&both, "secret", true), (&set, "jwks", true), (&set, "secret", false)]
    {
        let described = format!("aria-describedby=\"wrong-{field} keys-hint\" aria-invalid=\"true\"");
        assert_eq!(page.contains(&described), is_wrong, "{field}: {page}");
        assert_eq!(page.contains(&format!("<p id=\"wrong-{field}\"")), is_wrong, "{field}: {page}");
    }
    assert_eq!(checked(&site, token, &[("jwks", &"x".repeat(80 * 1024))]).status, 413);
    assert_eq!(site.post("/lab/token", &format!("token={token}&token=x")).status, 422);
}

#[test]
fn a_text_that_is_no_token_is_refused_with_what_to_do() {
    let site = Site::start();
    let malformed = site.post("/lab/token", "token=%3Cb%3Ehello");
    assert_eq!(malformed.status, 422);
    assert!(malformed.body.contains("a token begins with cfs_, cfr_ or eyJ"), "{malformed:?}");
    assert!(!malformed.body.contains("hello"));
    assert_eq!(site.post("/lab/token", "").status, 422);
    let empty = site.post("/lab/token", "token=+%0D%0A");
    assert_eq!(empty.status, 422);
    assert!(empty.body.contains("there is no token: the text is empty"), "{empty:?}");
    for (text, limit) in
        [("x".repeat(8 * 1024), 422), ("x".repeat(200 * 1024), 422), ("x".repeat(240 * 1024), 413)]
    {
        let long = site.post("/lab/token", &format!("token={text}"));
        assert_eq!(long.status, limit);
        assert!(long.body.contains("at most 8 KiB"), "{long:?}");
    }
    let cut_off = site.post("/lab/token", "token=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ");
    assert!(cut_off.body.contains("the token must have exactly three non-empty segments"), "{cut_off:?}");
    let other_site = [("origin", "https://attacker.example")];
    assert_eq!(site.send("POST", "/lab/token", &other_site, "token=eyJ").status, 403);
}

#[test]
fn a_measurement_that_cannot_be_made_is_a_page_with_the_cause() {
    for (program, cause) in [
        ("/nowhere/counterfoil", "cannot start &#x2f;nowhere&#x2f;counterfoil: No such file"),
        ("false", "the process has ended with exit status: 1"),
        ("echo", "something else than a report"),
    ] {
        let site = Site::measuring_with(program);
        let before = site.get("/lab/measure");
        assert!(before.body.contains("Measure now") && before.body.contains("It disturbs this server"));
        assert!(before.head.contains("default-src 'none'") && !before.head.contains("script-src"));

        let failed = site.measure();

        assert_eq!(failed.status, 200);
        for text in ["Measurement 1 has failed", cause, "Measure again", "<title>Error: "] {
            assert!(failed.body.contains(text), "{text}: {failed:?}");
        }
        assert!(!failed.body.contains("<script"), "{failed:?}");
        assert!(site.get("/lab/measure").body.contains(">failed</span>"));
        for file in ["report.json", "report.html"] {
            assert_eq!(site.get(&format!("/lab/measure/1/{file}")).status, 404, "{file}");
        }
        let events = site.get("/lab/measure/1/events");
        assert!(events.head.contains("content-type: text/event-stream"), "{events:?}");
        assert!(
            events.body.contains("event: ended") && !events.body.contains("event: progress"),
            "{events:?}"
        );
    }
}

#[test]
fn the_last_measurements_are_kept() {
    let site = Site::start();
    for _ in 0..7 {
        site.measure();
    }
    assert_eq!(site.get("/lab/measure").body.matches(">failed</span>").count(), 5);
    assert_eq!(site.get("/lab/measure/7").status, 200);
    for path in ["1", "8", "0", "-1", "x", "99999999999999999999", "1/events", "1/report.json"] {
        assert_eq!(site.get(&format!("/lab/measure/{path}")).status, 404, "{path}");
    }
    assert_eq!(site.post("/lab/measure/1/stop", "").status, 404);
    assert_eq!(site.post("/lab/measure/7/stop", "").status, 303, "it has ended already");
}
