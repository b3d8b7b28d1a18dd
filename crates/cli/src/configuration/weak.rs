//! What is allowed and unwise: told by `check`, with the reason.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use counterfoil::{Network, Registration, Settings};
use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::configuration::Common;
use crate::configuration::source::{Finding, Place};

/// From here on a stolen refresh token lives too long beside its successor.
const LONG_GRACE: Duration = Duration::from_secs(60);

/// From here on a source or an account is guessed at more often than any person errs: ten times the defaults.
const MOST_OF_ACCOUNT_A_DAY: u64 = 10 * 20 * 96;
const MOST_OF_SOURCE_A_DAY: u64 = 10 * 100 * 24 * 60;

/// A day: the shortest memory of a row of failures, and of the sources that an account knows.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Costs that OWASP puts on one level: memory in KiB, passes.
const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// Everything that is weak about settings which are otherwise right.
pub(crate) fn weak(common: &Common, settings: &Settings) -> Vec<Finding> {
    let mut weak = common.unknown().to_vec();
    weak.extend(unnamed_proxy(common.listen.ip(), settings));
    let mut add = |is_weak: bool, key: &str, message: &str, hint: &str| {
        if is_weak {
            weak.push(finding(key, message, hint));
        }
    };
    let is_public = settings.issuer.is_secure() || !common.listen.ip().is_loopback();
    add(
        !settings.issuer.is_secure(),
        "issuer",
        "it is plain HTTP, so cookies are not Secure and everything travels in the clear",
        "fine for trying out on this machine; name an https issuer for everybody else",
    );
    add(
        settings.tls.is_none() && !common.listen.ip().is_loopback(),
        "listen",
        "it is plain HTTP beyond loopback: whoever sees the way from the proxy sees passwords",
        "set tls_certificate and tls_key, or listen where only the proxy can reach",
    );
    add(
        common.metrics_listen.is_some_and(|address| !address.ip().is_loopback()),
        "metrics_listen",
        "whoever reaches it reads how many log in and how many fail, in the clear and unasked",
        "listen on loopback, or on a network that only those who watch are in",
    );
    add(
        settings.registration == Registration::Open && is_public,
        "registration",
        "strangers may register",
        "registration = \"closed\", unless that is what the service is for",
    );
    add(
        settings.refresh_grace > LONG_GRACE,
        "refresh_grace",
        "a stolen refresh token is answered beside its owner's for more than a minute, and nobody notices",
        "10 seconds are enough for a lost answer",
    );
    add(
        is_cheap(settings.password_cost),
        "password_memory",
        "a password hash costs less than OWASP wants, and a stolen database is guessed sooner",
        "leave password_memory and password_passes out: the default is 19456 KiB and 2 passes",
    );
    add(
        settings.algorithm.is_symmetric(),
        "algorithm",
        "with HMAC every service that can verify a token can also sign one",
        "ES256 or Ed25519, unless nobody else verifies",
    );
    add(
        settings.hashing_deadline >= settings.limits.request,
        "hashing_deadline",
        "a request is given up before its password is hashed, so the hash is for nothing",
        "make it shorter than request_timeout",
    );
    add(
        settings.trusted_origins.iter().any(|origin| is_plain_abroad(origin.as_str())),
        "trusted_origins",
        "a page that came over plain HTTP may have been written by anybody on its way",
        "name https origins only",
    );
    add(
        settings.trusted_proxies.iter().any(Network::is_everybody),
        "trusted_proxies",
        "whoever connects may say where from, and has as many guesses as there are addresses",
        "name the networks of your proxies only",
    );
    add(
        settings.throttle.in_a_row.most > 100,
        "failed_logins_in_a_row",
        "a password may be guessed more than 100 times in a row (NIST SP 800-63B-4, section 3.2.2)",
        "leave it out: the default is 100",
    );
    let guesses = &settings.throttle;
    add(
        a_day(guesses.account_and_source) > MOST_OF_ACCOUNT_A_DAY,
        "failed_logins",
        "one source may guess at one account thousands of times a day",
        "the defaults are 20 within 900 seconds",
    );
    add(
        a_day(guesses.source) > MOST_OF_SOURCE_A_DAY,
        "failed_logins_of_source",
        "one source may guess more than a million passwords a day",
        "the defaults are 100 within 60 seconds",
    );
    add(
        guesses.in_a_row.window < DAY,
        "failed_logins_in_a_row_window",
        "a row of failures is forgotten within the day, so a password may be guessed more than 100 times",
        "leave it out: the default is 86400",
    );
    add(
        guesses.known_for < DAY,
        "known_source",
        "an account knows nobody, so a stranger who fails on purpose locks its owner out",
        "leave it out: the default is 2592000, thirty days",
    );
    add(
        guesses.password_changes.most >= guesses.in_a_row.most,
        "wrong_passwords",
        "whoever holds one session can keep the user from changing the password",
        "make it a fifth of failed_logins_in_a_row or less",
    );
    let files = [
        (
            "config",
            common.file.as_deref(),
            0o022,
            "others may write it, and so decide what is safe",
            "chmod go-w it",
        ),
        ("data_dir", settings.data_dir.as_deref(), 0o077, "others may look into it", "chmod 700 it"),
    ];
    for (key, file, mask, message, hint) in files {
        if file.is_some_and(|file| has_mode(file, mask)) {
            weak.push(finding(key, message, hint));
        }
    }
    weak
}

/// How often in a day, window after window.
fn a_day(rate: RateLimit) -> u64 {
    u64::from(rate.most).saturating_mul(DAY.as_secs()) / rate.window.as_secs().max(1)
}

/// An https issuer on a plain listener is behind a proxy; one that is not named hides where everybody comes from.
pub(crate) fn unnamed_proxy(listen: IpAddr, settings: &Settings) -> Option<Finding> {
    let is_behind = settings.issuer.is_secure() && settings.tls.is_none();
    let hint = if listen.is_loopback() {
        "trusted_proxies = [\"127.0.0.0/8\", \"::1\"], and have the proxy set X-Forwarded-For (or Forwarded) itself"
    } else {
        "name the address of the proxy, and have it set X-Forwarded-For (or Forwarded) itself"
    };
    (is_behind && settings.trusted_proxies.is_empty()).then(|| {
        finding(
            "trusted_proxies",
            "the proxy that ends TLS is not named, so all clients are one source: they share their failed logins, \
             and the journal knows no address",
            hint,
        )
    })
}

fn finding(key: &str, message: &str, hint: &str) -> Finding {
    Finding {
        key: Some(key.to_owned()),
        place: Place::Together,
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    }
}

/// Whether it is below each of the costs that OWASP puts on one level.
fn is_cheap(cost: Argon2Cost) -> bool {
    !OWASP.iter().any(|(memory, passes)| cost.memory >= *memory && cost.passes >= *passes)
}

/// Whether an origin is plain HTTP, and not on this machine.
fn is_plain_abroad(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else { return false };
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| match port.parse::<u16>() {
        Ok(_) => host,
        Err(_) => authority,
    });
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
}

fn has_mode(file: &Path, mask: u32) -> bool {
    fs::metadata(file).is_ok_and(|about| about.permissions().mode() & mask != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_owasp_costs_is_enough_and_nothing_below() {
        for (memory, passes) in OWASP {
            assert!(!is_cheap(Argon2Cost { memory, passes, lanes: 1 }));
            assert!(is_cheap(Argon2Cost { memory: memory - 1, passes, lanes: 1 }));
        }
        assert!(is_cheap(Argon2Cost { memory: 19_456, passes: 1, lanes: 4 }));
        assert!(!is_cheap(Argon2Cost::default()));
    }

    #[test]
    fn plain_pages_of_other_machines_are_not_trusted_lightly() {
        for (origin, is_weak) in [
            ("http://shop.example", true),
            ("http://shop.example:8080", true),
            ("http://localhost.example", true),
            ("https://shop.example", false),
            ("http://localhost:8080", false),
            ("http://127.0.0.1", false),
            ("http://[::1]:80", false),
            ("http://[::1]", false),
        ] {
            assert_eq!(is_plain_abroad(origin), is_weak, "{origin}");
        }
    }
}
