//! The examples of the calls for administrators.

use crate::http_reference::examples::Example;

/// In the order of the page.
pub(super) const EXAMPLES: &[Example] = &[
    Example {
        call: "GET /v1/admin/users",
        prepare: "",
        command: r#"curl "$base/v1/admin/users?limit=1" -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "POST /v1/admin/users",
        prepare: "",
        command: r#"curl $base/v1/admin/users -H "Authorization: Bearer $admin_key" -H "$json" \
  -d '{"username":"grace","password":"nine lamps for the lighthouse","roles":["staff"],"external_id":42}'"#,
    },
    Example {
        call: "GET /v1/admin/users/{id}",
        prepare: "id=$(admin 'users?username=grace' | first_id)",
        command: r#"curl $base/v1/admin/users/$id -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "PATCH /v1/admin/users/{id}",
        prepare: "",
        command: r#"curl -X PATCH $base/v1/admin/users/$id -H "Authorization: Bearer $admin_key" -H "$json" \
  -d '{"roles":["staff","editor"],"email":"grace@example.org","email_verified":true}'"#,
    },
    Example {
        call: "GET /v1/admin/users/{id}/sessions",
        prepare: r#"post $base/v1/login -d '{"username":"grace","password":"nine lamps for the lighthouse"}'"#,
        command: r#"curl $base/v1/admin/users/$id/sessions -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/admin/sessions",
        prepare: "",
        command: r#"curl "$base/v1/admin/sessions?mode=session&limit=1" -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "DELETE /v1/admin/users/{id}",
        prepare: "",
        command: r#"curl -X DELETE $base/v1/admin/users/$id -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/revocations",
        prepare: "",
        command: r#"curl "$base/v1/revocations?limit=1" -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "POST /v1/revocations",
        prepare: "id=$(admin 'users?username=ada' | first_id)",
        command: r#"curl $base/v1/revocations -H "Authorization: Bearer $admin_key" -H "$json" \
  -d '{"subject":"user:'$id'","reason":"a stolen laptop"}'"#,
    },
    Example {
        call: "GET /v1/admin/events",
        prepare: "",
        command: r#"curl "$base/v1/admin/events?user=$id&limit=1" -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/admin/live",
        prepare: "",
        command: r#"curl --no-buffer --max-time 1 "$base/v1/admin/live?topics=health" -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/admin/rate-limits",
        prepare: r#"post $base/v1/login -d '{"username":"ada","password":"wrong"}'"#,
        command: r#"curl "$base/v1/admin/rate-limits?username=ada" -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "DELETE /v1/admin/rate-limits",
        prepare: "",
        command: r#"curl -X DELETE "$base/v1/admin/rate-limits?username=ada" -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/admin/clients",
        prepare: "",
        command: r#"curl $base/v1/admin/clients -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "POST /v1/admin/clients",
        prepare: "",
        command: r#"curl $base/v1/admin/clients -H "Authorization: Bearer $admin_key" -H "$json" \
  -d '{"id":"mobile","modes":["hybrid"],"lifetimes":{"access":300}}'"#,
    },
    Example {
        call: "GET /v1/admin/clients/{id}",
        prepare: "",
        command: r#"curl $base/v1/admin/clients/mobile -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "PATCH /v1/admin/clients/{id}",
        prepare: "",
        command: r#"curl -X PATCH $base/v1/admin/clients/mobile -H "Authorization: Bearer $admin_key" -H "$json" \
  -d '{"scopes":["orders:read"]}'"#,
    },
    Example {
        call: "POST /v1/admin/admin-keys",
        prepare: "",
        command: r#"curl $base/v1/admin/admin-keys -H "Authorization: Bearer $admin_key" -H "$json" -d '{"name":"deploy"}'"#,
    },
    Example {
        call: "GET /v1/admin/admin-keys",
        prepare: "",
        command: r#"curl $base/v1/admin/admin-keys -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "DELETE /v1/admin/admin-keys/{id}",
        prepare: r#"id=$(admin admin-keys -d '{"name":"old"}' | pick id)"#,
        command: r#"curl -X DELETE $base/v1/admin/admin-keys/$id -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "POST /v1/admin/verifier-keys",
        prepare: "",
        command: r#"curl $base/v1/admin/verifier-keys -H "Authorization: Bearer $admin_key" -H "$json" \
  -d '{"name":"invoices"}'"#,
    },
    Example {
        call: "GET /v1/admin/verifier-keys",
        prepare: "",
        command: r#"curl $base/v1/admin/verifier-keys -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/admin/nodes",
        prepare: "",
        command: r#"curl $base/v1/admin/nodes -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/admin/verifiers",
        prepare: r#"for poll in 'orders-1&poll=2' 'orders-2&poll=1'; do
  curl -s "$base/v1/feed?instance=$poll" -H "Authorization: Bearer $verifier_key"
done"#,
        command: r#"curl "$base/v1/admin/verifiers?limit=1" -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "DELETE /v1/admin/verifier-keys/{id}",
        prepare: r#"id=$(admin verifier-keys -d '{"name":"old"}' | pick id)"#,
        command: r#"curl -X DELETE $base/v1/admin/verifier-keys/$id -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "GET /v1/admin/keys",
        prepare: "",
        command: r#"curl $base/v1/admin/keys -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "POST /v1/admin/keys",
        prepare: "",
        command: r#"curl -X POST $base/v1/admin/keys -H "Authorization: Bearer $admin_key""#,
    },
    Example {
        call: "DELETE /v1/admin/keys/{id}",
        prepare: "kid=$(admin keys | first_id)",
        command: r#"curl -X DELETE $base/v1/admin/keys/$kid -H "Authorization: Bearer $admin_key""#,
    },
];
