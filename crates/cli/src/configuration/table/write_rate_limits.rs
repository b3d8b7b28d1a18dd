//! Settings of the rate limits for requests that change something.

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{limit, limit_text};

/// `[write_rate_limit]`. A window begins with the first change that is counted in it.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "write_rate_limit.per_session",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.write_rate_limits.per_session)),
        doc: "Changes by one session: token exchanges, session data, administration; further ones get 429.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.write_rate_limits.per_session = limit)
        },
    },
    Setting {
        name: "write_rate_limit.per_user",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.write_rate_limits.per_user)),
        doc: "Changes by all sessions of one user, or by one admin key.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.write_rate_limits.per_user = limit)
        },
    },
    Setting {
        name: "write_rate_limit.per_ip",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.write_rate_limits.per_ip)),
        doc: "Changes and refreshes from one client IP, by all its sessions. Raise it for an application server that sends the requests of many users without forwarding their addresses.",
        former_names: &[],
        flag: None,
        apply: |builder, values| limit(values).map(|limit| builder.settings.write_rate_limits.per_ip = limit),
    },
    Setting {
        name: "write_rate_limit.refreshes_per_session",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| {
            limit_text(builder.settings.write_rate_limits.refreshes_per_session)
        }),
        doc: "Refreshes of one session.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.write_rate_limits.refreshes_per_session = limit)
        },
    },
    Setting {
        name: "write_rate_limit.refreshes_per_user",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| {
            limit_text(builder.settings.write_rate_limits.refreshes_per_user)
        }),
        doc: "Refreshes of all sessions of one user.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.write_rate_limits.refreshes_per_user = limit)
        },
    },
    Setting {
        name: "write_rate_limit.session_ends_per_user",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| {
            limit_text(builder.settings.write_rate_limits.session_ends_per_user)
        }),
        doc: "How often one user may end all sessions, or all others.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.write_rate_limits.session_ends_per_user = limit)
        },
    },
    Setting {
        name: "write_rate_limit.single_session_ends_per_user",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| {
            limit_text(builder.settings.write_rate_limits.single_session_ends_per_user)
        }),
        doc: "How many other sessions one user may end one by one.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.write_rate_limits.single_session_ends_per_user = limit)
        },
    },
];
