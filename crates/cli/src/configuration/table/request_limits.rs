//! Settings of the limits of requests and connections. They hold before a client is authenticated.

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{duration_text, number, precise_duration};

/// Sizes, timeouts and numbers of connections.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "max_body_size",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.limits.max_body_size.to_string()),
        doc: "Maximum size of a request body, in bytes.",
        former_names: &["body_limit"],
        flag: None,
        apply: |builder, values| {
            number(values, 1024, 1 << 30).map(|size| builder.settings.limits.max_body_size = size)
        },
    },
    Setting {
        name: "max_total_body_memory",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.limits.max_total_body_memory.to_string()),
        doc: "Maximum memory of all request bodies that are being read, in bytes; each counts at least 8 KiB. More \
              are rejected with 503.",
        former_names: &["body_memory"],
        flag: None,
        apply: |builder, values| {
            number(values, 1 << 20, 1 << 40).map(|size| builder.settings.limits.max_total_body_memory = size)
        },
    },
    Setting {
        name: "max_header_size",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.limits.max_header_size.to_string()),
        doc: "Maximum size of all headers of a request, in bytes.",
        former_names: &["header_limit"],
        flag: None,
        apply: |builder, values| {
            number(values, 8192, 1 << 20).map(|size| builder.settings.limits.max_header_size = size)
        },
    },
    Setting {
        name: "header_timeout",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.limits.header_timeout)),
        doc: "How long a client may take to send the headers.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            precise_duration(values, "100ms", "10m").map(|time| builder.settings.limits.header_timeout = time)
        },
    },
    Setting {
        name: "request_timeout",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.limits.request_timeout)),
        doc: "How long a request may take in all.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            precise_duration(values, "100ms", "10m")
                .map(|time| builder.settings.limits.request_timeout = time)
        },
    },
    Setting {
        name: "idle_timeout",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.limits.idle_timeout)),
        doc: "How long an HTTP/2 connection may be idle; it is closed at most a quarter later. An HTTP/1.1 connection \
              waits for its next request no longer than `header_timeout`.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            precise_duration(values, "100ms", "1d").map(|time| builder.settings.limits.idle_timeout = time)
        },
    },
    Setting {
        name: "max_connections",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.limits.max_connections.to_string()),
        doc: "Maximum number of connections, as far as the process may open files. For one more, the server closes a \
              connection without a request in progress, of the client IP that has the most; without one, the new \
              connection is closed.",
        former_names: &["connections"],
        flag: None,
        apply: |builder, values| {
            number(values, 1, 1_000_000).map(|count| builder.settings.limits.max_connections = count)
        },
    },
    Setting {
        name: "max_connections_per_ip",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.limits.max_connections_per_ip.to_string()),
        doc: "Maximum number of connections of one client IP. Trusted proxies and loopback are exempt.",
        former_names: &["connections_of_source"],
        flag: None,
        apply: |builder, values| {
            number(values, 1, 1_000_000).map(|count| builder.settings.limits.max_connections_per_ip = count)
        },
    },
    Setting {
        name: "max_pending_connections_per_ip",
        form: Form::Number,
        default: DefaultValue::Value(|builder| {
            builder.settings.limits.max_pending_connections_per_ip.to_string()
        }),
        doc: "Maximum number of connections of one client IP that have sent no request yet, TLS handshakes included; \
              for one more, the oldest of them is closed. 1000000 turns the limit off. Trusted proxies are exempt, \
              loopback is not.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 1, 1_000_000)
                .map(|count| builder.settings.limits.max_pending_connections_per_ip = count)
        },
    },
];
