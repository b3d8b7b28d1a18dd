//! Warnings about tokens, password hashes and the hash queue.

use std::time::Duration;

use counterfoil_core::credentials::password::Argon2Cost;

use super::{Check, warn_if};

/// With a longer grace period a stolen refresh token can be used next to its successor for too long.
const MAX_REUSE_GRACE: Duration = Duration::from_secs(60);

/// Argon2id parameters that OWASP considers equal: memory in KiB, iterations.
const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// The checks of this file.
pub(super) const CHECKS: &[Check] = &[
    |_, settings| {
        warn_if(
            settings.refresh_reuse_grace > MAX_REUSE_GRACE,
            "refresh.reuse_grace",
            "a stolen refresh token can be used for more than a minute without being detected",
            "10s is enough to retry after a lost response",
        )
    },
    |_, settings| {
        warn_if(
            is_below_owasp(settings.argon2),
            "argon2.memory_kib",
            "the password hash is weaker than OWASP recommends, so a stolen database is cracked sooner",
            "remove memory_kib and iterations from [argon2]: the defaults are 19456 and 2",
        )
    },
    |_, settings| {
        warn_if(
            settings.algorithm.is_symmetric(),
            "algorithm",
            "with HMAC every service that can verify a token can also sign one",
            "use ES256 or Ed25519, unless no other service verifies tokens",
        )
    },
    |_, settings| {
        warn_if(
            settings.password_hashing_queue_timeout >= settings.limits.request_timeout,
            "password_hashing.queue_timeout",
            "a request times out before its password is hashed",
            "set it lower than request_timeout",
        )
    },
];

/// Whether the parameters are weaker than each that OWASP recommends.
fn is_below_owasp(cost: Argon2Cost) -> bool {
    !OWASP.iter().any(|(memory, passes)| cost.memory_kib >= *memory && cost.iterations >= *passes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owasp_recommendation_is_enough_and_less_is_not() {
        for (memory_kib, iterations) in OWASP {
            assert!(!is_below_owasp(Argon2Cost { memory_kib, iterations, parallelism: 1 }));
            assert!(is_below_owasp(Argon2Cost { memory_kib: memory_kib - 1, iterations, parallelism: 1 }));
        }
        assert!(is_below_owasp(Argon2Cost { memory_kib: 19_456, iterations: 1, parallelism: 4 }));
        assert!(!is_below_owasp(Argon2Cost::default()));
    }
}
