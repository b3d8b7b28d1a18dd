//! Settings of forward authentication.

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{InvalidValue, boolean, limit, limit_text, single};

/// `login_url` and `[forward_auth]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "login_url",
        form: Form::Text,
        default: DefaultValue::Description("none: the answer is 401"),
        doc: "The page to which forward authentication sends a browser without a credential, with the address to return to in \
              `return_to`: an http or https URL without a query.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let invalid = |error: counterfoil::LoginUrlError| InvalidValue::new(error.to_string());
            builder.settings.login_url = Some(single(values)?.parse().map_err(invalid)?);
            Ok(())
        },
    },
    Setting {
        name: "forward_auth.hosts",
        form: Form::List,
        default: DefaultValue::Description("none: only the host of the issuer"),
        doc: "Other hosts whose applications a proxy guards, like `app.example`, with the port if it is not the default one.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let host = |text: &String| {
                let invalid = |fault| InvalidValue::new(format!("{text:?} is no host: {fault}"));
                text.parse().map_err(invalid)
            };
            builder.settings.forward_auth.hosts = values.iter().map(host).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        name: "forward_auth.proxies",
        form: Form::List,
        default: DefaultValue::Description("`127.0.0.0/8` and `::1`"),
        doc: "IP addresses and networks of the proxies that may ask whether a request is authenticated. Others get 403.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let network = |text: &String| {
                let invalid = |fault| InvalidValue::new(format!("{text:?} is not a network: {fault}"));
                text.parse().map_err(invalid)
            };
            builder.settings.forward_auth.proxies = values.iter().map(network).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        name: "forward_auth.assertion",
        form: Form::Boolean,
        default: DefaultValue::Value(|builder| builder.settings.forward_auth.assertion.to_string()),
        doc: "Whether the application gets a signed statement about the user in `Remote-Assertion`, so that it need not trust the \
              network to the proxy.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            boolean(values).map(|assertion| builder.settings.forward_auth.assertion = assertion)
        },
    },
    Setting {
        name: "forward_auth.per_ip",
        form: Form::Limit,
        default: DefaultValue::Value(|builder| limit_text(builder.settings.forward_auth.per_ip)),
        doc: "Requests of one client IP to guarded applications; further ones get 429. They are counted only if the proxy is in \
              `trusted_proxies`: otherwise all clients have its IP.",
        former_names: &[],
        flag: None,
        apply: |builder, values| limit(values).map(|limit| builder.settings.forward_auth.per_ip = limit),
    },
];
