//! scrypt (RFC 7914), as written by PHC strings, passlib, Django, Werkzeug and Better Auth.

use counterfoil_jose::{Secret, constant_time};
use scrypt::Params;

use crate::credentials::password::foreign_hashes::error::ForeignHashError;
use crate::credentials::password::foreign_hashes::lengths::salt_and_hash;
use crate::credentials::password::foreign_hashes::text::{bytes, hex, number, parts, values};

/// The highest memory, as N·r in blocks of 128 bytes: 128 MiB, as for Argon2.
const MAX_MEMORY: u64 = 1 << 20;
/// The highest work, as N·r·p: one or two seconds of one core.
const MAX_WORK: u64 = 1 << 22;
/// The highest r and the highest p.
const MAX_PARALLELISM: u32 = 64;

const NAME: &str = "scrypt";

/// A scrypt hash whose cost is within the limits.
#[derive(PartialEq)]
pub(in crate::credentials) struct Scrypt {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Eq for Scrypt {}

impl Scrypt {
    /// Parses `ln=16,r=8,p=1$salt$hash`.
    pub(super) fn from_phc(text: &str) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let [params, salt, hash] = parts(text).ok_or(malformed)?;
        let [log_n, r, p] = values(params, ["ln", "r", "p"]).ok_or(malformed)?;
        let params = bounded_params(NAME, number(log_n), number(r), number(p))?;
        Self::new(params, bytes(salt), bytes(hash))
    }

    /// Parses Django's `N$salt$r$p$hash`, where the salt is text and N is a power of two.
    pub(super) fn from_django(text: &str) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let [n, salt, r, p, hash] = parts(text).ok_or(malformed)?;
        let n = number(n).filter(|n| n.is_power_of_two());
        let params = bounded_params(NAME, n.map(u32::ilog2), number(r), number(p))?;
        Self::new(params, Some(salt.into()), bytes(hash))
    }

    /// Parses Werkzeug's `N:r:p$salt$hash`, where the salt is text, N is a power of two and the hash is hexadecimal.
    pub(super) fn from_werkzeug(text: &str) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let [params, salt, hash] = parts(text).ok_or(malformed)?;
        let mut params = params.split(':').map(number);
        let (n, r, p) = (params.next().flatten(), params.next().flatten(), params.next().flatten());
        let n = n.filter(|n| n.is_power_of_two() && params.next().is_none());
        Self::new(bounded_params(NAME, n.map(u32::ilog2), r, p)?, Some(salt.into()), hex(hash))
    }

    /// Parses Better Auth's `salt:hash` with N = 16384, r = 16 and p = 1, where the hash is hexadecimal and the salt is its
    /// text of hexadecimal digits.
    pub(super) fn from_better_auth(salt: &str, hash: &str) -> Result<Self, ForeignHashError> {
        if salt.len() != 32 || hash.len() != 128 || hex(salt).is_none() {
            return Err(ForeignHashError::Unknown);
        }
        Self::new(bounded_params(NAME, Some(14), Some(16), Some(1))?, Some(salt.into()), hex(hash))
    }

    fn new(params: Params, salt: Option<Vec<u8>>, hash: Option<Vec<u8>>) -> Result<Self, ForeignHashError> {
        let (salt, hash) = salt_and_hash(salt, hash).ok_or(ForeignHashError::Malformed(NAME))?;
        Ok(Self { params, salt, hash })
    }

    /// Whether `password` matches. Takes the same time either way.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let computed = derive(password, &self.salt, &self.params, vec![0; self.hash.len()]);
        constant_time::equal(computed.expose(), &self.hash)
    }
}

/// The parameters, if all are given and within the limits for memory and work.
pub(super) fn bounded_params(
    scheme: &'static str,
    log_n: Option<u32>,
    r: Option<u32>,
    p: Option<u32>,
) -> Result<Params, ForeignHashError> {
    let (malformed, costly) = (ForeignHashError::Malformed(scheme), ForeignHashError::TooCostly(scheme));
    let (Some(log_n), Some(r), Some(p)) = (log_n, r, p) else { return Err(malformed) };
    if log_n == 0 || r == 0 || p == 0 {
        return Err(malformed);
    }
    if log_n > 20 || r > MAX_PARALLELISM || p > MAX_PARALLELISM {
        return Err(costly);
    }
    let memory = u64::from(r) << log_n;
    if memory > MAX_MEMORY || memory * u64::from(p) > MAX_WORK {
        return Err(costly);
    }
    let log_n = u8::try_from(log_n).map_err(|_| costly)?;
    Params::new(log_n, r, p).map_err(|_| malformed)
}

/// Fills `output`, which must not be empty, with the scrypt output for `password`.
pub(super) fn derive(password: &[u8], salt: &[u8], params: &Params, mut output: Vec<u8>) -> Secret<Vec<u8>> {
    scrypt::scrypt(password, salt, params, &mut output)
        .expect("the length of the output is one that scrypt makes");
    Secret::new(output)
}
