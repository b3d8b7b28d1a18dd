//! A password on its way through, and what is kept of it.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use icu_normalizer::ComposingNormalizer;

use counterfoil_jose::random::{self, Unavailable};
use counterfoil_jose::{Secret, constant_time};

/// A password as somebody typed it, in NFC: one who types é as one or as two code points is the same.
///
/// Neither trimmed nor folded nor cut. Wiped when dropped.
#[derive(Clone, Debug)]
pub struct Password(Secret<String>);

/// What is wrong with a password that somebody wants to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too short to withstand guessing.
    #[error("must have at least 8 characters")]
    Short,
    /// Longer than we hash; it is refused, never cut.
    #[error("must have at most 256 characters")]
    Long,
}

impl Password {
    /// The most code points that are ever hashed.
    pub const LONGEST: usize = 256;
    /// The fewest that a new password may have.
    pub const SHORTEST: usize = 8;

    /// Takes what was typed.
    pub fn typed(text: &Secret<String>) -> Self {
        Self(Secret::new(ComposingNormalizer::new_nfc().normalize(text.expose()).into_owned()))
    }

    /// Judges it as a new password.
    ///
    /// # Errors
    ///
    /// If it is too short or too long.
    pub fn judge(&self) -> Result<(), PasswordFault> {
        match self.0.expose().chars().count() {
            0..Self::SHORTEST => Err(PasswordFault::Short),
            Self::SHORTEST..=Self::LONGEST => Ok(()),
            _ => Err(PasswordFault::Long),
        }
    }

    /// Whether it is longer than anything that was ever hashed.
    pub fn is_too_long(&self) -> bool {
        self.0.expose().chars().count() > Self::LONGEST
    }

    fn bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// What one hash costs: memory in KiB, passes, lanes.
///
/// The default is the OWASP one, 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl Cost {
    /// The most that a kept hash may ask for: who can write a hash is not to stop the server with it.
    pub const CEILING: Self = Self { memory: 128 * 1024, passes: 16, lanes: 4 };

    fn is_within_ceiling(&self) -> bool {
        self.memory <= Self::CEILING.memory
            && self.passes <= Self::CEILING.passes
            && self.lanes <= Self::CEILING.lanes
    }

    fn hasher(&self) -> Option<Argon2<'static>> {
        let params = Params::new(self.memory, self.passes, self.lanes, Some(32)).ok()?;
        Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// The memory that one hash at a time works in: taken once and used again, so that a storm of logins costs
/// no more of it than there are workers. It still holds traces of the last password when it is dropped, and
/// [`Workspace::wipe`] overwrites them.
#[derive(Default)]
pub struct Workspace(Vec<Block>);

impl Workspace {
    /// Overwrites and gives back the memory.
    pub fn wipe(&mut self) {
        for block in &mut self.0 {
            *block = Block::new();
        }
        self.0 = Vec::new();
    }

    fn blocks(&mut self, cost: Cost) -> Option<&mut [Block]> {
        let count = cost.hasher()?.params().block_count();
        if self.0.len() < count {
            self.0.resize(count, Block::new());
        }
        Some(&mut self.0[..count])
    }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Workspace({} KiB)", self.0.len())
    }
}

/// A password hash as a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// A kept hash that cannot be worked with: another scheme, broken, or above [`Cost::CEILING`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kept password hash cannot be used")]
pub struct Unusable;

impl PasswordHash {
    /// Hashes `password` with a new salt.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    ///
    /// # Panics
    ///
    /// If `cost` is none that Argon2 knows; costs are ours, never a client's.
    pub fn make(password: &Password, cost: Cost, space: &mut Workspace) -> Result<Self, Unavailable> {
        let salt: [u8; 16] = random::bytes()?;
        let hash = work(password, &salt, cost, space).expect("a configured cost is a valid one");
        let text = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: cost
                .hasher()
                .and_then(|argon2| argon2.params().try_into().ok())
                .expect("valid parameters have a text"),
            salt: Some(phc::Salt::new(&salt).expect("sixteen bytes are a salt")),
            hash: Some(phc::Output::new(&hash).expect("32 bytes are an output")),
        };
        Ok(Self(text.to_string()))
    }

    /// Whether this is the hash of `password`. The comparison takes the same time either way.
    ///
    /// # Errors
    ///
    /// If the hash cannot be worked with; nobody gets in by a broken record.
    pub fn is_of(&self, password: &Password, space: &mut Workspace) -> Result<bool, Unusable> {
        let kept = phc::PasswordHash::new(&self.0).map_err(|_| Unusable)?;
        let (Some(salt), Some(hash)) = (&kept.salt, &kept.hash) else { return Err(Unusable) };
        let worked = work(password, salt.as_ref(), self.cost().ok_or(Unusable)?, space).ok_or(Unusable)?;
        Ok(constant_time::equal(&worked, hash.as_bytes()))
    }

    /// Whether it was made with another cost than `wanted`, and should be made again at the next login.
    pub fn is_outdated(&self, wanted: Cost) -> bool {
        self.cost() != Some(wanted)
    }

    /// The cost that it was made with, if it is one of ours and within the ceiling.
    fn cost(&self) -> Option<Cost> {
        let kept = phc::PasswordHash::new(&self.0).ok()?;
        if kept.algorithm != Algorithm::Argon2id.ident() || kept.version != Some(Version::V0x13.into()) {
            return None;
        }
        let params = Params::try_from(&kept).ok()?;
        let cost = Cost { memory: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
        cost.is_within_ceiling().then_some(cost)
    }

    /// The hash that a store kept.
    pub fn from_kept(text: String) -> Self {
        Self(text)
    }

    /// The text, for a store.
    pub fn as_kept(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

fn work(password: &Password, salt: &[u8], cost: Cost, space: &mut Workspace) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let argon2 = cost.hasher()?;
    argon2.hash_password_into_with_memory(password.bytes(), salt, &mut hash, space.blocks(cost)?).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory: 64, passes: 1, lanes: 1 };

    fn typed(text: &str) -> Password {
        Password::typed(&Secret::new(text.to_owned()))
    }

    #[test]
    fn a_hash_is_of_its_password_alone() {
        let mut space = Workspace::default();
        let hash = PasswordHash::make(&typed("correct horse"), CHEAP, &mut space).unwrap();

        assert_eq!(hash.is_of(&typed("correct horse"), &mut space), Ok(true));
        for other in ["correct horsf", "correct horse ", "Correct horse", ""] {
            assert_eq!(hash.is_of(&typed(other), &mut space), Ok(false), "{other:?}");
        }
    }

    #[test]
    fn one_password_has_one_form() {
        let mut space = Workspace::default();
        let hash = PasswordHash::make(&typed("caf\u{e9} au lait"), CHEAP, &mut space).unwrap();

        assert_eq!(hash.is_of(&typed("cafe\u{301} au lait"), &mut space), Ok(true));
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_not_worked_on() {
        let mut space = Workspace::default();
        for costly in ["m=4194304,t=2,p=1", "m=19456,t=4000000,p=1", "m=19456,t=2,p=200"] {
            let text = format!("$argon2id$v=19${costly}$c29tZXNhbHRzb21lc2FsdA${}", "A".repeat(43));
            let hash = PasswordHash::from_kept(text);
            assert_eq!(hash.is_of(&typed("x"), &mut space), Err(Unusable), "{costly}");
        }
        assert!(space.0.is_empty());
    }

    #[test]
    fn a_broken_hash_lets_nobody_in() {
        let mut space = Workspace::default();
        for broken in [
            "",
            "$",
            "$argon2id$",
            "plain",
            "$2b$10$abcdefghijklmnopqrstuu",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA",
            "é",
        ] {
            let hash = PasswordHash::from_kept(broken.to_owned());
            assert_eq!(hash.is_of(&typed(""), &mut space), Err(Unusable), "{broken:?}");
        }
    }

    #[test]
    fn a_change_of_the_cost_shows() {
        let hash = PasswordHash::make(&typed("correct horse"), CHEAP, &mut Workspace::default()).unwrap();

        assert!(!hash.is_outdated(CHEAP));
        assert!(hash.is_outdated(Cost { passes: 2, ..CHEAP }));
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        assert_eq!(typed("1234567").judge(), Err(PasswordFault::Short));
        assert_eq!(typed("пароль12").judge(), Ok(()));
        assert_eq!(typed(&"🔑".repeat(256)).judge(), Ok(()));
        assert_eq!(typed(&"a".repeat(257)).judge(), Err(PasswordFault::Long));
    }
}
