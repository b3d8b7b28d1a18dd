//! Settings of sessions, access tokens, refresh tokens and signing keys.

use std::num::{NonZeroU32, NonZeroU64};

use counterfoil_jose::Algorithm;

use crate::configuration::setting::{DefaultValue, Flag, Form, Scope, Setting};
use crate::configuration::value::{boolean, duration, duration_or_off, duration_text, number, word};

/// Sessions, tokens and keys. The lifetimes of tokens are properties of a client application, in the store.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "algorithm",
        form: Form::Text,
        default: DefaultValue::Value(|builder| builder.settings.algorithm.to_string()),
        doc: "Signature algorithm of access tokens: `ES256`, `ES384`, `ES512`, `Ed25519` (or `EdDSA`, its former name), \
              `RS256` to `RS512`, `PS256` to `PS512`, `ML-DSA-44`, `ML-DSA-65`, or `HS256` to `HS512`, with which every \
              verifier can also sign. A store with keys changes the algorithm by a rotation; switching between `HS…` \
              and the others is not supported.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let algorithms = Algorithm::ALL.map(|algorithm| (algorithm.as_str(), algorithm));
            word(values, &algorithms).map(|algorithm| builder.settings.algorithm = algorithm)
        },
    },
    Setting {
        name: "username_claim",
        form: Form::Boolean,
        default: DefaultValue::Value(|builder| builder.settings.username_claim.to_string()),
        doc: "Whether access tokens name their user in the claim `preferred_username`. Every service that gets a token can \
              read it.",
        former_names: &[],
        flag: None,
        apply: |builder, values| boolean(values).map(|has_claim| builder.settings.username_claim = has_claim),
    },
    Setting {
        name: "status_claim",
        form: Form::Boolean,
        default: DefaultValue::Value(|builder| builder.settings.status_claim.to_string()),
        doc: "Whether access tokens name their entry in a status list (the claim `status`, some 120 bytes), for services \
              that do not follow the revocation feed. The lists are served either way.",
        former_names: &[],
        flag: None,
        apply: |builder, values| boolean(values).map(|has_claim| builder.settings.status_claim = has_claim),
    },
    Setting {
        name: "signing_key_rotation_interval",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| {
            builder.settings.signing_key_rotation_interval.map_or_else(|| "off".to_owned(), duration_text)
        }),
        doc: "How long a key signs before it is rotated, at least `1d`; `off`: keys are rotated only on request.",
        former_names: &["key_rotation"],
        flag: None,
        apply: |builder, values| {
            duration_or_off(values, "1d", "3650d")
                .map(|interval| builder.settings.signing_key_rotation_interval = interval)
        },
    },
    Setting {
        name: "jwks_max_age",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.jwks_max_age)),
        doc: "How long services may cache the public keys. A new key does not sign before it has been published for \
              this long and two more minutes.",
        former_names: &[],
        flag: None,
        apply: |builder, values| duration(values, "1m", "1d").map(|age| builder.settings.jwks_max_age = age),
    },
    Setting {
        name: "max_sessions",
        form: Form::Number,
        default: DefaultValue::Value(|builder| {
            builder.settings.max_sessions.map_or(0, u32::from).to_string()
        }),
        doc: "Maximum number of active sessions of a user; at the limit a login ends the oldest one. `0`: no limit.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 0, u32::MAX.into()).map(|max| builder.settings.max_sessions = NonZeroU32::new(max))
        },
    },
    Setting {
        name: "max_session_data_per_user",
        form: Form::Number,
        default: DefaultValue::Value(|builder| {
            builder.settings.max_session_data_per_user.map_or(0, NonZeroU64::get).to_string()
        }),
        doc: "Maximum size of the data of all sessions of a user, in bytes; more gets 413. One session stores at most 16 \
              KiB, and up to 1 KiB always. `0`: no limit.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 0, 1 << 40)
                .map(|max| builder.settings.max_session_data_per_user = NonZeroU64::new(max))
        },
    },
    Setting {
        name: "session_cache_size",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.session_cache_size.to_string()),
        doc: "Number of cookie sessions that are cached in memory, about 700 bytes each.",
        former_names: &["remembered_sessions"],
        flag: None,
        apply: |builder, values| {
            number(values, 0, 1 << 30).map(|size| builder.settings.session_cache_size = size)
        },
    },
    Setting {
        name: "token_cache_size",
        form: Form::Number,
        default: DefaultValue::Value(|builder| builder.settings.token_cache_size.to_string()),
        doc: "Number of access tokens that are cached in memory once their signatures are verified, about 1.5 KiB each. With \
              more tokens in use than that, signatures are verified again, which takes several times as long. `0`: at each use.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            number(values, 0, 1 << 30).map(|size| builder.settings.token_cache_size = size)
        },
    },
    Setting {
        name: "clear_site_data_on_logout",
        form: Form::Boolean,
        default: DefaultValue::Value(|builder| builder.settings.clear_site_data_on_logout.to_string()),
        doc: "Whether a logout also deletes all other cookies and all storage of the host in the browser \
              (`Clear-Site-Data`); only for a host that serves one application.",
        former_names: &["logout_clears"],
        flag: None,
        apply: |builder, values| {
            boolean(values).map(|is_cleared| builder.settings.clear_site_data_on_logout = is_cleared)
        },
    },
    Setting {
        name: "refresh.reuse_grace",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.refresh_reuse_grace)),
        doc: "Grace period during which a used refresh token may be retried; `0s` allows no retry.",
        former_names: &["refresh_grace"],
        flag: Some(Flag { name: "refresh-reuse-grace", value_name: "DURATION", scope: Scope::Server }),
        apply: |builder, values| {
            duration(values, "0s", "1d").map(|grace| builder.settings.refresh_reuse_grace = grace)
        },
    },
];
