//! The examples of the calls for clients and users.

use crate::http_reference::examples::Example;

/// In the order of the page.
pub(super) const EXAMPLES: &[Example] = &[
    Example {
        call: "POST /v1/register",
        prepare: "",
        command: r#"curl $base/v1/register -H "$json" \
  -d '{"username":"ada","password":"seven lamps for the lighthouse"}'"#,
    },
    Example {
        call: "POST /v1/login",
        prepare: "",
        command: r#"curl $base/v1/login -H "$json" \
  -d '{"username":"ada","password":"seven lamps for the lighthouse","mode":"hybrid","label":"phone"}'"#,
    },
    Example {
        call: "POST /v1/refresh",
        prepare: "refresh_token=$(login hybrid | pick refresh_token)",
        command: r#"curl $base/v1/refresh -H "$json" -d '{"refresh_token":"'$refresh_token'"}'"#,
    },
    Example {
        call: "POST /v1/logout",
        prepare: "token=$(login jwt | pick access_token)",
        command: r#"curl -X POST $base/v1/logout -H "Authorization: Bearer $token""#,
    },
    Example {
        call: "GET /v1/me",
        prepare: "token=$(login session | pick session_token)",
        command: r#"curl $base/v1/me -H "Authorization: Bearer $token""#,
    },
    Example {
        call: "POST /v1/token",
        prepare: "",
        command: r#"curl $base/v1/token -H "Authorization: Bearer $token" -H "$json" \
  -d '{"audience":"https://shop.example","scope":"orders:read"}'"#,
    },
    Example {
        call: "GET /v1/sessions",
        prepare: "",
        command: r#"curl "$base/v1/sessions?limit=2" -H "Authorization: Bearer $token""#,
    },
    Example {
        call: "GET /v1/sessions/{id}",
        prepare: r#"id=$(login session | sed 's/.*"session":{"id":"\([^"]*\)".*/\1/')"#,
        command: r#"curl $base/v1/sessions/$id -H "Authorization: Bearer $token""#,
    },
    Example {
        call: "PATCH /v1/sessions/{id}",
        prepare: r#"id=$(login session | sed 's/.*"session":{"id":"\([^"]*\)".*/\1/')"#,
        command: r#"curl -X PATCH $base/v1/sessions/$id -H "Authorization: Bearer $token" -H "$json" \
  -d '{"label":"phone"}'"#,
    },
    Example {
        call: "DELETE /v1/sessions/{id}",
        prepare: r#"id=$(login session | sed 's/.*"session":{"id":"\([^"]*\)".*/\1/')"#,
        command: r#"curl -X DELETE $base/v1/sessions/$id -H "Authorization: Bearer $token""#,
    },
    Example {
        call: "DELETE /v1/sessions",
        prepare: r#"curl -s -X DELETE $base/v1/sessions -H "Authorization: Bearer $token"; login jwt"#,
        command: r#"curl -X DELETE "$base/v1/sessions?except=current" -H "Authorization: Bearer $token""#,
    },
    Example {
        call: "GET /v1/activity",
        prepare: "",
        command: r#"curl "$base/v1/activity?limit=1" -H "Authorization: Bearer $token""#,
    },
    Example {
        call: "PATCH /v1/session/data",
        prepare: "",
        command: r#"curl -X PATCH $base/v1/session/data -H "Authorization: Bearer $token" -H "$json" \
  -d '{"theme":"dark","cart":{"pears":2}}'"#,
    },
    Example {
        call: "GET /v1/session/data",
        prepare: "",
        command: r#"curl $base/v1/session/data -H "Authorization: Bearer $token""#,
    },
    Example {
        call: "POST /v1/password",
        prepare: "",
        command: r#"curl $base/v1/password -H "Authorization: Bearer $token" -H "$json" \
  -d '{"current_password":"seven lamps for the lighthouse","new_password":"eight lamps for the lighthouse"}'"#,
    },
];
