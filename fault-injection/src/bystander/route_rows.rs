//! A row for each route of the API. Rows that differ only in the path are one.

use serde_json::json;

use crate::bystander::identity::{Identity, PASSWORD};
use crate::bystander::row::Row;
use crate::http::Request;

/// A password of 64 characters, each of which may stand for another: the most work for an estimate of its strength.
const COSTLY_PASSWORD: &str = "p4$5w0rd@dm1n!l0v3|z3r0+7r00p3r(h4ng3m3)qw3r7y{4$df6h}[1337]<8&#";

const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

pub(super) const ROWS: &[Row] = &[
    Row::send("registers with weak passwords", &["POST /v1/register"], |from, number| {
        register(from, number, COSTLY_PASSWORD)
    }),
    Row::send("registers with short passwords", &["POST /v1/register"], |from, number| {
        register(from, number, "passw0rd")
    }),
    Row::send("registers users", &["POST /v1/register"], |from, number| register(from, number, PASSWORD)),
    Row::send("logs in rightly", &["POST /v1/login"], |from, _| from.login()).over(100),
    Row::send("logs in with wrong passwords", &["POST /v1/login"], |from, number| {
        log_in(&from.username, &format!("wrong {number}"))
    }),
    Row::send("logs in as unknown users", &["POST /v1/login"], |_, number| {
        log_in(&format!("unknown-{number}"), PASSWORD)
    }),
    Row::send("guesses the bystander's password", &["POST /v1/login"], |from, number| {
        log_in(&format!("bystander-{}", from.number), &format!("wrong {number}"))
    }),
    Row::rotate("refreshes", &["POST /v1/refresh"]),
    Row::send("sends one refresh token again", &["POST /v1/refresh"], |from, _| refresh(&from.refresh_token)),
    Row::send("sends unknown refresh tokens", &["POST /v1/refresh"], |_, number| {
        refresh(&format!("cfr_{NO_ID}.{number}.{NO_ID}"))
    }),
    Row::send("logs out without a credential", &["POST /v1/logout"], |_, _| {
        Request::post("/v1/logout").json(&json!({}))
    }),
    Row::send("logs out one session again", &["POST /v1/logout"], |from, _| {
        Request::post("/v1/logout").bearer(&from.access_token).json(&json!({}))
    }),
    Row::send("asks who it is", &["GET /v1/me"], |from, _| {
        Request::get("/v1/me").bearer(&from.session_token)
    }),
    Row::send("asks with invalid tokens", &["GET /v1/me"], |from, number| {
        let token = if number % 2 == 0 { &from.access_token } else { &from.session_token };
        Request::get("/v1/me").bearer(&format!("{token}{number}"))
    }),
    Row::send("exchanges its token", &["POST /v1/token"], |from, _| {
        Request::post("/v1/token").bearer(&from.access_token).json(&json!({}))
    }),
    Row::send("lists its sessions", &["GET /v1/sessions"], |from, _| {
        Request::get("/v1/sessions?limit=100").bearer(&from.session_token)
    }),
    Row::send("ends its other sessions", &["DELETE /v1/sessions"], |from, _| {
        Request::new("DELETE", "/v1/sessions?except=current").bearer(&from.session_token)
    }),
    Row::send(
        "reads and renames single sessions",
        &["GET /v1/sessions/{id}", "PATCH /v1/sessions/{id}"],
        |from, number| {
            let path = format!("/v1/sessions/{NO_ID}");
            match number % 2 {
                0 => Request::get(&path).bearer(&from.session_token),
                _ => Request::new("PATCH", &path)
                    .bearer(&from.session_token)
                    .json(&json!({ "label": "a device" })),
            }
        },
    ),
    Row::send("ends single sessions", &["DELETE /v1/sessions/{id}"], |from, _| {
        Request::new("DELETE", &format!("/v1/sessions/{NO_ID}")).bearer(&from.session_token)
    }),
    Row::send(
        "logs in and ends all its sessions",
        &["POST /v1/login", "DELETE /v1/sessions"],
        |from, number| match number % 2 {
            0 => from.login(),
            _ => Request::new("DELETE", "/v1/sessions?except=current").bearer(&from.session_token),
        },
    ),
    Row::send("reads its activity", &["GET /v1/activity"], |from, _| {
        Request::get("/v1/activity?limit=100").bearer(&from.session_token)
    }),
    Row::send("reads its session data", &["GET /v1/session/data"], |from, _| {
        Request::get("/v1/session/data").bearer(&from.session_token)
    }),
    Row::send("writes its session data", &["PATCH /v1/session/data"], |from, number| {
        let data = json!({ "number": number, "text": "x".repeat(2_000) });
        Request::new("PATCH", "/v1/session/data").bearer(&from.session_token).json(&data)
    }),
    Row::send("changes its password without knowing it", &["POST /v1/password"], |from, number| {
        change_password(from, &format!("wrong {number}"), "another horse battery")
    }),
    Row::send("changes its password to weak ones", &["POST /v1/password"], |from, _| {
        change_password(from, PASSWORD, COSTLY_PASSWORD)
    }),
    Row::send("guesses passwords in changes without a session", &["POST /v1/password"], |_, number| {
        Request::post("/v1/password").json(&json!({
            "username": format!("unknown-{number}"), "current_password": PASSWORD, "new_password": COSTLY_PASSWORD,
        }))
    }),
    Row::send(
        "reads the public documents",
        &[
            "GET /.well-known/jwks.json",
            "GET /.well-known/oauth-authorization-server",
            "GET /v1/status-lists",
            "GET /v1/status-lists/{n}",
            "GET /openapi.json",
            "GET /problems/{name}",
            "GET /healthz",
            "GET /readyz",
        ],
        |_, number| {
            let paths = [
                "/.well-known/jwks.json",
                "/.well-known/oauth-authorization-server",
                "/v1/status-lists",
                "/v1/status-lists/0",
                "/openapi.json",
                "/problems/invalid-token",
                "/healthz",
                "/readyz",
                "/unknown",
            ];
            Request::get(paths[number as usize % paths.len()])
        },
    ),
    Row::send("calls the admin routes without being an administrator", ADMIN_ROUTES, |from, number| {
        let (method, path) = admin_route(number);
        let request = Request::new(method, &path.replace("{id}", NO_ID)).bearer(&from.session_token);
        if matches!(method, "POST" | "PATCH") { request.json(&json!({})) } else { request }
    }),
    Row::send("lists users as an administrator", &["GET /v1/admin/users"], |from, _| {
        admin(from, "GET", "/v1/admin/users?limit=1000")
    }),
    Row::send("reads one user as an administrator", &["GET /v1/admin/users/{id}"], |from, _| {
        admin(from, "GET", &format!("/v1/admin/users/{}", from.user_id))
    }),
    Row::send("lists sessions as an administrator", &["GET /v1/admin/users/{id}/sessions"], |from, _| {
        admin(from, "GET", &format!("/v1/admin/users/{}/sessions?limit=1000", from.user_id))
    }),
    Row::send("lists all sessions as an administrator", &["GET /v1/admin/sessions"], |from, _| {
        admin(from, "GET", "/v1/admin/sessions?limit=1000")
    }),
    Row::send(
        "reads and forgets counted attempts as an administrator",
        &["GET /v1/admin/rate-limits", "DELETE /v1/admin/rate-limits"],
        |from, number| {
            let path = format!("/v1/admin/rate-limits?username={}", from.username);
            admin(from, if number % 2 == 0 { "GET" } else { "DELETE" }, &path)
        },
    ),
    Row::send(
        "adds and removes users as an administrator",
        &["POST /v1/admin/users", "DELETE /v1/admin/users/{id}"],
        |from, number| match number % 2 {
            0 => admin(from, "POST", "/v1/admin/users").json(&json!({
                "username": format!("added-{}-{number}", from.number), "password": PASSWORD, "roles": [],
            })),
            _ => admin(from, "DELETE", &format!("/v1/admin/users/{NO_ID}")),
        },
    ),
    Row::send("changes a user as an administrator", &["PATCH /v1/admin/users/{id}"], |from, number| {
        let roles = if number % 2 == 0 { json!(["staff"]) } else { json!([]) };
        admin(from, "PATCH", &format!("/v1/admin/users/{}", from.user_id)).json(&json!({ "roles": roles }))
    }),
    Row::send(
        "reads clients and keys as an administrator",
        &[
            "GET /v1/admin/clients",
            "GET /v1/admin/clients/{id}",
            "GET /v1/admin/admin-keys",
            "GET /v1/admin/verifier-keys",
            "GET /v1/admin/verifiers",
            "GET /v1/admin/nodes",
            "GET /v1/admin/keys",
            "GET /v1/revocations",
        ],
        |from, number| {
            let paths = [
                "/v1/admin/clients?limit=1000",
                "/v1/admin/clients/default",
                "/v1/admin/admin-keys?limit=1000",
                "/v1/admin/verifier-keys?limit=1000",
                "/v1/admin/verifiers?limit=1000",
                "/v1/admin/nodes?limit=1000",
                "/v1/admin/keys",
                "/v1/revocations?limit=1000",
            ];
            admin(from, "GET", paths[number as usize % paths.len()])
        },
    ),
    Row::send(
        "changes clients and admin keys as an administrator",
        &[
            "POST /v1/admin/clients",
            "PATCH /v1/admin/clients/{id}",
            "POST /v1/admin/admin-keys",
            "DELETE /v1/admin/admin-keys/{id}",
        ],
        |from, number| match number % 4 {
            0 => admin(from, "POST", "/v1/admin/clients")
                .json(&json!({ "id": format!("client-{}-{number}", from.number), "name": "A client" })),
            1 => admin(from, "PATCH", "/v1/admin/clients/default")
                .json(&json!({ "name": format!("Default {number}") })),
            2 => admin(from, "POST", "/v1/admin/admin-keys").json(&json!({ "name": "a key" })),
            _ => admin(from, "DELETE", &format!("/v1/admin/admin-keys/{NO_ID}")),
        },
    ),
    Row::send(
        "changes verifier keys as an administrator",
        &["POST /v1/admin/verifier-keys", "DELETE /v1/admin/verifier-keys/{id}"],
        |from, number| match number % 2 {
            0 => admin(from, "POST", "/v1/admin/verifier-keys").json(&json!({ "name": "a key" })),
            _ => admin(from, "DELETE", &format!("/v1/admin/verifier-keys/{NO_ID}")),
        },
    ),
    Row::send(
        "polls the feed with a verifier key and without one",
        &["GET /v1/feed", "GET /v1/feed/stream"],
        |from, number| {
            // Each poll belongs to another instance, until the key has as many as it may have.
            let path = format!("/v1/feed?instance=i{}-{number}&poll=1&wait=0", from.number);
            match number % 4 {
                0 => Request::get("/v1/feed/stream").bearer(&from.session_token),
                _ => Request::get(&path).bearer(&from.target.verifier_key),
            }
        },
    ),
    Row::send(
        "asks what the server sees of its requests, without a probe",
        &["GET /v1/doctor/request", "GET /v1/doctor/events", "POST /v1/doctor/probes"],
        |from, number| match number % 3 {
            0 => Request::get("/v1/doctor/request").bearer(&from.session_token),
            1 => admin(from, "POST", "/v1/doctor/probes"),
            _ => Request::get("/v1/doctor/events"),
        },
    ),
    Row::send(
        "introspects tokens with a verifier key and without one",
        &["POST /oauth/introspect"],
        |from, number| {
            let token = [&from.session_token, &from.access_token, &from.refresh_token][number as usize % 3];
            let request = form("/oauth/introspect", &format!("token={token}"));
            if number % 4 == 0 { request } else { request.bearer(&from.target.verifier_key) }
        },
    ),
    Row::send(
        "asks as a proxy with valid, invalid and malformed requests",
        &["GET /v1/verify/{proxy}", "GET /v1/verify/{proxy}/{options}"],
        |from, number| {
            let asked = |path: &str| {
                Request::get(path)
                    .header("x-forwarded-method", "GET")
                    .header("x-forwarded-proto", "http")
                    .header("x-forwarded-host", &from.target.address.to_string())
                    .header("x-forwarded-uri", "/orders")
            };
            match number % 4 {
                0 => asked("/v1/verify/nginx").bearer(&from.session_token),
                1 => asked("/v1/verify/caddy/role=admin").bearer(&from.access_token),
                2 => asked("/v1/verify/nginx").bearer(&format!("{}{number}", from.session_token)),
                _ => Request::get("/v1/verify/traefik/-").bearer(&from.session_token),
            }
        },
    ),
    Row::send(
        "begins and ends logins at a host, with malformed codes",
        &[
            "GET /.counterfoil/start",
            "GET /v1/host-login",
            "GET /.counterfoil/callback",
            "POST /.counterfoil/logout",
        ],
        |from, number| {
            let state = "AAAAAAAAAAAAAAAAAAAAAA";
            let at_host = |request: Request| {
                request
                    .header("x-forwarded-proto", "http")
                    .header("x-forwarded-host", &from.target.address.to_string())
            };
            match number % 4 {
                0 => at_host(Request::get("/.counterfoil/start?return_to=%2Forders")),
                1 => Request::get(&format!("/v1/host-login?host=app.example&state={state}&return_to=%2F")),
                2 => at_host(Request::get(&format!("/.counterfoil/callback?code={number}&state={state}"))),
                _ => at_host(Request::new("POST", "/.counterfoil/logout")),
            }
        },
    ),
    Row::send("revokes its token and unknown tokens", &["POST /oauth/revoke"], |from, number| {
        let unknown = format!("cfs_{NO_ID}.{number}");
        let token = [&from.access_token, &unknown][number as usize % 2];
        form("/oauth/revoke", &format!("token={token}"))
    }),
    Row::send(
        "rotates and revokes keys as an administrator",
        &["POST /v1/admin/keys", "DELETE /v1/admin/keys/{id}"],
        |from, number| match number % 2 {
            0 => admin(from, "POST", "/v1/admin/keys").json(&json!({ "purpose": "refresh_token" })),
            _ => admin(from, "DELETE", &format!("/v1/admin/keys/{NO_ID}")),
        },
    ),
    Row::send("reads the audit log as an administrator", &["GET /v1/admin/events"], |from, _| {
        admin(from, "GET", "/v1/admin/events?limit=1000")
    }),
    // Each stream is left at once, and a key may have few at a time.
    Row::send("opens live updates as an administrator", &["GET /v1/admin/live"], |from, _| {
        admin(from, "HEAD", "/v1/admin/live")
    }),
    Row::send("revokes as an administrator", &["POST /v1/revocations"], |from, _| {
        let subject = format!("user:{}", from.user_id);
        admin(from, "POST", "/v1/revocations").json(&json!({ "subject": subject, "wait": "none" }))
    }),
];

/// The routes that only administrators may use.
const ADMIN_ROUTES: &[&str] = &[
    "GET /v1/admin/users",
    "POST /v1/admin/users",
    "GET /v1/admin/users/{id}",
    "PATCH /v1/admin/users/{id}",
    "DELETE /v1/admin/users/{id}",
    "GET /v1/admin/users/{id}/sessions",
    "GET /v1/admin/sessions",
    "GET /v1/admin/rate-limits",
    "DELETE /v1/admin/rate-limits",
    "GET /v1/admin/clients",
    "POST /v1/admin/clients",
    "GET /v1/admin/clients/{id}",
    "PATCH /v1/admin/clients/{id}",
    "GET /v1/admin/admin-keys",
    "POST /v1/admin/admin-keys",
    "DELETE /v1/admin/admin-keys/{id}",
    "GET /v1/admin/verifiers",
    "GET /v1/admin/nodes",
    "GET /v1/admin/verifier-keys",
    "POST /v1/admin/verifier-keys",
    "DELETE /v1/admin/verifier-keys/{id}",
    "GET /v1/admin/keys",
    "POST /v1/admin/keys",
    "DELETE /v1/admin/keys/{id}",
    "GET /v1/admin/events",
    "GET /v1/admin/live",
    "GET /v1/revocations",
    "POST /v1/revocations",
];

fn admin_route(number: u64) -> (&'static str, &'static str) {
    let route = ADMIN_ROUTES[number as usize % ADMIN_ROUTES.len()];
    route.split_once(' ').unwrap_or(("GET", route))
}

fn admin(from: &Identity, method: &str, path: &str) -> Request {
    Request::new(method, path).bearer(&from.target.admin_key)
}

fn form(path: &str, body: &str) -> Request {
    Request::post(path).body("application/x-www-form-urlencoded", body)
}

fn register(from: &Identity, number: u64, password: &str) -> Request {
    let username = format!("registered-{}-{number}", from.number);
    Request::post("/v1/register").json(&json!({ "username": username, "password": password }))
}

fn log_in(username: &str, password: &str) -> Request {
    Request::post("/v1/login").json(&json!({ "username": username, "password": password }))
}

fn refresh(token: &str) -> Request {
    Request::post("/v1/refresh").json(&json!({ "refresh_token": token }))
}

fn change_password(from: &Identity, current: &str, new: &str) -> Request {
    let passwords = json!({ "current_password": current, "new_password": new });
    Request::post("/v1/password").bearer(&from.session_token).json(&passwords)
}
