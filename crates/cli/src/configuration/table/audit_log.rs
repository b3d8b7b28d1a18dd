//! Settings of the audit log.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{boolean, duration, duration_or_off, duration_text, number};

/// `[audit_log]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "audit_log.retention",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.audit_log.retention)),
        doc: "How long an audit event is kept.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            duration(values, "1d", "36500d").map(|age| builder.settings.audit_log.retention = age)
        },
    },
    Setting {
        name: "audit_log.max_events",
        form: Form::Number,
        default: DefaultValue::Value(|builder| {
            builder.settings.audit_log.max_events.map_or(0, u64::from).to_string()
        }),
        doc: "How many audit events are kept, about 400 bytes each; above it the oldest are removed before their time, \
              and the log warns. `0`: no limit.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 0, 1 << 40).map(|max| builder.settings.audit_log.max_events = NonZeroU64::new(max))
        },
    },
    Setting {
        name: "audit_log.failure_window",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.audit_log.failure_window)),
        doc: "How long failed logins and password changes of one client IP are counted before their number is recorded \
              in one audit event; the first one is recorded at once. `\"off\"`: each has an event of its own.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let window = duration_or_off(values, "1m", "1d")?;
            builder.settings.audit_log.failure_window = window.unwrap_or(Duration::ZERO);
            Ok(())
        },
    },
    Setting {
        name: "audit_log.expired_sessions",
        form: Form::Boolean,
        default: DefaultValue::Value(|builder| builder.settings.audit_log.records_expiries.to_string()),
        doc: "Whether the expiry of each session is recorded in an audit event, one to two minutes after it. `false` saves \
              space where sessions are short and many.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            boolean(values).map(|records| builder.settings.audit_log.records_expiries = records)
        },
    },
];
