//! Text of secrets, read without a copy that nobody wipes.

use base64::Engine;
use zeroize::Zeroizing;

/// The bytes that `text` is the base64 of, as `engine` reads it. Also what was read of text that is none is wiped.
pub(crate) fn base64(engine: &impl Engine, text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // Room for all of it: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let length = engine.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// The bytes that `text` is the hexadecimal of.
pub(crate) fn hexadecimal(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for &[high, low] in pairs {
        bytes.push(digit(high)? << 4 | digit(low)?);
    }
    Some(bytes)
}

/// `text` without its white space.
pub(crate) fn without_space(text: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(text.len()));
    kept.extend(text.split_ascii_whitespace());
    kept
}

fn digit(sign: u8) -> Option<u8> {
    char::from(sign).to_digit(16).and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::{base64, hexadecimal, without_space};

    #[test]
    fn text_is_read_or_it_is_none() {
        assert_eq!(**base64(&STANDARD, b"Zm9v").unwrap(), *b"foo");
        assert_eq!(**hexadecimal(b"666F6f").unwrap(), *b"foo");
        for odd in ["Zm9", "Zm9v!", "Z"] {
            assert!(base64(&STANDARD, odd.as_bytes()).is_none(), "{odd}");
        }
        for odd in ["6", "66g0", "+6"] {
            assert!(hexadecimal(odd.as_bytes()).is_none(), "{odd}");
        }
    }

    /// Each time that it grows, a string leaves what it held behind.
    #[test]
    fn what_holds_a_secret_had_room_for_it_from_the_first() {
        let lines = "MC4CAQAwBQYDK2VwBCIEIA==\n".repeat(100);

        let text = without_space(&lines);

        assert_eq!(text.len(), 2_400);
        assert_eq!(text.capacity(), lines.len());
    }
}
