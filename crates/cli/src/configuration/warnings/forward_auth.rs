//! Warnings about forward authentication: proxies that anyone can be, and settings that have no effect.

use counterfoil::{Network, Settings};

use super::{Check, warn_if};
use crate::configuration::Configuration;
use crate::configuration::diagnostic::Diagnostic;

/// The checks of this file.
pub(super) const CHECKS: &[Check] = &[
    |_, settings| {
        warn_if(
            settings.forward_auth.proxies.iter().any(Network::contains_every_address),
            "forward_auth.proxies",
            "every client can describe requests as a proxy does, and choose the host, the path and the method",
            "list the addresses of your proxies only",
        )
    },
    uncounted_clients,
    |_, settings| {
        warn_if(
            !settings.forward_auth.hosts.is_empty() && settings.forward_auth.proxies.is_empty(),
            "forward_auth.proxies",
            "it is empty, so that no proxy can ask about requests to forward_auth.hosts",
            "list the addresses of your proxies",
        )
    },
    |_, settings| {
        warn_if(
            settings.forward_auth.assertion && settings.algorithm.is_symmetric(),
            "forward_auth.assertion",
            "no application can verify an assertion that is signed with a shared secret: no public key is published",
            "set algorithm = \"Ed25519\", or turn the assertion off",
        )
    },
];

/// Warns of proxies whose clients are not known by their own addresses.
fn uncounted_clients(_: &Configuration, settings: &Settings) -> Option<Diagnostic> {
    let is_used = !settings.forward_auth.hosts.is_empty() || settings.login_url.is_some();
    warn_if(
        is_used && settings.trusted_proxies.is_empty() && !settings.forward_auth.per_ip.is_off(),
        "forward_auth.per_ip",
        "trusted_proxies is empty, so all clients of a proxy have its IP address, and no client has a share of its own",
        "add the addresses in forward_auth.proxies to trusted_proxies, and have the proxy set X-Forwarded-For",
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::configuration::warnings::warnings;

    /// The keys of the warnings about these lines.
    fn warned(lines: &str) -> Vec<String> {
        let text = format!("issuer = \"https://auth.example\"\n{lines}");
        let read = Configuration::from_text(Path::new("c.toml"), &text);
        let settings = read.validate(read.listen).unwrap();
        let keys = warnings(&read, &settings).into_iter().filter_map(|found| found.key);
        keys.filter(|key| key.starts_with("forward_auth") || key == "login_url").collect()
    }

    #[test]
    fn each_contradiction_is_reported_at_its_key() {
        let trusted = "trusted_proxies = [\"127.0.0.1\"]\n";
        let login = "login_url = \"https://auth.example/login\"\n";
        let hosts = "[forward_auth]\nhosts = [\"app.auth.example\"]\n";
        for (lines, expected) in [
            (String::new(), &[][..]),
            (format!("{trusted}{login}"), &[]),
            (login.to_owned(), &["forward_auth.per_ip"]),
            (format!("{trusted}{hosts}"), &[]),
            (format!("{trusted}{login}{hosts}"), &[]),
            (format!("{trusted}{login}{hosts}[cookies]\ndomain = \"auth.example\"\n"), &[]),
            (format!("{trusted}{hosts}proxies = []\n"), &["forward_auth.proxies"]),
            (format!("{trusted}[forward_auth]\nproxies = [\"0.0.0.0/0\"]\n"), &["forward_auth.proxies"]),
            (
                format!("{trusted}algorithm = \"HS256\"\n[forward_auth]\nassertion = true\n"),
                &["forward_auth.assertion"],
            ),
        ] {
            assert_eq!(warned(&lines), expected, "{lines}");
        }
    }
}
