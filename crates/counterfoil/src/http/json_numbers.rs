//! Finds numbers in a JSON text that would be stored as other numbers.

use serde_json::Number;

/// Whether every number in `json` is the same when it is parsed and written again. `json` must be valid JSON.
///
/// Whole numbers fit in 64 bits, others in a double (RFC 8259, section 6). A number beyond that would be rounded without
/// a word: an amount or an id of another system would come back as another one.
pub(crate) fn are_exact(json: &[u8]) -> bool {
    let (mut is_string, mut rest) = (false, json);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' if is_string => rest = after.get(1..).unwrap_or_default(),
            b'"' => is_string = !is_string,
            b'-' | b'0'..=b'9' if !is_string => {
                let len = 1 + after.iter().take_while(|&&byte| is_number_byte(byte)).count();
                let start = json.len() - after.len() - 1;
                let number = std::str::from_utf8(&json[start..start + len]).unwrap_or_default();
                if !is_exact(number) {
                    return false;
                }
                rest = &json[start + len..];
            }
            _ => {}
        }
    }
    true
}

fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || b"+-.eE".contains(&byte)
}

fn is_exact(text: &str) -> bool {
    let Ok(parsed) = serde_json::from_str::<Number>(text) else { return false };
    let (given, kept) = (Decimal::parse(text), Decimal::parse(&parsed.to_string()));
    given.is_some() && given == kept
}

/// The value of a decimal number: `digits` times ten to the power of `exponent`.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    /// Without zeros at both ends; empty for zero.
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// The value of a JSON number; `None` if its exponent is out of range.
    fn parse(text: &str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let trailing_zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let digits = digits.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, exponent: 0 });
        }
        let exponent: i64 = exponent.parse().ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        Some(Self { is_negative, digits, exponent: exponent.checked_add(trailing_zeros)? })
    }
}

#[cfg(test)]
mod tests {
    use super::are_exact;

    #[test]
    fn numbers_that_come_back_as_they_are_pass() {
        for number in [
            "0",
            "-0",
            "0.0",
            "1",
            "-1",
            "1.0",
            "1.50",
            "100",
            "1e3",
            "1E+3",
            "1.5e-7",
            "0.1",
            "19.99",
            "-0.1",
            "0.30000000000000004",
            "5e-324",
            "1.7976931348623157e308",
            "9007199254740993",
            "18446744073709551615",
            "-9223372036854775808",
            "0e99999999999999999999",
            "1e22",
            "4.35",
            "179.99999999999997",
        ] {
            let text = format!(r#"{{"a":[{number},{{"b":{number}}}],"c":"x"}}"#);
            assert!(are_exact(text.as_bytes()), "{number}");
        }
    }

    #[test]
    fn numbers_that_would_be_rounded_are_found() {
        for number in [
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "1234567890123456.78",
            "0.1000000000000000055511151231257827",
            "1e-400",
            "1e-99999999999999999999",
            "9007199254740993.0",
            "0.3000000000000000444",
        ] {
            for text in [format!(r#"{{"a":{number}}}"#), format!(r#"{{"a":"1","b":[1, {number} ,2]}}"#)] {
                assert!(!are_exact(text.as_bytes()), "{number}");
            }
        }
    }

    #[test]
    fn digits_in_strings_are_no_numbers() {
        let text = r#"{"18446744073709551616":"1234567890123456.78","a\"18446744073709551616":"\\","b":"\\\"1e400"}"#;
        assert!(are_exact(text.as_bytes()));
    }
}
