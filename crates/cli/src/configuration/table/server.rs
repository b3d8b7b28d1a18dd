//! Settings of the server itself: addresses, files, TLS, logs, trusted origins and proxies.

use counterfoil::{CacheUrl, CacheUrlError, StoreUrlError};

use crate::configuration::setting::{DefaultValue, Flag, Form, Scope, Setting};
use crate::configuration::value::{
    InvalidValue, duration_text, path, precise_duration, single, socket_address, word, word_for,
};
use crate::logging::{self, LogFormat};

/// The words for [`LogFormat`].
const LOG_FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

/// The settings that most installations set.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "issuer",
        form: Form::Text,
        default: DefaultValue::Description("the listen address, if it is loopback"),
        doc: "The `iss` of all tokens: the https URL at which clients reach the server, without a trailing slash; http \
              on loopback only.",
        former_names: &[],
        flag: Some(Flag { name: "issuer", value_name: "URL", scope: Scope::Issuer }),
        apply: |builder, values| {
            let invalid =
                |error: counterfoil::IssuerUrlError| InvalidValue::new(error.to_string()).hint(error.hint());
            builder.issuer = Some(single(values)?.parse().map_err(invalid)?);
            Ok(())
        },
    },
    Setting {
        name: "base_path",
        form: Form::Text,
        default: DefaultValue::Description("the root"),
        doc: "Path below which all routes are served, such as `/auth`; not for a proxy that removes the path itself.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let invalid = |error: counterfoil::BasePathError| InvalidValue::new(error.to_string());
            builder.settings.base_path = single(values)?.parse().map_err(invalid)?;
            Ok(())
        },
    },
    Setting {
        name: "listen",
        form: Form::Text,
        default: DefaultValue::Value(|builder| builder.listen.to_string()),
        doc: "IP address and port to listen on; port 0 picks a free one.",
        former_names: &[],
        flag: Some(Flag { name: "listen", value_name: "ADDRESS", scope: Scope::Address }),
        apply: |builder, values| socket_address(values).map(|address| builder.listen = address),
    },
    Setting {
        name: "shutdown_delay",
        form: Form::Duration,
        default: DefaultValue::Value(|builder| duration_text(builder.settings.shutdown_delay)),
        doc: "After SIGTERM: how long the server still serves while `/readyz` answers 503 and each response of HTTP/1.1 closes \
              its connection, so that load balancers send requests elsewhere first.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            precise_duration(values, "0s", "5m").map(|delay| builder.settings.shutdown_delay = delay)
        },
    },
    Setting {
        name: "data_dir",
        form: Form::Text,
        default: DefaultValue::Value(|builder| builder.data_dir.display().to_string()),
        doc: "Directory of the store, the master key and the admin socket; created with mode 0700 if its parent exists.",
        former_names: &[],
        flag: Some(Flag { name: "data-dir", value_name: "DIR", scope: Scope::Store }),
        apply: |builder, values| path(values).map(|dir| builder.data_dir = dir),
    },
    Setting {
        name: "store",
        form: Form::Text,
        default: DefaultValue::Description("`sqlite:DATA_DIR/counterfoil.db`"),
        doc: "The store: `sqlite:FILE`, or `postgres://USER@HOST/DATABASE` without a password, in a build with the feature \
              `postgres`. If an application embeds a file, its master key is in `FILE.key`, and commands use that.",
        former_names: &[],
        flag: Some(Flag { name: "store", value_name: "URL", scope: Scope::Store }),
        apply: |builder, values| {
            let text = single(values)?;
            let invalid = |error: StoreUrlError| match error {
                StoreUrlError::Redis => {
                    InvalidValue::new("cannot be Redis: sessions are not kept in Redis").hint(error.hint())
                }
                _ => {
                    InvalidValue::new("must be a store like sqlite:auth.db or postgres://auth@localhost/auth")
                }
            };
            let store: counterfoil::StoreUrl = text.parse().map_err(invalid)?;
            if store.has_password() {
                return Err(InvalidValue::new("must not contain a password")
                    .hint("write the URL into a file with mode 0600, and set store_file"));
            }
            builder.store = Some(store);
            Ok(())
        },
    },
    Setting {
        name: "store_file",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "File with the URL of the store, readable only by its owner and group; for a URL with a password. It is read at the \
              start, and again when the database refuses the password.",
        former_names: &[],
        flag: Some(Flag { name: "store-file", value_name: "FILE", scope: Scope::Store }),
        apply: |builder, values| path(values).map(|file| builder.store_file = Some(file)),
    },
    Setting {
        name: "cache",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "Cache of sessions in Redis or Valkey that several processes share, before a PostgreSQL database, in a build with the \
              feature `redis`: `redis://HOST`, `redis+sentinel://HOST,HOST/NAME` or `redis+cluster://HOST,HOST`, with TLS as \
              `rediss`; without a password.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let invalid = |error: CacheUrlError| InvalidValue::new(error.to_string());
            let cache: CacheUrl = single(values)?.parse().map_err(invalid)?;
            if cache.has_password() {
                return Err(InvalidValue::new("must not contain a password")
                    .hint("write the URL into a file with mode 0600, and set cache_file"));
            }
            builder.cache = Some(cache);
            Ok(())
        },
    },
    Setting {
        name: "cache_file",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "File with the URL of the cache, readable only by its owner and group; for a URL with a password. A change is taken up \
              within seconds, without a restart.",
        former_names: &[],
        flag: None,
        apply: |builder, values| path(values).map(|file| builder.cache_file = Some(file)),
    },
    Setting {
        name: "master_key_file",
        form: Form::Text,
        default: DefaultValue::Description("`DATA_DIR/master-key`, created at the first start"),
        doc: "File of the master key: 32 bytes as base64url, readable only by its owner. `COUNTERFOIL_MASTER_KEY` can hold \
              the key itself.",
        former_names: &[],
        flag: Some(Flag { name: "master-key-file", value_name: "FILE", scope: Scope::Store }),
        apply: |builder, values| path(values).map(|file| builder.master_key.file = Some(file)),
    },
    Setting {
        name: "log_format",
        form: Form::Text,
        default: DefaultValue::Value(|builder| word_for(&LOG_FORMATS, builder.log_format)),
        doc: "Format of log lines: `text`, short and coloured on a terminal, or `json` with one object per line.",
        former_names: &["log"],
        flag: Some(Flag { name: "log-format", value_name: "text|json", scope: Scope::Log }),
        apply: |builder, values| word(values, &LOG_FORMATS).map(|format| builder.log_format = format),
    },
    Setting {
        name: "log_level",
        form: Form::Text,
        default: DefaultValue::Description("the variable `RUST_LOG`, or `info`"),
        doc: "Log level, or several by target, like `warn,counterfoil::requests=info`.",
        former_names: &[],
        flag: Some(Flag { name: "log-level", value_name: "LEVELS", scope: Scope::Log }),
        apply: |builder, values| {
            let text = single(values)?;
            logging::parse_levels(text).map_err(InvalidValue::new)?;
            builder.log_level = Some(text.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "trusted_origins",
        form: Form::List,
        default: DefaultValue::Description("none"),
        doc: "Other origins whose pages may send unsafe requests with cookies and read the responses (CORS), like \
              `https://shop.example` or `capacitor://localhost`; compared exactly. Cookies reach the server from another \
              origin only within one site; pages of other sites use `\"transport\": \"bearer\"`.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let origin = |text: &String| {
                let invalid = |fault| InvalidValue::new(format!("{text:?} is not an origin: {fault}"));
                text.parse().map_err(invalid)
            };
            builder.settings.trusted_origins = values.iter().map(origin).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        name: "trusted_proxies",
        form: Form::List,
        default: DefaultValue::Description("none"),
        doc: "IP addresses and networks of proxies whose `X-Forwarded-For` or `Forwarded` is trusted, like \
              `10.0.0.0/8`. The proxy must set that header or append to it.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let network = |text: &String| {
                let invalid = |fault| InvalidValue::new(format!("{text:?} is not a network: {fault}"));
                text.parse().map_err(invalid)
            };
            builder.settings.trusted_proxies = values.iter().map(network).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        name: "tls.certificate",
        form: Form::Text,
        default: DefaultValue::Description("none: plain HTTP, for loopback or behind a TLS proxy"),
        doc: "PEM file of the certificate chain, the server's own certificate first. Reloaded when it changes.",
        former_names: &["tls_certificate"],
        flag: None,
        apply: |builder, values| path(values).map(|file| builder.tls_certificate = Some(file)),
    },
    Setting {
        name: "tls.key",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "PEM file of the private key of the certificate. It must not be readable by others.",
        former_names: &["tls_key"],
        flag: None,
        apply: |builder, values| path(values).map(|file| builder.tls_key = Some(file)),
    },
    Setting {
        name: "metrics.listen",
        form: Form::Text,
        default: DefaultValue::Description("none: no metrics are served"),
        doc: "IP address and port of `/metrics` (plain HTTP, no authentication): loopback, or a network for monitoring.",
        former_names: &["metrics_listen"],
        flag: Some(Flag { name: "metrics-listen", value_name: "ADDRESS", scope: Scope::Server }),
        apply: |builder, values| socket_address(values).map(|address| builder.metrics_listen = Some(address)),
    },
];
