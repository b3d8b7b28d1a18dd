//! TLS, the certificate, and the clocks.

use std::time::Duration;

use counterfoil_jose::Time;

use crate::operations::doctor::row::Row;

/// The least time that a certificate must still be valid.
const RENEWAL_TIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The difference of two clocks that verifiers allow.
const CLOCK_LEEWAY: Duration = Duration::from_secs(60);

/// The difference of two clocks that is worth a look.
const CLOCK_WARNING: Duration = Duration::from_secs(5);

/// The version of TLS.
pub fn tls_version(version: &str) -> Row {
    match version {
        "TLSv1.3" => Row::good("TLS", "TLS 1.3"),
        "TLSv1.2" => Row::warning("TLS", "TLS 1.2", "ssl_protocols TLSv1.2 TLSv1.3;"),
        other => Row::wrong("TLS", other.to_owned(), "ssl_protocols TLSv1.2 TLSv1.3;"),
    }
}

/// TLS could not be agreed on, or the certificate is not trusted.
pub fn tls_failed(reason: &str) -> Row {
    Row::wrong(
        "TLS",
        reason.to_owned(),
        "serve a certificate for this name with its whole chain: ssl_certificate /…/fullchain.pem;",
    )
}

/// How long the certificate is valid.
pub fn certificate(ends_at: Option<Time>, now: Time) -> Row {
    let Some(ends_at) = ends_at else {
        return Row::not_checked("certificate", "its end cannot be read", "look at it with openssl x509");
    };
    let days = ends_at.since(now).as_secs() / (24 * 60 * 60);
    let mend = "renew it now, and look at why that did not happen by itself";
    match ends_at.since(now) {
        Duration::ZERO => Row::wrong("certificate", "it has ended", mend),
        left if left < RENEWAL_TIME => Row::warning("certificate", format!("it ends in {days} days"), mend),
        _ => Row::good("certificate", format!("it ends in {days} days")),
    }
}

/// The clock of this machine beside that of the server. The answer took `round_trip`, in which the clock cannot be compared.
pub fn clock(client: Time, server: Time, round_trip: Duration) -> Row {
    let difference = client.since(server).max(server.since(client)).saturating_sub(round_trip);
    let seen = match difference.as_secs() {
        0 => "less than a second apart".to_owned(),
        seconds => format!("{seconds} s apart"),
    };
    let mend = "let NTP set the clocks of both machines";
    match difference {
        it if it > CLOCK_LEEWAY => {
            Row::wrong("clock", format!("{seen}: a verifier with this clock rejects good tokens"), mend)
        }
        it if it > CLOCK_WARNING => Row::warning("clock", seen, mend),
        _ => Row::good("clock", seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::row::Verdict::{Good, NotChecked, Warning, Wrong};

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_certificate_must_be_renewed_in_time() {
        for (ends_at, expected) in [
            (Some(NOON + DAY * 90), Good),
            (Some(NOON + DAY * 13), Warning),
            (Some(NOON), Wrong),
            (None, NotChecked),
        ] {
            assert_eq!(certificate(ends_at, NOON).verdict, expected, "{ends_at:?}");
        }
    }

    #[test]
    fn clocks_must_agree_within_the_leeway_of_verifiers() {
        let second = Duration::from_secs(1);
        for (difference, expected) in [(0, Good), (6, Good), (7, Warning), (61, Warning), (62, Wrong)] {
            let other = NOON + second * difference;
            assert_eq!(clock(other, NOON, second).verdict, expected, "{difference}");
            assert_eq!(clock(NOON, other, second).verdict, expected, "{difference} behind");
        }
    }

    #[test]
    fn each_version_of_tls_has_its_verdict() {
        let verdicts = ["TLSv1.3", "TLSv1.2", "TLSv1.1"].map(|version| tls_version(version).verdict);
        assert_eq!(verdicts, [Good, Warning, Wrong]);
    }
}
