//! The byte array of a Token Status List and its compressed form (draft-ietf-oauth-status-list, section 4).

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use crate::base64url;

/// The level of compression; the draft recommends the highest one (section 4.1).
const COMPRESSION_LEVEL: u8 = 9;

/// The statuses of many tokens, each in a fixed number of bits.
///
/// The status with index `i` is in the byte `i * bits / 8`, starting from the least significant bit.
///
/// ```
/// use counterfoil_jose::status_list::{StatusBits, StatusList};
///
/// let mut list = StatusList::new(StatusBits::One, 16);
/// for index in [0, 3, 4, 5, 7, 8, 9, 13, 15] {
///     assert!(list.set(index, 1));
/// }
/// assert_eq!(list.as_bytes(), [0xb9, 0xa3]);
/// assert_eq!((list.get(3), list.get(6), list.get(16)), (Some(1), Some(0), None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: StatusBits,
    bytes: Vec<u8>,
}

/// The number of bits of one status (section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusBits {
    /// Valid or invalid.
    One,
    /// Four statuses.
    Two,
    /// 16 statuses.
    Four,
    /// 256 statuses.
    Eight,
}

/// Why a status list cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusListError {
    /// `bits` is not 1, 2, 4 or 8.
    #[error("`bits` must be 1, 2, 4 or 8")]
    BadBits,
    /// `lst` is not base64url without padding.
    #[error("`lst` is not canonical base64url")]
    NotBase64url,
    /// The compressed data is not DEFLATE in the ZLIB format, is incomplete, or is followed by other data.
    #[error("`lst` is not compressed in the ZLIB format")]
    NotZlib,
    /// The decompressed list is longer than the caller allows.
    #[error("the decompressed status list is longer than {0} bytes")]
    TooLong(usize),
}

impl StatusBits {
    /// The number.
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// How many statuses a byte has.
    const fn per_byte(self) -> usize {
        8 / self.number() as usize
    }

    const fn mask(self) -> u8 {
        u8::MAX >> (8 - self.number())
    }
}

impl TryFrom<u64> for StatusBits {
    type Error = StatusListError;

    fn try_from(number: u64) -> Result<Self, StatusListError> {
        match number {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            _ => Err(StatusListError::BadBits),
        }
    }
}

impl StatusList {
    /// A list of at least `size` statuses, all 0 (valid). The size is rounded up to whole bytes.
    pub fn new(bits: StatusBits, size: usize) -> Self {
        Self { bits, bytes: vec![0; size.div_ceil(bits.per_byte())] }
    }

    /// A list with these bytes.
    pub fn from_bytes(bits: StatusBits, bytes: Vec<u8>) -> Self {
        Self { bits, bytes }
    }

    /// The number of bits of each status.
    pub fn bits(&self) -> StatusBits {
        self.bits
    }

    /// The number of statuses.
    pub fn size(&self) -> usize {
        self.bytes.len() * self.bits.per_byte()
    }

    /// The byte array.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The status with this index; `None` if the list is shorter. An index that is not in the list says nothing, so its
    /// token must be rejected (section 8.3).
    pub fn get(&self, index: usize) -> Option<u8> {
        let (byte, shift) = self.place(index);
        self.bytes.get(byte).map(|byte| (byte >> shift) & self.bits.mask())
    }

    /// Sets the status with this index; `false` if the list is shorter or the status needs more bits.
    #[must_use]
    pub fn set(&mut self, index: usize, status: u8) -> bool {
        let (byte, shift) = self.place(index);
        let mask = self.bits.mask();
        match self.bytes.get_mut(byte) {
            Some(byte) if status <= mask => {
                *byte = (*byte & !(mask << shift)) | (status << shift);
                true
            }
            Some(_) | None => false,
        }
    }

    /// The compressed list as base64url: the member `lst` (section 4.2).
    pub fn encode(&self) -> String {
        base64url::encode(compress_to_vec_zlib(&self.bytes, COMPRESSION_LEVEL))
    }

    /// Decodes the members `bits` and `lst`.
    ///
    /// Decompression stops at `max_bytes`: a few kilobytes could otherwise fill the memory (section 11.4).
    ///
    /// # Errors
    ///
    /// The text is malformed, or the list is longer than `max_bytes`.
    pub fn decode(bits: u64, lst: &str, max_bytes: usize) -> Result<Self, StatusListError> {
        let bits = StatusBits::try_from(bits)?;
        let compressed = base64url::decode(lst).map_err(|_| StatusListError::NotBase64url)?;
        match decompress_to_vec_zlib_with_limit(&compressed, max_bytes) {
            Ok(bytes) => Ok(Self { bits, bytes }),
            Err(error) if error.status == TINFLStatus::HasMoreOutput => {
                Err(StatusListError::TooLong(max_bytes))
            }
            Err(_) => Err(StatusListError::NotZlib),
        }
    }

    /// The byte of a status, and the position of its lowest bit.
    fn place(&self, index: usize) -> (usize, u32) {
        let per_byte = self.bits.per_byte();
        let shift = (index % per_byte) * usize::from(self.bits.number());
        (index / per_byte, u32::try_from(shift).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITS: [StatusBits; 4] = [StatusBits::One, StatusBits::Two, StatusBits::Four, StatusBits::Eight];

    #[test]
    fn a_list_survives_encoding() {
        for bits in BITS {
            let mut list = StatusList::new(bits, 1_000);
            for index in (0..1_000).step_by(7) {
                assert!(list.set(index, bits.mask()));
            }
            assert!(list.set(14, 0));
            let decoded = StatusList::decode(bits.number().into(), &list.encode(), 1_000).unwrap();
            assert_eq!(decoded, list);
            assert_eq!(
                (decoded.get(7), decoded.get(8), decoded.get(14)),
                (Some(bits.mask()), Some(0), Some(0))
            );
        }
    }

    #[test]
    fn a_status_that_needs_more_bits_is_not_set() {
        let mut list = StatusList::new(StatusBits::Two, 4);
        assert!(!list.set(0, 4));
        assert!(!list.set(4, 1));
        assert_eq!(list.as_bytes(), [0]);
    }

    #[test]
    fn other_numbers_of_bits_are_rejected() {
        for bits in [0, 3, 5, 16, u64::MAX] {
            assert_eq!(StatusList::decode(bits, "eNrbuRgAAhcBXQ", 8), Err(StatusListError::BadBits));
        }
    }

    #[test]
    fn malformed_data_is_rejected() {
        use StatusListError::{NotBase64url, NotZlib};
        let cases = [
            ("", NotZlib),
            ("eNrbuRgAAhcBXQ==", NotBase64url),
            ("eNrbuRgAAhcBXR", NotBase64url),
            // Truncated, with another checksum, and raw DEFLATE without a header.
            ("eNrbuRgA", NotZlib),
            ("eNrbuRgAAhcBXg", NotZlib),
            ("27kYAA", NotZlib),
        ];
        for (lst, error) in cases {
            assert_eq!(StatusList::decode(1, lst, 1_000), Err(error), "{lst}");
        }
    }

    /// 100 megabytes of zeros are some 100 kilobytes compressed.
    #[test]
    fn decompression_stops_at_the_limit() {
        let list = StatusList::new(StatusBits::Eight, 1 << 20);
        let lst = list.encode();
        assert!(lst.len() < 2_000);

        assert_eq!(StatusList::decode(8, &lst, (1 << 20) - 1), Err(StatusListError::TooLong((1 << 20) - 1)));
        assert_eq!(StatusList::decode(8, &lst, 1 << 20), Ok(list));
    }
}
