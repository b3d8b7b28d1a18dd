//! Settings of a node.

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{InvalidValue, duration_text, precise_duration, single};

/// `[node]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "node.name",
        form: Form::Text,
        default: DefaultValue::Description("the host name"),
        doc: "With a PostgreSQL store: the name of this node, up to 255 characters. The nodes of a store must have different \
              names, which stay the same when they are restarted. Two with one name are not refused: both serve, because each \
              process has an id of its own; but they save one clock checkpoint, so that a start continues from the clock of the \
              other, also if that was ahead. Each logs a warning with the id of the other.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let name = single(values)?;
            if name.trim().is_empty() || name.chars().count() > 255 || name.chars().any(char::is_control) {
                return Err(InvalidValue::new("must have 1 to 255 characters, without control characters"));
            }
            builder.settings.node.name = Some(name.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "node.lease",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.node.lease)),
        doc: "With a PostgreSQL store: how long a node answers from memory after it has begun to read what other nodes have \
              committed. After that it accepts no credential until it can read again. \
              A revocation that waits for the fleet takes so much longer if a node is cut off.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            precise_duration(values, "500ms", "5m").map(|lease| builder.settings.node.lease = lease)
        },
    },
];
