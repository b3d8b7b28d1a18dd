//! `counterfoil dev`: what it prints works when it is copied, and a developer's first set-up works.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{CommandOutput, Server, counterfoil, in_dir, output_of, run};

const PASSWORD: &str = "correct horse battery staple";

/// Runs `script` in a POSIX shell, which stops at the first command that fails.
fn paste(script: &str) -> String {
    let mut shell = Command::new("sh");
    let piped = shell.arg("-eu").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = piped.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands in the text that `dev` prints.
fn commands(text: &str) -> String {
    text.lines().filter_map(|line| line.strip_prefix("  ")).map(|line| format!("{line}\n")).collect()
}

/// The data directory in the text that `dev` prints.
fn data_dir(text: &str) -> &str {
    let line = text.lines().find_map(|line| line.strip_prefix("Data: ")).unwrap();
    line.rsplit_once(" (").unwrap().0
}

/// Logs the demo user in with these members, as curl does.
fn log_in(server: &Server, members: &Value, options: &[&str]) -> (u16, Value) {
    let mut form = json!({ "username": "demo", "password": PASSWORD });
    form.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let body = form.to_string();
    let post = ["-H", "Content-Type: application/json", "-d", &body];
    server.curl("/v1/login", &[&post, options].concat())
}

/// The headers of a response, in lower case, each line with its end.
fn headers(url: &str, options: &[&str]) -> String {
    let fixed = ["-s", "--noproxy", "*", "-D", "-", "-o", "/dev/null", url];
    curl(&[&fixed, options].concat()).to_ascii_lowercase()
}

/// What curl prints.
fn curl(arguments: &[&str]) -> String {
    String::from_utf8(Command::new("curl").args(arguments).output().unwrap().stdout).unwrap()
}

/// Runs `dev` with a variable, and expects that it does not start.
fn refused(arguments: &[&str], variable: (&str, &str)) -> CommandOutput {
    let line = [&["dev", "--listen", "127.0.0.1:0"], arguments].concat();
    output_of(counterfoil(&line).env(variable.0, variable.1).output().unwrap())
}

#[test]
fn the_address_is_printed_first_and_alone_and_the_text_fits_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let (server, text) = Server::dev(&log);

    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("http://127.0.0.1:") && lines[1].is_empty(), "{text}");
    assert!(lines.len() < 24 && lines.iter().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains("$ "), "no prompt is copied: {text}");
    assert_eq!(fs::read_to_string(&log).unwrap(), "", "nothing is logged before");
    server.curl("/v1/me", &[]);
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));
    assert!(fs::read_to_string(&log).unwrap().contains("/v1/me"));
}

#[test]
fn the_printed_commands_run_in_a_shell_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (server, text) = Server::dev(&dir.path().join("log"));

    let stdout = paste(&commands(&text));

    let answers: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [login, me, jwt, keys, hybrid, list, logout, refused] = answers.as_slice() else {
        panic!("{stdout}")
    };
    for (answer, mode) in [(login, "session"), (me, "session"), (jwt, "jwt"), (hybrid, "hybrid")] {
        assert_eq!((&answer["user"]["username"], &answer["session"]["mode"]), (&"demo".into(), &mode.into()));
    }
    assert!(keys["keys"].as_array().is_some_and(|keys| !keys.is_empty()), "{keys}");
    assert!(hybrid["refresh_token"].as_str().unwrap().starts_with("cfr_"), "{hybrid}");
    assert_eq!(list["sessions"].as_array().unwrap().len(), 3, "{list}");
    assert_eq!(logout, 204);
    assert_eq!(refused["status"], 401, "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("logout"), "{refused}");
    server.stop(Signal::TERM);
}

#[test]
fn the_temporary_store_is_removed_at_the_end() {
    // Ctrl-C, the end of a service, and the end of the terminal.
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let dir = tempfile::tempdir().unwrap();
        let (server, text) = Server::dev(&dir.path().join("log"));
        let data = data_dir(&text);
        assert!(Path::new(data).join("counterfoil.db").exists());

        let status = server.stop(signal);

        assert!(status.success(), "{status}");
        assert!(!Path::new(data).exists());
    }
}

#[test]
fn a_data_directory_is_kept_for_the_next_run_and_never_served_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let arguments = ["--data-dir", data.to_str().unwrap()];
    let (server, text) = Server::dev_with(&dir.path().join("log"), &arguments);
    assert!(text.contains("(kept for the next run)"), "{text}");
    let ada = json!({ "username": "ada", "password": "seven lamps for the lighthouse" });
    assert_eq!(server.post("/v1/register", &ada).0, 201);
    server.stop(Signal::TERM);

    let (server, _) = Server::dev_with(&dir.path().join("log"), &arguments);
    assert_eq!(server.post("/v1/login", &ada).0, 200);
    assert_eq!(log_in(&server, &json!({}), &[]).0, 200, "the demo user is still there");
    server.stop(Signal::TERM);

    let public = ["--listen", "127.0.0.1:0", "--issuer", "https://auth.example"];
    for command in ["serve", "check"] {
        let output = run(&in_dir(&data, &[&[command], &public[..]].concat()));
        let said = output.stdout + &output.stderr;
        assert!(output.status == 1 && said.contains("public password"), "{command}: {said}");
    }
}

/// A backup, or a copy of the files, has no marker of `dev`.
#[test]
fn a_copy_of_a_store_of_dev_is_served_to_others_only_without_the_public_password() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (server, _) = Server::dev_with(&dir.path().join("log"), &["--data-dir", data.to_str().unwrap()]);
    server.stop(Signal::TERM);
    fs::remove_file(data.join("development")).unwrap();

    let server = Server::serve(&data);
    server.stop(Signal::TERM);
    let warned = fs::read_to_string(data.with_extension("log")).unwrap();
    assert!(warned.contains("public password"), "a server for this machine warns: {warned}");

    let public = ["serve", "--listen", "127.0.0.1:0", "--issuer", "https://auth.example"];
    let output = run(&in_dir(&data, &public));
    assert!(output.status == 1 && output.stderr.contains("user delete demo"), "{output:?}");
    assert!(output.stderr.contains("\nhint: "), "{output:?}");

    common::succeed(&data, &["user", "delete", "demo", "--yes"]);
    let output = run(&in_dir(&data, &public));
    assert!(output.status == 1 && output.stderr.contains("user delete root"), "{output:?}");

    // It is the last administrator, so it cannot be deleted.
    let password = dir.path().join("password");
    fs::write(&password, "seven lamps for the lighthouse\n").unwrap();
    let passwd = ["user", "passwd", "root", "--password-file", password.to_str().unwrap()];
    common::succeed(&data, &passwd);
    let serve = &mut counterfoil(&in_dir(&data, &public));
    Server::start(serve, &dir.path().join("log")).stop(Signal::TERM);
}

#[test]
fn the_store_of_a_server_gets_no_demo_user() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    Server::serve(&data).stop(Signal::TERM);

    let output = refused(&["--data-dir", data.to_str().unwrap()], ("UNUSED", ""));

    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.contains("dev did not make") && output.stderr.contains("\nhint: "), "{output:?}");
    assert!(!common::succeed(&data, &["user", "list"]).contains("demo"));
}

#[test]
fn a_setting_takes_effect_or_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = Server::dev_with(&dir.path().join("log"), &["--registration", "closed"]);
    let ada = json!({ "username": "ada", "password": "seven lamps for the lighthouse" });
    assert_eq!(server.post("/v1/register", &ada).1["code"], "registration_closed");
    server.stop(Signal::TERM);

    for (arguments, variable, reason) in [
        (&["--store", "sqlite:a.db"][..], ("UNUSED", ""), "store (--store)"),
        (&[], ("COUNTERFOIL_STORE", "sqlite:a.db"), "store (COUNTERFOIL_STORE)"),
        (&[], ("COUNTERFOIL_TLS_KEY", "key.pem"), "tls.key (COUNTERFOIL_TLS_KEY)"),
        (&["--issuer", "https://auth.example"], ("UNUSED", ""), "issuer (--issuer)"),
        (&[], ("COUNTERFOIL_MAX_SESSIONS", "many"), "max_sessions (COUNTERFOIL_MAX_SESSIONS)"),
    ] {
        let output = refused(arguments, variable);
        assert_eq!(output.status, 2, "{output:?}");
        assert!(output.stderr.starts_with(&format!("error: {reason}: ")), "{output:?}");
    }
}

#[test]
fn a_page_on_another_port_of_this_machine_logs_in_with_each_mode_and_transport() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = Server::dev(&dir.path().join("log"));
    for origin in ["http://localhost:5173", "http://127.0.0.1:5173", "http://[::1]:5173"] {
        let origin_header = format!("Origin: {origin}");
        let page = ["-H", &origin_header, "-H", "Sec-Fetch-Site: same-site"];
        let preflight = headers(
            &format!("{}/v1/login", server.base),
            &[&page, &["-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST"][..]].concat(),
        );
        assert!(preflight.starts_with("http/1.1 204"), "{preflight}");
        assert!(preflight.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{preflight}");
        assert!(preflight.contains("access-control-allow-credentials: true\r\n"), "{preflight}");
        for mode in ["session", "jwt", "hybrid"] {
            let jar = dir.path().join(format!("jar-{mode}"));
            let jar = jar.to_str().unwrap();
            let cookies = [&page[..], &["-b", jar]].concat();
            let store = [&page[..], &["-c", jar]].concat();
            let login = log_in(&server, &json!({ "mode": mode, "transport": "cookie" }), &store);
            assert_eq!(login.0, 200, "{origin} {mode}: {login:?}");
            assert_eq!(server.curl("/v1/me", &cookies).0, 200, "{origin} {mode}");
            let bearer = log_in(&server, &json!({ "mode": mode }), &page).1;
            let token = bearer["access_token"].as_str().or_else(|| bearer["session_token"].as_str()).unwrap();
            assert_eq!(server.get("/v1/me", token).0, 200, "{origin} {mode}");
        }
    }
    server.stop(Signal::TERM);
}

#[test]
fn a_page_of_another_machine_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = Server::dev(&dir.path().join("log"));
    for origin in ["http://attacker.example", "http://localhost.attacker.example:5173", "null"] {
        let origin = format!("Origin: {origin}");
        let (status, answer) = log_in(&server, &json!({ "transport": "cookie" }), &["-H", &origin]);
        assert_eq!((status, &answer["code"]), (403, &"cross_site".into()), "{origin}");
        let headers = headers(&format!("{}/v1/me", server.base), &["-H", &origin]);
        assert!(!headers.contains("access-control-allow-origin"), "{origin}: {headers}");
    }
    // DNS rebinding: the name of the attacker resolves to this machine.
    for host in ["attacker.example", "attacker.localhost"] {
        let (status, answer) = server.curl("/v1/me", &["-H", &format!("Host: {host}:{}", server.port())]);
        assert_eq!((status, &answer["code"]), (421, &"misdirected_request".into()), "{host}");
    }
    server.stop(Signal::TERM);
}

#[test]
fn localhost_and_the_address_are_one_server_with_cookies_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, _) = Server::dev(&dir.path().join("log"));
    let (address, jar) = (server.base.clone(), dir.path().join("jar"));
    let port = server.port();
    let jar = jar.to_str().unwrap();
    server.base = format!("http://localhost:{port}");
    let own = format!("Origin: {}", server.base);
    assert_eq!(log_in(&server, &json!({ "transport": "cookie" }), &["-c", jar, "-H", &own]).0, 200);
    assert_eq!(server.curl("/v1/me", &["-b", jar]).0, 200);
    let token =
        log_in(&server, &json!({ "mode": "jwt" }), &[]).1["access_token"].as_str().unwrap().to_owned();

    server.base = address;

    let (status, answer) = server.curl("/v1/me", &["-b", jar]);
    assert_eq!(status, 401);
    assert!(answer["detail"].as_str().unwrap().contains("not sent to `127.0.0.1`"), "{answer}");
    assert_eq!(server.get("/v1/me", &token).0, 200, "a token belongs to no host name");
    if TcpListener::bind("[::1]:0").is_ok() {
        server.base = format!("http://[::1]:{port}");
        assert_eq!(server.get("/v1/me", &token).0, 200);
    }
    server.stop(Signal::TERM);
}

#[test]
fn a_401_says_why_in_dev_and_only_there() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, _) = Server::dev(&dir.path().join("log"));
    let serve = Server::serve(&dir.path().join("data"));
    let demo = json!({ "username": "demo", "password": PASSWORD });
    assert_eq!(serve.post("/v1/register", &demo).0, 201);
    let unknown = format!("cfs_{}.{}A", "A".repeat(22), "A".repeat(42));
    for server in [&dev, &serve] {
        let wrong = json!({ "username": "demo", "password": "a wrong one" });
        let detail = server.post("/v1/login", &wrong).1["detail"].as_str().unwrap().to_owned();
        let common = "the username or the password is wrong";
        assert_eq!(
            detail.strip_prefix(common),
            Some(if server.base == dev.base { ": login failed: wrong password" } else { "" })
        );
        let logged_out = server.post("/v1/login", &demo).1["session_token"].as_str().unwrap().to_owned();
        let bearer = format!("Authorization: Bearer {logged_out}");
        assert_eq!(server.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0, 204);

        let details = [&logged_out, &unknown, "eyJ.eyJ.x"].map(|token| {
            let (status, answer) = server.get("/v1/me", token);
            assert_eq!((status, &answer["code"]), (401, &"invalid_token".into()), "{answer}");
            answer["detail"].as_str().unwrap().to_owned()
        });

        let [after_logout, of_unknown, malformed] = &details;
        if server.base == dev.base {
            assert!(after_logout.contains("logout"), "{after_logout}");
            assert!(of_unknown != after_logout && malformed != of_unknown, "{details:?}");
        } else {
            assert!(details.iter().all(|detail| detail == "the credential is not valid"), "{details:?}");
        }
    }
    dev.stop(Signal::TERM);
    serve.stop(Signal::TERM);
}

#[test]
fn fast_lifetimes_are_shown_and_in_every_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (server, text) = Server::dev_with(&dir.path().join("log"), &["--fast"]);

    assert!(text.contains("access token 30 s"), "{text}");
    assert_eq!(log_in(&server, &json!({ "mode": "jwt" }), &[]).1["expires_in"], 30);
    let hybrid = log_in(&server, &json!({ "mode": "hybrid" }), &[]).1;
    assert_eq!((&hybrid["expires_in"], &hybrid["refresh_expires_in"]), (&30.into(), &120.into()));
    server.stop(Signal::TERM);
}

#[test]
fn twenty_wrong_passwords_do_not_lock_the_demo_user_out() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = Server::dev(&dir.path().join("log"));
    let wrong = json!({ "username": "demo", "password": "a wrong one" });
    for _ in 0..21 {
        assert_eq!(server.post("/v1/login", &wrong).0, 401);
    }

    assert_eq!(log_in(&server, &json!({}), &[]).0, 200);
    server.stop(Signal::TERM);
}

#[test]
fn only_dev_has_a_page_and_the_page_may_load_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, _) = Server::dev(&dir.path().join("log"));
    let url = format!("{}/", dev.base);
    let headers = headers(&url, &[]);
    let page = curl(&["-s", "--noproxy", "*", &url]);

    assert!(headers.contains("content-type: text/html; charset=utf-8\r\n"), "{headers}");
    assert!(headers.contains("cache-control: no-store\r\n"), "{headers}");
    assert!(headers.contains("content-security-policy: default-src 'none'; style-src 'nonce-"), "{headers}");
    assert!(!headers.contains("unsafe") && !page.contains("<script") && !page.contains("style=\""));
    assert!(page.starts_with("<!doctype html>") && page.contains("<html lang=\"en\">"));
    assert!(page.contains(&format!("href=\"{}/openapi.json\"", dev.base)), "{page}");
    // Every link of the page is one of the server.
    for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(link, _)| link) {
        let Some(path) = link.strip_prefix(&dev.base) else { continue };
        let status = dev.curl(path, &[]).0;
        let is_right = match path {
            "/v1/me" => status == 401,
            "/account" | "/admin" => status == 303,
            _ => status == 200,
        };
        assert!(is_right, "{path}: {status}");
    }
    dev.stop(Signal::TERM);

    let serve = Server::serve(&dir.path().join("data"));
    let headers = self::headers(&format!("{}/", serve.base), &[]);
    assert!(headers.contains("location: /account/sessions\r\n"), "{headers}");
    serve.stop(Signal::TERM);
}

#[test]
fn dev_has_the_lab_and_a_console_with_its_administrator_and_serve_has_no_lab() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, text) = Server::dev(&dir.path().join("log"));
    for path in ["/login", "/account", "/admin", "/lab"] {
        assert!(text.contains(&format!("{}{path}", dev.base)), "{text}");
    }
    let root = json!({ "username": "root", "password": PASSWORD });
    let login = dev.post("/v1/login", &root).1;
    assert_eq!(login["user"]["roles"], json!(["admin"]), "{login}");

    let own = format!("Origin: {}", dev.base);
    assert_eq!(dev.curl("/lab", &[]).0, 200);
    let made = headers(&format!("{}/lab", dev.base), &["-X", "POST", "-H", &own]);
    assert!(made.starts_with("http/1.1 303") && made.contains("location: /lab/"), "{made}");
    let other = ["-X", "POST", "-H", "Origin: https://attacker.example"];
    assert_eq!(dev.curl("/lab", &other).0, 403);
    let rebound = format!("Host: attacker.example:{}", dev.port());
    assert_eq!(dev.curl("/lab", &["-H", &rebound]).0, 421);
    dev.stop(Signal::TERM);

    let serve = Server::serve(&dir.path().join("data"));
    for path in ["/lab", "/lab/questions"] {
        assert_eq!(serve.curl(path, &[]).0, 404, "{path}");
        assert_eq!(
            serve.curl(path, &["-X", "POST", "-H", &format!("Origin: {}", serve.base)]).0,
            404,
            "{path}"
        );
    }
    serve.stop(Signal::TERM);
}

#[test]
fn the_demo_user_is_served_on_loopback_only() {
    let output = run(&["dev", "--listen", "0.0.0.0:0"]);

    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.starts_with("error: ") && output.stderr.contains("\nhint: "), "{output:?}");
}

#[test]
fn a_port_in_use_is_reported_with_a_hint() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _listener = TcpListener::bind(address).unwrap();

    let output = run(&["dev", "--listen", &address.to_string()]);

    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains(&address.to_string()) && output.stderr.contains("hint: "), "{output:?}");
}

/// A user who can write to the directory would otherwise choose which file root creates, or mark the store of a later
/// `serve` as one of `dev`.
#[test]
fn a_directory_that_is_refused_is_not_marked() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, target) = (temp.path().join("data"), temp.path().join("target"));
    fs::create_dir(&dir).unwrap();
    let set_mode = |mode| fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
    let dev = ["dev", "--listen", "127.0.0.1:0", "--data-dir", dir.to_str().unwrap()];

    set_mode(0o777);
    let refused = run(&dev);
    assert!(refused.status != 0 && refused.stderr.contains("mode 0777"), "{refused:?}");
    assert!(!dir.join("development").exists());

    set_mode(0o700);
    std::os::unix::fs::symlink(&target, dir.join("development")).unwrap();
    assert_eq!(run(&dev).status, 1);
    assert!(!target.exists());
}
