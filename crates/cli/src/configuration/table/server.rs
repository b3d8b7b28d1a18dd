//! Settings of the server itself: addresses, files, TLS, logs, trusted origins and proxies.

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{InvalidValue, path, single, socket_address, word};
use crate::logging::{self, LogFormat};

/// The settings that most installations set.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "issuer",
        form: Form::Text,
        default: DefaultValue::Description("the listen address, if it is loopback"),
        doc: "The `iss` of all tokens: the https URL at which clients reach the server, without a trailing slash; http \
              on loopback only.",
        former_names: &[],
        apply: |builder, values| {
            let invalid =
                |error: counterfoil::IssuerUrlError| InvalidValue::new(error.to_string()).hint(error.hint());
            builder.issuer = Some(single(values)?.parse().map_err(invalid)?);
            Ok(())
        },
    },
    Setting {
        name: "listen",
        form: Form::Text,
        default: DefaultValue::Value("127.0.0.1:3000"),
        doc: "IP address and port to listen on; port 0 picks a free one.",
        former_names: &[],
        apply: |builder, values| socket_address(values).map(|address| builder.listen = address),
    },
    Setting {
        name: "data_dir",
        form: Form::Text,
        default: DefaultValue::Value("counterfoil-data"),
        doc: "Directory of the store, the master key and the admin socket; created with mode 0700 if its parent exists.",
        former_names: &[],
        apply: |builder, values| path(values).map(|dir| builder.data_dir = dir),
    },
    Setting {
        name: "store",
        form: Form::Text,
        default: DefaultValue::Description("`sqlite:DATA_DIR/counterfoil.db`"),
        doc: "The store: `sqlite:FILE`.",
        former_names: &[],
        apply: |builder, values| {
            let text = single(values)?;
            if ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
                return Err(InvalidValue::new("PostgreSQL is not supported yet").hint("use sqlite:FILE"));
            }
            let invalid = |_| InvalidValue::new("must be a store like sqlite:auth.db");
            builder.store = Some(text.parse().map_err(invalid)?);
            Ok(())
        },
    },
    Setting {
        name: "master_key_file",
        form: Form::Text,
        default: DefaultValue::Description("`DATA_DIR/master-key`, created at the first start"),
        doc: "File of the master key: 32 bytes as base64url, readable only by its owner.",
        former_names: &[],
        apply: |builder, values| path(values).map(|file| builder.master_key.file = Some(file)),
    },
    Setting {
        name: "log_format",
        form: Form::Text,
        default: DefaultValue::Value("text"),
        doc: "Format of log lines: `text`, or `json` with one object per line.",
        former_names: &["log"],
        apply: |builder, values| {
            let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
            word(values, &formats).map(|format| builder.log_format = format)
        },
    },
    Setting {
        name: "log_level",
        form: Form::Text,
        default: DefaultValue::Description("the variable `RUST_LOG`, or `info`"),
        doc: "Log level, or several by target, like `warn,counterfoil::requests=info`.",
        former_names: &[],
        apply: |builder, values| {
            let text = single(values)?;
            let invalid =
                |error| InvalidValue::new(format!("must be a log level like info, not {text:?}: {error}"));
            logging::parse_levels(text).map_err(invalid)?;
            builder.log_level = Some(text.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "trusted_origins",
        form: Form::List,
        default: DefaultValue::Description("none"),
        doc: "Other origins whose pages may send unsafe requests with cookies, like `https://shop.example`; compared \
              exactly.",
        former_names: &[],
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
        apply: |builder, values| path(values).map(|file| builder.tls_certificate = Some(file)),
    },
    Setting {
        name: "tls.key",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "PEM file of the private key of the certificate. It must not be readable by others.",
        former_names: &["tls_key"],
        apply: |builder, values| path(values).map(|file| builder.tls_key = Some(file)),
    },
    Setting {
        name: "metrics.listen",
        form: Form::Text,
        default: DefaultValue::Description("none: no metrics are served"),
        doc: "IP address and port of `/metrics` (plain HTTP, no authentication): loopback, or a network for monitoring.",
        former_names: &["metrics_listen"],
        apply: |builder, values| socket_address(values).map(|address| builder.metrics_listen = Some(address)),
    },
];
