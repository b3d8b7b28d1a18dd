//! Settings of the rate limits for logins, password changes and registrations.

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{duration, duration_text, limit, limit_text, number};

/// `[login_rate_limit]`, `[registration_rate_limit]` and `ipv6_prefix`. A window begins with the first
/// attempt that is counted in it.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "ipv6_prefix",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.rate_limits.ipv6_prefix.to_string()),
        doc: "Length of the IPv6 network that counts as one client IP, in bits.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 16, 128).map(|bits| builder.settings.rate_limits.ipv6_prefix = bits)
        },
    },
    Setting {
        name: "login_rate_limit.per_account_and_ip",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.rate_limits.per_account_and_ip)),
        doc: "Failed logins to one account from one client IP; further attempts get 429.",
        former_names: &["failed_logins", "failed_logins_window"],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.rate_limits.per_account_and_ip = limit)
        },
    },
    Setting {
        name: "login_rate_limit.per_ip",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.rate_limits.per_ip)),
        doc: "Failed logins from one client IP, to any account.",
        former_names: &["failed_logins_of_source", "failed_logins_of_source_window"],
        flag: None,
        apply: |builder, values| limit(values).map(|limit| builder.settings.rate_limits.per_ip = limit),
    },
    Setting {
        name: "login_rate_limit.per_account",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.rate_limits.per_account)),
        doc: "Consecutive failed logins to one account from client IPs that are not trusted for it, and consecutive \
              wrong current passwords of one user.",
        former_names: &["failed_logins_in_a_row", "failed_logins_in_a_row_window"],
        flag: None,
        apply: |builder, values| limit(values).map(|limit| builder.settings.rate_limits.per_account = limit),
    },
    Setting {
        name: "login_rate_limit.per_account_from_one_ip",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| {
            limit_text(builder.settings.rate_limits.per_account_from_one_ip)
        }),
        doc: "How many of the failures in `per_account` one client IP may cause; then the account rejects this IP, unless it \
              is trusted.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.rate_limits.per_account_from_one_ip = limit)
        },
    },
    Setting {
        name: "login_rate_limit.successful_per_account",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| {
            limit_text(builder.settings.rate_limits.successful_per_account)
        }),
        doc: "Successful logins to one account from one client IP.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.rate_limits.successful_per_account = limit)
        },
    },
    Setting {
        name: "login_rate_limit.successful_per_ip",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.rate_limits.successful_per_ip)),
        doc: "Successful logins from one client IP, to any account.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.rate_limits.successful_per_ip = limit)
        },
    },
    Setting {
        name: "login_rate_limit.trusted_ip_ttl",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.rate_limits.trusted_ip_ttl)),
        doc: "How long a client IP stays trusted for an account after a successful login. `per_account` does not lock \
              out trusted IPs.",
        former_names: &["known_source"],
        flag: None,
        apply: |builder, values| {
            duration(values, "0s", "400d").map(|ttl| builder.settings.rate_limits.trusted_ip_ttl = ttl)
        },
    },
    Setting {
        name: "login_rate_limit.password_change",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.rate_limits.password_change)),
        doc: "Wrong current passwords in one session when the password is changed.",
        former_names: &["wrong_passwords", "wrong_passwords_window"],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.rate_limits.password_change = limit)
        },
    },
    Setting {
        name: "login_rate_limit.password_changes_per_user",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| {
            limit_text(builder.settings.rate_limits.password_changes_per_user)
        }),
        doc: "Password changes of one user with the right current password, also those whose new password is refused.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.rate_limits.password_changes_per_user = limit)
        },
    },
    Setting {
        name: "registration_rate_limit.per_ip",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.rate_limits.registrations_per_ip)),
        doc: "Registrations from one client IP, also of a name that is taken.",
        former_names: &["registrations_of_source", "registrations_of_source_window"],
        flag: None,
        apply: |builder, values| {
            limit(values).map(|limit| builder.settings.rate_limits.registrations_per_ip = limit)
        },
    },
];
