//! The answers to the questions of `init`: read from a file, and what follows from them for the configuration.

use std::net::SocketAddr;
use std::path::Path;

use counterfoil::operator::advice::Answers;
use counterfoil::operator::is_loopback_ip;

use crate::configuration::builder::SettingsBuilder;
use crate::configuration::warnings::contradictions::LoopbackAddress;
use crate::error::CliError;
use crate::input_file::read_text;
use crate::standard_input::display_name;

/// The most bytes of the answers.
const MAX_LENGTH: u64 = 64 * 1024;

/// Reads answers from a file, or from standard input with `-`: JSON if it begins with a brace, else TOML.
///
/// # Errors
///
/// If the file cannot be read, or an answer is invalid; usage.
pub(crate) fn read(file: &Path) -> Result<Answers, CliError> {
    let text = read_text(file, MAX_LENGTH)?;
    let text = text.expose();
    // TOML does not begin with a brace.
    let answers = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    };
    answers.map_err(|error| {
        CliError::usage(format!("the answers in {} are invalid: {error}", display_name(file)))
    })
}

/// The address to listen on, if it is not the default: clients must find the server at a plain-HTTP issuer.
pub(crate) fn listen(answers: &Answers) -> Option<String> {
    let of_issuer = || {
        let address = LoopbackAddress::of_issuer(&answers.issuer.parse().ok()?)?.address();
        (address != SettingsBuilder::default().listen).then(|| address.to_string())
    };
    answers.listen.clone().or_else(of_issuer)
}

/// The proxies to trust. An https issuer on a plain loopback listener is behind a TLS proxy on this machine; if that were
/// not trusted, all clients would have its IP address.
pub(crate) fn trusted_proxies(answers: &Answers) -> Vec<String> {
    let is_behind_proxy = answers.issuer.starts_with("https://") && answers.tls.is_none();
    let is_on_loopback = answers.listen.as_deref().is_none_or(is_loopback);
    match answers.trusted_proxies.is_empty() && is_behind_proxy && is_on_loopback {
        true => ["127.0.0.0/8", "::1/128"].map(str::to_owned).to_vec(),
        false => answers.trusted_proxies.clone(),
    }
}

fn is_loopback(listen: &str) -> bool {
    listen.parse::<SocketAddr>().is_ok_and(|address| is_loopback_ip(address.ip()))
}
