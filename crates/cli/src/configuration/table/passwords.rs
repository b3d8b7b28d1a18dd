//! Settings of registration, passwords and password hashing.

use counterfoil::Registration;
use counterfoil_core::credentials::password::Argon2Cost;

use crate::configuration::setting::{DefaultValue, Flag, Form, Scope, Setting};
use crate::configuration::value::{duration_text, number, path, precise_duration, word, word_for};

/// Argon2 needs 8 KiB for each lane (RFC 9106, section 3.1); this is enough for the maximum number of lanes.
const MIN_MEMORY_KIB: u64 = 8 * Argon2Cost::CEILING.parallelism as u64;

/// The words for [`Registration`].
const REGISTRATIONS: [(&str, Registration); 2] =
    [("open", Registration::Open), ("closed", Registration::Closed)];

/// Registration, the password policy, `[argon2]` and `[password_hashing]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "registration",
        form: Form::Text,
        default: DefaultValue::Value(|builder| word_for(&REGISTRATIONS, builder.settings.registration)),
        doc: "Who may register: `open`, anyone; `closed`, an operator adds users.",
        former_names: &[],
        flag: Some(Flag { name: "registration", value_name: "open|closed", scope: Scope::Server }),
        apply: |builder, values| {
            word(values, &REGISTRATIONS).map(|registration| builder.settings.registration = registration)
        },
    },
    Setting {
        name: "password_min_length",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.password_min_length.to_string()),
        doc: "Minimum length of new passwords, in characters. NIST SP 800-63B-4 requires 15 where the password is the \
              only factor.",
        former_names: &["password_rules"],
        flag: Some(Flag { name: "password-min-length", value_name: "LENGTH", scope: Scope::PasswordPolicy }),
        apply: |builder, values| {
            number(values, 8, 64).map(|length| builder.settings.password_min_length = length)
        },
    },
    Setting {
        name: "breached_passwords",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "File of breached passwords, built by `counterfoil passwords build-filter`; they are refused as new \
              passwords.",
        former_names: &[],
        flag: Some(Flag { name: "breached-passwords", value_name: "FILE", scope: Scope::PasswordPolicy }),
        apply: |builder, values| path(values).map(|file| builder.settings.breached_passwords = Some(file)),
    },
    Setting {
        name: "argon2.memory_kib",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.argon2.memory_kib.to_string()),
        doc: "Argon2id: memory of one password hash, in KiB.",
        former_names: &["password_memory"],
        flag: None,
        apply: |builder, values| {
            number(values, MIN_MEMORY_KIB, Argon2Cost::CEILING.memory_kib.into())
                .map(|memory| builder.settings.argon2.memory_kib = memory)
        },
    },
    Setting {
        name: "argon2.iterations",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.argon2.iterations.to_string()),
        doc: "Argon2id: passes over the memory.",
        former_names: &["password_passes"],
        flag: None,
        apply: |builder, values| {
            number(values, 1, Argon2Cost::CEILING.iterations.into())
                .map(|passes| builder.settings.argon2.iterations = passes)
        },
    },
    Setting {
        name: "argon2.parallelism",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.argon2.parallelism.to_string()),
        doc: "Argon2id: number of lanes.",
        former_names: &["password_lanes"],
        flag: None,
        apply: |builder, values| {
            number(values, 1, Argon2Cost::CEILING.parallelism.into())
                .map(|lanes| builder.settings.argon2.parallelism = lanes)
        },
    },
    Setting {
        name: "password_hashing.threads",
        form: Form::Number,
        default: DefaultValue::Description("the number of CPU cores"),
        doc: "How many passwords are hashed concurrently.",
        former_names: &["hashing_threads"],
        flag: None,
        apply: |builder, values| {
            number(values, 1, 1024).map(|threads| builder.settings.password_hashing_threads = threads)
        },
    },
    Setting {
        name: "password_hashing.queue_size",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.password_hashing_queue_size.to_string()),
        doc: "How many passwords may wait to be hashed; more are rejected with 503.",
        former_names: &["hashing_waiting"],
        flag: None,
        apply: |builder, values| {
            number(values, 0, 1_000_000).map(|size| builder.settings.password_hashing_queue_size = size)
        },
    },
    Setting {
        name: "password_hashing.max_share",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.password_hashing_max_share.to_string()),
        doc: "Percentage of the threads and the queue that one client IP, and one account, may use; more is rejected with \
              429. 100: no share applies.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 1, 100).map(|percent| builder.settings.password_hashing_max_share = percent)
        },
    },
    Setting {
        name: "password_hashing.max_delayed_refusals",
        form: Form::Number,
        default: DefaultValue::Value(|builder| {
            builder.settings.password_hashing_max_delayed_refusals.to_string()
        }),
        doc: "How many rate-limited logins may wait for the time of the slowest hash in use; further ones are answered at \
              once. 0: none waits.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 0, 1_000_000)
                .map(|count| builder.settings.password_hashing_max_delayed_refusals = count)
        },
    },
    Setting {
        name: "password_hashing.queue_timeout",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| {
            duration_text(builder.settings.password_hashing_queue_timeout)
        }),
        doc: "How long a password may wait to be hashed; after that it is rejected with 503.",
        former_names: &["hashing_deadline"],
        flag: None,
        apply: |builder, values| {
            precise_duration(values, "100ms", "10m")
                .map(|timeout| builder.settings.password_hashing_queue_timeout = timeout)
        },
    },
];
