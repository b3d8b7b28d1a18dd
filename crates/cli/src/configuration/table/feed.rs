//! Settings of the revocation feed.

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{duration, duration_text, limit, limit_text, number, precise_duration};

/// `[feed]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "feed.lease",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.feed.lease)),
        doc: "How long a verifier relies on a response of the feed. One that is cut off refuses every credential after that, \
              and a revocation that waits for the fleet takes at most a quarter longer. A poll waits for a third of it.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            precise_duration(values, "500ms", "5m").map(|lease| builder.settings.feed.lease = lease)
        },
    },
    Setting {
        name: "feed.max_stale",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.feed.max_stale)),
        doc: "The longest time for which a verifier may be configured to accept credentials after its lease; polls of one \
              with a longer time get 422. A revocation that waits for the fleet takes so much longer, so 0 allows none.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            duration(values, "0s", "1d").map(|stale| builder.settings.feed.max_stale = stale)
        },
    },
    Setting {
        name: "feed.max_instances_per_key",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.feed.max_instances_per_key.to_string()),
        doc: "How many processes may follow the feed with one verifier key at the same time; polls of further ones get 429.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 1, 1_000).map(|max| builder.settings.feed.max_instances_per_key = max)
        },
    },
    Setting {
        name: "feed.polls_per_instance",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.feed.polls_per_instance)),
        doc: "How many polls of one process are answered at once; further ones are answered later, at this rate.",
        former_names: &[],
        flag: None,
        apply: |builder, values| limit(values).map(|limit| builder.settings.feed.polls_per_instance = limit),
    },
    Setting {
        name: "feed.polls_per_key",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.feed.polls_per_key)),
        doc: "Polls of all processes with one verifier key; further ones get 429.",
        former_names: &[],
        flag: None,
        apply: |builder, values| limit(values).map(|limit| builder.settings.feed.polls_per_key = limit),
    },
    Setting {
        name: "feed.max_streams_per_key",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.feed.max_streams_per_key.to_string()),
        doc: "How many event streams of the feed one verifier key may have open; further ones get 429.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 0, 10_000).map(|max| builder.settings.feed.max_streams_per_key = max)
        },
    },
];
