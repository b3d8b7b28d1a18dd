//! The examples of the calls for libraries, services and orchestrators.

use crate::http_reference::examples::Example;

/// Documents in standard formats.
pub(super) const STANDARDS: &[Example] = &[
    Example { call: "GET /.well-known/jwks.json", prepare: "", command: "curl $base/.well-known/jwks.json" },
    Example {
        call: "GET /.well-known/oauth-authorization-server",
        prepare: "",
        command: "curl $base/.well-known/oauth-authorization-server",
    },
    Example { call: "GET /v1/status-lists", prepare: "", command: "curl $base/v1/status-lists" },
    Example {
        call: "GET /v1/status-lists/{n}",
        prepare: "",
        command: "curl --include $base/v1/status-lists/0",
    },
    Example { call: "GET /openapi.json", prepare: "", command: "curl $base/openapi.json" },
    Example {
        call: "GET /problems/{name}",
        prepare: "",
        command: "curl $base/problems/invalid-token -H 'Accept: application/json'",
    },
    Example {
        call: "POST /oauth/introspect",
        prepare: r#"verifier_key=$(admin verifier-keys -d '{"name":"orders"}' | pick key)
token=$(post $base/v1/login -d '{"username":"ada","password":"eight lamps for the lighthouse"}' | pick session_token)"#,
        command: r#"curl $base/oauth/introspect -H "Authorization: Bearer $verifier_key" -d "token=$token""#,
    },
    Example {
        call: "POST /oauth/revoke",
        prepare: "",
        command: r#"curl $base/oauth/revoke -d "token=$token""#,
    },
    Example {
        call: "GET /v1/feed",
        prepare: "",
        command: r#"curl "$base/v1/feed?instance=orders-1&poll=1" -H "Authorization: Bearer $verifier_key""#,
    },
    Example {
        call: "GET /v1/feed/stream",
        prepare: "",
        command: r#"curl --no-buffer --max-time 3 $base/v1/feed/stream -H "Authorization: Bearer $verifier_key""#,
    },
];

/// What a proxy asks.
pub(super) const PROXIES: &[Example] = &[
    Example {
        call: "GET /v1/verify/{proxy}",
        prepare: r#"token=$(post $base/v1/login -d '{"username":"ada","password":"eight lamps for the lighthouse"}' | pick session_token)"#,
        command: r#"curl --include $base/v1/verify/nginx -H "Authorization: Bearer $token" -H "X-Forwarded-Host: ${base#http://}" \
  -H 'X-Forwarded-Method: GET' -H 'X-Forwarded-Proto: http' -H 'X-Forwarded-Uri: /orders?page=2'"#,
    },
    Example {
        call: "GET /v1/verify/{proxy}/{options}",
        prepare: "",
        command: r#"curl $base/v1/verify/caddy/optional -H "X-Forwarded-Host: ${base#http://}" \
  -H 'X-Forwarded-Method: GET' -H 'X-Forwarded-Proto: http' -H 'X-Forwarded-Uri: /'"#,
    },
    Example {
        call: "GET /.counterfoil/start",
        prepare: "",
        command: r#"curl "$base/.counterfoil/start?return_to=%2Forders" -H 'X-Forwarded-Host: app.example' -H 'X-Forwarded-Proto: http'"#,
    },
    Example {
        call: "GET /v1/host-login",
        prepare: "",
        command: r#"curl "$base/v1/host-login?host=app.example&state=AAAAAAAAAAAAAAAAAAAAAA&return_to=%2Forders" \
  -H "Cookie: counterfoil-session=$token""#,
    },
    Example {
        call: "GET /.counterfoil/callback",
        prepare: r#"location=$(curl -s -o /dev/null -w '%{redirect_url}' "$base/v1/host-login?host=app.example&state=AAAAAAAAAAAAAAAAAAAAAA&return_to=%2Forders" -H "Cookie: counterfoil-session=$token")
code=${location#*code=}; code=${code%%&*}"#,
        command: r#"curl "$base/.counterfoil/callback?code=$code&state=AAAAAAAAAAAAAAAAAAAAAA&return_to=%2Forders" \
  -H 'Cookie: counterfoil-forward-state=AAAAAAAAAAAAAAAAAAAAAA' \
  -H 'X-Forwarded-Host: app.example' -H 'X-Forwarded-Proto: http'"#,
    },
    Example {
        call: "POST /.counterfoil/logout",
        prepare: "",
        command: r#"curl -X POST $base/.counterfoil/logout -H 'Origin: http://app.example' \
  -H 'X-Forwarded-Host: app.example' -H 'X-Forwarded-Proto: http'"#,
    },
];

/// Probes.
pub(super) const OPERATIONS: &[Example] = &[
    Example { call: "GET /healthz", prepare: "", command: "curl $base/healthz" },
    Example { call: "GET /readyz", prepare: "", command: "curl $base/readyz" },
    Example {
        call: "POST /v1/doctor/probes",
        prepare: "",
        command: r#"curl -X POST $base/v1/doctor/probes -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/doctor/request",
        prepare: r#"probe=$(curl -s -X POST $base/v1/doctor/probes -H "Authorization: Bearer $admin_key" | pick probe)"#,
        command: r#"curl $base/v1/doctor/request -H "Authorization: Bearer $probe""#,
    },
    Example {
        call: "GET /v1/doctor/events",
        prepare: "",
        command: r#"curl --no-buffer $base/v1/doctor/events -H "Authorization: Bearer $probe""#,
    },
];
