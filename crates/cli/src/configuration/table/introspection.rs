//! Settings of the rate limits of introspection.

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{limit, limit_text};

/// `[introspection]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "introspection.per_key",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.introspection.per_key)),
        doc: "Introspections with one verifier key or admin key; further ones get 429.",
        former_names: &[],
        flag: None,
        apply: |builder, values| limit(values).map(|limit| builder.settings.introspection.per_key = limit),
    },
    Setting {
        name: "introspection.per_ip",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.introspection.per_ip)),
        doc: "Introspections from one client IP, also those without a valid key.",
        former_names: &[],
        flag: None,
        apply: |builder, values| limit(values).map(|limit| builder.settings.introspection.per_ip = limit),
    },
];
