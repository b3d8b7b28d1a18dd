//! The settings of what requests and connections may take.

use crate::configuration::draft::{number, seconds};
use crate::configuration::setting::{Form, Setting};

/// Bounds that are there for whoever asks, before it is known who that is.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "body_limit",
        form: Form::Number,
        default: "65536",
        meaning: "The most bytes of a body.",
        take: |draft, texts| number(texts, 1024, 1 << 30).map(|most| draft.rest.limits.body = most),
    },
    Setting {
        key: "body_memory",
        form: Form::Number,
        default: "134217728",
        meaning: "The most bytes that bodies take together while they are being read, 8 KiB for each at least; others are told to come back.",
        take: |draft, texts| number(texts, 1 << 20, 1 << 40).map(|most| draft.rest.limits.bodies = most),
    },
    Setting {
        key: "header_limit",
        form: Form::Number,
        default: "16384",
        meaning: "The most bytes of all headers together.",
        take: |draft, texts| number(texts, 8192, 1 << 20).map(|most| draft.rest.limits.headers = most),
    },
    Setting {
        key: "header_timeout",
        form: Form::Number,
        default: "10",
        meaning: "For how many seconds a client may send its headers.",
        take: |draft, texts| seconds(texts, 1, 600).map(|most| draft.rest.limits.header_read = most),
    },
    Setting {
        key: "request_timeout",
        form: Form::Number,
        default: "30",
        meaning: "How many seconds a request may take as a whole.",
        take: |draft, texts| seconds(texts, 1, 600).map(|most| draft.rest.limits.request = most),
    },
    Setting {
        key: "idle_timeout",
        form: Form::Number,
        default: "60",
        meaning: "For how many seconds a connection of HTTP/2 is kept on which nothing is asked for, a quarter longer at most. One of HTTP/1.1 waits no longer than for headers.",
        take: |draft, texts| seconds(texts, 1, 86_400).map(|most| draft.rest.limits.idle = most),
    },
    Setting {
        key: "connections",
        form: Form::Number,
        default: "10000",
        meaning: "The most connections at a time; others are closed at once.",
        take: |draft, texts| number(texts, 1, 1_000_000).map(|most| draft.rest.limits.connections = most),
    },
    Setting {
        key: "connections_of_source",
        form: Form::Number,
        default: "1000",
        meaning: "How many of them one source may have. Trusted proxies and this machine itself may have all.",
        take: |draft, texts| {
            number(texts, 1, 1_000_000).map(|most| draft.rest.limits.connections_of_source = most)
        },
    },
];
