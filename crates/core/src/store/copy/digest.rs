//! The digest of a table, which does not depend on the order of its rows.

use std::fmt;

use counterfoil_jose::digest::sha256;

use super::value::CopiedValue;

/// The number of rows and the sum of their SHA-256 digests, modulo 2^64 in each of four parts.
///
/// It finds rows that are missing, doubled or different after a copy. It is no proof against an attacker who writes both
/// stores. The order does not count, because back ends sort texts differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableDigest {
    rows: u64,
    sum: [u64; 4],
}

impl TableDigest {
    /// The number of rows.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row.
    pub fn add(&mut self, row: &[CopiedValue]) {
        let mut input = Vec::with_capacity(512);
        row.iter().for_each(|value| value.append_to(&mut input));
        let digest = sha256(&input);
        for (sum, part) in self.sum.iter_mut().zip(digest.chunks_exact(8)) {
            let part = part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            *sum = sum.wrapping_add(part);
        }
        self.rows += 1;
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for TableDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().try_for_each(|part| write!(f, "{part:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(rows: &[&[CopiedValue]]) -> TableDigest {
        let mut digest = TableDigest::default();
        rows.iter().for_each(|row| digest.add(row));
        digest
    }

    #[test]
    fn rows_in_another_order_have_the_same_digest_and_other_rows_have_not() {
        use CopiedValue::{Boolean, Bytes, Integer, Null, Text};
        let (one, two): (&[_], &[_]) = (&[Integer(1), Text("a".into())], &[Integer(2), Null]);

        assert_eq!(digest(&[one, two]), digest(&[two, one]));
        for other in [&[one][..], &[one, one], &[one, two, two]] {
            assert_ne!(digest(&[one, two]), digest(other));
        }
        assert_ne!(
            digest(&[&[Text("ab".into()), Text(String::new())]]),
            digest(&[&[Text("a".into()), Text("b".into())]])
        );
        assert_ne!(digest(&[&[Text("a".into())]]), digest(&[&[Bytes(b"a".to_vec())]]));
        assert_ne!(digest(&[&[Integer(1)]]), digest(&[&[Boolean(true)]]));
        assert_eq!(digest(&[one]).to_string().len(), 64);
    }
}
