//! Numbers, times and texts of a value, in few bytes.

use std::time::Duration;

/// The units of a duration in milliseconds, the largest first. A lifetime such as 24 hours takes one byte.
const UNITS: [u64; 4] = [86_400_000, 60_000, 1_000, 1];

/// Writes a value.
#[derive(Default)]
pub(crate) struct ValueWriter(pub(crate) Vec<u8>);

impl ValueWriter {
    /// These bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// A number, seven bits a byte, the lowest first (LEB128).
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    /// The difference of two numbers, which may be negative.
    pub(crate) fn difference(&mut self, from: u64, to: u64) {
        let difference = to.wrapping_sub(from).cast_signed();
        self.number((difference << 1).cast_unsigned() ^ (difference >> 63).cast_unsigned());
    }

    /// A duration in milliseconds. `None` if it is too long.
    pub(crate) fn duration(&mut self, duration: Duration) -> Option<()> {
        let ms = u64::try_from(duration.as_millis()).ok().filter(|ms| *ms < 1 << 61)?;
        let (code, unit) = (0u64..).zip(UNITS).find(|(_, unit)| ms % unit == 0)?;
        self.number((ms / unit) << 2 | code);
        Some(())
    }

    /// A text with its length before it.
    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    /// Texts with their number before them.
    pub(crate) fn texts(&mut self, texts: &[String]) {
        self.number(texts.len() as u64);
        texts.iter().for_each(|text| self.text(text));
    }
}

/// Reads a value. Every method is `None` if the bytes are not those that the writer makes.
pub(crate) struct ValueReader<'b>(pub(crate) &'b [u8]);

impl<'b> ValueReader<'b> {
    /// The next bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// The next bytes, as many as the array has.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    /// A number.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// The number that is this difference away from `from`.
    pub(crate) fn difference(&mut self, from: u64) -> Option<u64> {
        let number = self.number()?;
        let difference = (number >> 1) ^ (number & 1).wrapping_neg();
        Some(from.wrapping_add(difference))
    }

    /// A duration.
    pub(crate) fn duration(&mut self) -> Option<Duration> {
        let number = self.number()?;
        let unit = UNITS.get(usize::try_from(number & 3).ok()?)?;
        Some(Duration::from_millis((number >> 2).checked_mul(*unit)?))
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        String::from_utf8(self.bytes(length)?.to_vec()).ok()
    }

    /// Texts. Their number cannot be higher than that of the bytes left, so a forged one allocates little.
    pub(crate) fn texts(&mut self) -> Option<Vec<String>> {
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= self.0.len())?;
        (0..count).map(|_| self.text()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u64, from: u64, ms in 0u64..1 << 61, texts: Vec<String>) {
            let mut writer = ValueWriter::default();
            writer.number(number);
            writer.difference(from, number);
            writer.duration(Duration::from_millis(ms)).unwrap();
            writer.texts(&texts);

            let mut reader = ValueReader(&writer.0);
            prop_assert_eq!(reader.number(), Some(number));
            prop_assert_eq!(reader.difference(from), Some(number));
            prop_assert_eq!(reader.duration(), Some(Duration::from_millis(ms)));
            prop_assert_eq!(reader.texts(), Some(texts));
            prop_assert!(reader.0.is_empty());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = ValueReader(&bytes).texts();
            let _ = ValueReader(&bytes).duration();
            let _ = ValueReader(&bytes).difference(7);
        }
    }

    #[test]
    fn usual_lifetimes_take_one_byte() {
        for minutes in [15, 24 * 60, 30 * 24 * 60] {
            let mut writer = ValueWriter::default();
            writer.duration(Duration::from_secs(60 * minutes)).unwrap();
            assert_eq!(writer.0.len(), 1, "{minutes}");
        }
    }
}
