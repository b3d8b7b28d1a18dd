//! The hash of a password, made here or by another system.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Version};

use counterfoil_jose::random::{self, RandomUnavailable};

use crate::credentials::password::argon2_memory::Argon2Memory;
use crate::credentials::password::cost::Argon2Cost;
use crate::credentials::password::foreign_hashes::{ForeignHashError, FormText};
use crate::credentials::password::hash_params::{HashParams, PHPBB, StoredHash, UnusableHash};
use crate::credentials::password::plaintext::PlaintextPassword;

/// The length of our salts in bytes.
const SALT_LENGTH: usize = 16;
/// The length of our hashes in bytes.
const HASH_LENGTH: usize = 32;

/// The hash of a password: our own, a PHC string like `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`, or that
/// of another system in one of the forms of [`foreign_hashes`](crate::credentials::password::foreign_hashes).
///
/// ```
/// use counterfoil_core::credentials::password::PasswordHash;
///
/// let text = "$2b$12$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";
/// assert!(PasswordHash::import(text).is_ok());
/// assert!(PasswordHash::import("md5$salt$0123456789").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Hashes `password` with a new salt.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    ///
    /// # Panics
    ///
    /// If Argon2 does not support `cost`. Costs come from the configuration, never from a client.
    pub fn new(
        password: &PlaintextPassword,
        cost: Argon2Cost,
        memory: &mut Argon2Memory,
    ) -> Result<Self, RandomUnavailable> {
        let salt: [u8; SALT_LENGTH] = random::bytes()?;
        let params = HashParams { algorithm: Algorithm::Argon2id, cost };
        let hash = params
            .compute(password.bytes(), &salt, HASH_LENGTH, memory)
            .expect("the configured cost is valid");
        Ok(Self::from_parts(cost, &salt, &hash))
    }

    /// A random hash that no password matches (except with a probability of 2⁻²⁵⁶) and that takes as long to
    /// verify as a real one. Verifying it for unknown users hides whether a user exists.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    ///
    /// # Panics
    ///
    /// As [`PasswordHash::new`].
    pub fn dummy(cost: Argon2Cost) -> Result<Self, RandomUnavailable> {
        let (salt, hash): ([u8; SALT_LENGTH], [u8; HASH_LENGTH]) = (random::bytes()?, random::bytes()?);
        Ok(Self::from_parts(cost, &salt, &hash))
    }

    fn from_parts(cost: Argon2Cost, salt: &[u8], hash: &[u8]) -> Self {
        let params = cost.params(HASH_LENGTH).and_then(|params| params.try_into().ok());
        let text = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: params.expect("valid parameters have a text"),
            salt: Some(phc::Salt::new(salt).expect("sixteen bytes are a salt")),
            hash: Some(phc::Output::new(hash).expect("32 bytes are an output")),
        };
        Self(text.to_string())
    }

    /// Imports a hash that another system made.
    ///
    /// # Errors
    ///
    /// If the hash could not be verified here. This is checked at import, not at the first login.
    pub fn import(text: &str) -> Result<Self, ForeignHashError> {
        StoredHash::parse(text).map(|_| Self(text.to_owned()))
    }

    /// Whether `password` matches: in NFC, or as it was typed, which other systems may have hashed. The comparison takes
    /// the same time either way.
    ///
    /// # Errors
    ///
    /// If the hash cannot be verified.
    pub fn verify(
        &self,
        password: &PlaintextPassword,
        memory: &mut Argon2Memory,
    ) -> Result<bool, UnusableHash> {
        let stored = StoredHash::parse(&self.0).map_err(|_| UnusableHash)?;
        if stored.verify(password, memory)? {
            return Ok(true);
        }
        let read =
            self.0.starts_with(PHPBB).then(|| FormText::HtmlEntities.read_password(password)).flatten();
        read.map_or(Ok(false), |read| stored.verify(&read, memory))
    }

    /// Whether the hash has another scheme or cost than `wanted`, and should be replaced at the next login.
    pub fn needs_rehash(&self, wanted: Argon2Cost) -> bool {
        let expected = HashParams { algorithm: Algorithm::Argon2id, cost: wanted };
        match StoredHash::parse(&self.0) {
            Ok(StoredHash::Argon2(params, phc)) => {
                let lengths = (phc.salt.map(|salt| salt.len()), phc.hash.map(|hash| hash.len()));
                params != expected || lengths != (Some(SALT_LENGTH), Some(HASH_LENGTH)) || !self.is_argon2id()
            }
            Ok(StoredHash::Foreign(_)) | Err(_) => true,
        }
    }

    /// Whether the hash is Argon2id, the scheme that is used here, with any cost.
    pub fn is_argon2id(&self) -> bool {
        self.0.starts_with("$argon2id$")
    }

    /// The scheme and its cost: the text without salt and hash. Hashes with the same one take the same time to verify.
    ///
    /// ```
    /// use counterfoil_core::credentials::password::PasswordHash;
    ///
    /// let hash = PasswordHash::from_stored("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned());
    /// assert_eq!(hash.scheme(), "$argon2id$v=19$m=19456,t=2,p=1");
    /// ```
    pub fn scheme(&self) -> String {
        let parts: Vec<&str> = self.0.split('$').collect();
        match parts[..] {
            // LDAP, Better Auth, and the bytes of ASP.NET Core Identity: version 3 begins with its cost.
            [text] => return scheme_without_separators(text).to_owned(),
            // The cost of Django's scrypt is in front of the salt and behind it.
            ["scrypt", n, _salt, r, p, _hash] => return ["scrypt", n, r, p].join("$"),
            // phpass writes cost, salt and hash without a separator.
            [before, name @ ("P" | "H"), hash] => {
                return format!("{before}${name}${}", hash.chars().next().unwrap_or_default());
            }
            _ => {}
        }
        // bcrypt writes salt and hash without a separator.
        let is_bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|name| self.0.contains(name));
        let is_wordpress = self.0.starts_with("$wp$");
        let secrets = if is_bcrypt || is_wordpress { 1 } else { 2 };
        parts[..parts.len().saturating_sub(secrets).max(1)].join("$")
    }

    /// The hash with this text, as read from a store.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text, as a store saves it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn scheme_without_separators(text: &str) -> &str {
    match (text.find('}'), text.find(':')) {
        (Some(end), _) => &text[..end],
        (None, Some(_)) => "salt:hash",
        (None, None) if text.starts_with("AQ") => text.get(..16).unwrap_or(text),
        (None, None) if text.starts_with('A') => "A",
        (None, None) => text,
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use counterfoil_jose::Secret;

    use super::*;

    const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

    fn password(text: &str) -> PlaintextPassword {
        PlaintextPassword::new(&Secret::new(text.to_owned()))
    }

    #[test]
    fn the_dummy_hash_is_argon2id_and_matches_no_password() {
        let (dummy, mut memory) = (PasswordHash::dummy(CHEAP).unwrap(), Argon2Memory::default());

        assert!(dummy.is_argon2id() && !dummy.needs_rehash(CHEAP));
        assert_eq!(dummy.verify(&password(""), &mut memory), Ok(false));
        assert_ne!(dummy, PasswordHash::dummy(CHEAP).unwrap());
    }

    #[test]
    fn a_hash_matches_only_its_password() {
        let mut memory = Argon2Memory::default();
        let hash = PasswordHash::new(&password("correct horse"), CHEAP, &mut memory).unwrap();

        assert_eq!(hash.verify(&password("correct horse"), &mut memory), Ok(true));
        for other in ["correct horsf", "correct horse ", "Correct horse", ""] {
            assert_eq!(hash.verify(&password(other), &mut memory), Ok(false), "{other:?}");
        }
    }

    #[test]
    fn composed_and_decomposed_characters_are_the_same_password() {
        let mut memory = Argon2Memory::default();
        let hash = PasswordHash::new(&password("caf\u{e9} au lait"), CHEAP, &mut memory).unwrap();

        assert_eq!(hash.verify(&password("cafe\u{301} au lait"), &mut memory), Ok(true));
    }

    #[test]
    fn a_hash_above_the_cost_limit_is_not_computed() {
        let mut memory = Argon2Memory::default();
        for costly in ["m=4194304,t=2,p=1", "m=19456,t=4000000,p=1", "m=19456,t=2,p=200"] {
            let text = format!("$argon2id$v=19${costly}$c29tZXNhbHRzb21lc2FsdA${}", "A".repeat(43));
            let hash = PasswordHash::from_stored(text);
            assert_eq!(hash.verify(&password("x"), &mut memory), Err(UnusableHash), "{costly}");
        }
        assert_eq!(format!("{memory:?}"), "Argon2Memory(0 KiB)");
    }

    #[test]
    fn an_invalid_hash_matches_no_password() {
        let mut memory = Argon2Memory::default();
        for broken in [
            "",
            "$",
            "$argon2id$",
            "plain",
            "$2b$10$abcdefghijklmnopqrstuu",
            "$argon2d$v=19$m=64,t=1,p=1$c2Vhc2FsdDBzZWFzYWx0MA$iy0mc5oPhxTTu2427F/CvTbL9tOLPbRPE3FcPyIGcO8",
            "$argon2id$v=16$m=64,t=1,p=1$c2Vhc2FsdDBzZWFzYWx0MA$iy0mc5oPhxTTu2427F/CvTbL9tOLPbRPE3FcPyIGcO8",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA",
            "é",
        ] {
            let hash = PasswordHash::from_stored(broken.to_owned());
            assert_eq!(hash.verify(&password(""), &mut memory), Err(UnusableHash), "{broken:?}");
        }
    }

    #[test]
    fn a_hash_with_another_cost_needs_rehash() {
        let hash =
            PasswordHash::new(&password("correct horse"), CHEAP, &mut Argon2Memory::default()).unwrap();

        assert!(!hash.needs_rehash(CHEAP));
        assert!(hash.needs_rehash(Argon2Cost { iterations: 2, ..CHEAP }));
    }

    #[test]
    fn the_scheme_contains_neither_salt_nor_hash() {
        for (text, scheme) in [
            ("$2b$12$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS", "$2b$12"),
            (
                "bcrypt_sha256$$2b$06$sjDcszbvCIG6yRT6IBm0EOItT3Lfd6BuHkFkYArflrKmMCS.t5R3q",
                "bcrypt_sha256$$2b$06",
            ),
            ("$scrypt$ln=10,r=8,p=1$c2FsdA$aGFzaA", "$scrypt$ln=10,r=8,p=1"),
            ("scrypt$1024$salt$8$5$aGFzaA==", "scrypt$1024$8$5"),
            ("pbkdf2_sha256$1000$salt$aGFzaA=", "pbkdf2_sha256$1000"),
            ("pbkdf2_sha256$1000$2alt$aGFzaA=", "pbkdf2_sha256$1000"),
            ("pbkdf2:sha256:1000$salt$aabb", "pbkdf2:sha256:1000"),
            ("$wp$2y$10$2jqesExUa1pZkkLW.L5W8.T8Ga.9ga1F/B5vg23jT/csyJ.DKMrvS", "$wp$2y$10"),
            ("$P$B6/LlADfFzGFiKqdGTAna8B0wFz.6iB", "$P$B"),
            ("phpbb:$H$96PN.xdoXMkEWcx6lM5pA7ipkT3zwz0", "phpbb:$H$9"),
            ("{SSHA}0EZspRfK0+5/51zCA9QmzWJlY4guhZDy", "{SSHA"),
            ("cfb071a0e7ebde5d:c66b2d922a903bfe", "salt:hash"),
            ("AQAAAAEAACcQAAAAEGbLWpzfq1s5J1bYo5fwpXzfzfux", "AQAAAAEAACcQAAAA"),
            ("AFIRSY3Z8BjWERjNn/j+CK268a5zrKl8OnBCRwMTK6c6", "A"),
            ("broken", "broken"),
            ("", ""),
        ] {
            assert_eq!(PasswordHash::from_stored(text.to_owned()).scheme(), scheme, "{text}");
        }
    }

    #[test]
    fn argon2_hashes_of_other_systems_match_and_need_rehash() {
        let mut memory = Argon2Memory::default();
        // Made with Python's argon2-cffi and Django 5.2.
        for text in [
            "$argon2id$v=19$m=64,t=2,p=2$jrF2bu39n/M+h3AuBSDEeA$a75qffYnoOwjKLeVfRPRkkuMecN3/A9JfF+E4nUDQ/0",
            "$argon2i$v=19$m=64,t=2,p=1$Z+y9N6a09r73Pse4F0KIUQ$W0dmluR0/M0rAq0J0/nrMoAzDjFNOP6yErCZsIB6UN8",
            "argon2$argon2id$v=19$m=64,t=1,p=8$c2Vhc2FsdDBzZWFzYWx0MA$iy0mc5oPhxTTu2427F/CvTbL9tOLPbRPE3FcPyIGcO8",
        ] {
            let hash = PasswordHash::import(text).unwrap();
            assert_eq!(hash.verify(&password("correct horse battery"), &mut memory), Ok(true), "{text}");
            assert_eq!(hash.verify(&password("correct horse batterz"), &mut memory), Ok(false), "{text}");
            assert!(hash.needs_rehash(CHEAP), "{text}");
        }
    }

    #[test]
    fn a_hash_of_phpbb_matches_as_phpbb_reads_the_form() {
        let mut memory = Argon2Memory::default();
        // Of `a &amp; b`, made with `password_hash` of PHP 8.2.
        for text in [
            "$2y$05$lVY/H6gwiTLsZ/TFJ/1W2.EgSiHwWXJqGeJ5TbHkNDfmKFb9xVaqe",
            "$argon2id$v=19$m=64,t=1,p=1$b2t2UHBYVm5sdDh6YVFnNQ$JraYW0hQcZ42hmI+QK/MHapyQcQU1ovlH4d+MTAb6dU",
        ] {
            let hash = PasswordHash::import(&format!("phpbb:{text}")).unwrap();
            assert_eq!(hash.verify(&password(" a & b"), &mut memory), Ok(true), "{text}");
            assert_eq!(hash.verify(&password("a &amp; b"), &mut memory), Ok(true), "{text}");
            assert_eq!(hash.verify(&password("a < b"), &mut memory), Ok(false), "{text}");
            assert!(hash.needs_rehash(CHEAP));
            let other = PasswordHash::import(text).unwrap();
            assert_eq!(other.verify(&password("a & b"), &mut memory), Ok(false), "{text}");
        }
    }

    /// Texts that look like hashes, with costs that are acceptable in a test.
    fn hash_like() -> impl Strategy<Value = String> {
        let scheme = prop_oneof![
            Just("$2b$04$"),
            Just("$2a$"),
            Just("bcrypt$$2b$04$"),
            Just("bcrypt_sha256$$2y$05$"),
            Just("$argon2id$v=19$m=64,t=1,p=1$"),
            Just("argon2$argon2i$v=19$"),
            Just("$scrypt$ln=2,r=1,p=1$"),
            Just("scrypt$4$"),
            Just("$pbkdf2-sha256$i=2$"),
            Just("$pbkdf2-sha1$"),
            Just("pbkdf2_sha256$3$"),
            Just("$fbscrypt$v=1,n=2,r=1,p=1,ss=,sk="),
            Just("$wp$2y$04$"),
            Just("$P$5"),
            Just("$H$"),
            Just("phpbb:$2y$04$"),
            Just("phpbb:$argon2id$v=19$m=64,t=1,p=1$"),
            Just("{SSHA}"),
            Just("{SSHA512}"),
            Just("pbkdf2:sha256:2$"),
            Just("scrypt:4:1:1$"),
            Just("AQAAAAEAAAAC"),
            Just("00:"),
            Just("$"),
            Just(""),
        ];
        (scheme, "([./A-Za-z0-9$=,é-]{0,80}|\\PC{0,60})").prop_map(|(scheme, rest)| format!("{scheme}{rest}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn no_stored_text_panics_or_matches(text in hash_like(), attempt in "\\PC{0,80}") {
            let hash = PasswordHash::from_stored(text.clone());

            let check = hash.verify(&password(&attempt), &mut Argon2Memory::default());

            prop_assert_ne!(check, Ok(true));
            prop_assert_eq!(check.is_ok(), PasswordHash::import(&text).is_ok());
        }
    }
}
