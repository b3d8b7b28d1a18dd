//! The settings of the throttle: how often passwords may be guessed and users registered, and within which time.

use crate::configuration::draft::{number, seconds};
use crate::configuration::setting::{Form, Setting};

/// The most of anything, and the longest window: thirty days, in seconds.
const MOST: u64 = u32::MAX as u64;
const MONTH: u64 = 30 * 24 * 60 * 60;

/// A window begins with the first of what is counted in it.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "failed_logins",
        form: Form::Number,
        default: "20",
        meaning: "How many failed logins to one account from one source within a window; then that source has to wait.",
        take: |draft, texts| {
            number(texts, 1, MOST).map(|most| draft.rest.throttle.account_and_source.most = most)
        },
    },
    Setting {
        key: "failed_logins_window",
        form: Form::Number,
        default: "900",
        meaning: "That window, in seconds.",
        take: |draft, texts| {
            seconds(texts, 1, MONTH).map(|window| draft.rest.throttle.account_and_source.window = window)
        },
    },
    Setting {
        key: "failed_logins_of_source",
        form: Form::Number,
        default: "100",
        meaning: "How many failed logins from one source within a window, whatever the account.",
        take: |draft, texts| number(texts, 1, MOST).map(|most| draft.rest.throttle.source.most = most),
    },
    Setting {
        key: "failed_logins_of_source_window",
        form: Form::Number,
        default: "60",
        meaning: "That window, in seconds.",
        take: |draft, texts| {
            seconds(texts, 1, MONTH).map(|window| draft.rest.throttle.source.window = window)
        },
    },
    Setting {
        key: "failed_logins_in_a_row",
        form: Form::Number,
        default: "100",
        meaning: "How many failed logins to one account in a row from sources that it does not know, and how many wrong current passwords of one user in a row.",
        take: |draft, texts| number(texts, 1, MOST).map(|most| draft.rest.throttle.in_a_row.most = most),
    },
    Setting {
        key: "failed_logins_in_a_row_window",
        form: Form::Number,
        default: "86400",
        meaning: "For how many seconds such a row is remembered.",
        take: |draft, texts| {
            seconds(texts, 1, MONTH).map(|window| draft.rest.throttle.in_a_row.window = window)
        },
    },
    Setting {
        key: "known_source",
        form: Form::Number,
        default: "2592000",
        meaning: "For how many seconds an account knows a source after a login from there; strangers close it to no source that it knows.",
        take: |draft, texts| {
            seconds(texts, 0, 400 * 24 * 60 * 60).map(|known| draft.rest.throttle.known_for = known)
        },
    },
    Setting {
        key: "wrong_passwords",
        form: Form::Number,
        default: "20",
        meaning: "How many wrong current passwords in one session within a window, when a password is changed.",
        take: |draft, texts| {
            number(texts, 1, MOST).map(|most| draft.rest.throttle.password_changes.most = most)
        },
    },
    Setting {
        key: "wrong_passwords_window",
        form: Form::Number,
        default: "86400",
        meaning: "That window, in seconds.",
        take: |draft, texts| {
            seconds(texts, 1, MONTH).map(|window| draft.rest.throttle.password_changes.window = window)
        },
    },
    Setting {
        key: "registrations_of_source",
        form: Form::Number,
        default: "100",
        meaning: "How many registrations from one source within a window.",
        take: |draft, texts| number(texts, 1, MOST).map(|most| draft.rest.throttle.registrations.most = most),
    },
    Setting {
        key: "registrations_of_source_window",
        form: Form::Number,
        default: "3600",
        meaning: "That window, in seconds.",
        take: |draft, texts| {
            seconds(texts, 1, MONTH).map(|window| draft.rest.throttle.registrations.window = window)
        },
    },
    Setting {
        key: "ipv6_prefix",
        form: Form::Number,
        default: "64",
        meaning: "How many leading bits of an IPv6 address make a source.",
        take: |draft, texts| number(texts, 16, 128).map(|most| draft.rest.throttle.ipv6_prefix = most),
    },
];
