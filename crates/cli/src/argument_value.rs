//! Parsers of the values of arguments. Their errors say what would be right.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A parser of whole numbers in `range`.
pub(crate) fn whole_number<N>(
    range: RangeInclusive<N>,
) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync
where
    N: FromStr + PartialOrd + Display + Clone + Send + Sync,
{
    move |text| {
        let number = text.parse::<N>().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
    }
}

/// A parser of whole numbers that are at least `min`.
pub(crate) fn whole_number_from<N>(min: N) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync
where
    N: FromStr + PartialOrd + Display + Clone + Send + Sync,
{
    move |text| {
        let number = text.parse::<N>().ok().filter(|number| *number >= min);
        number.ok_or_else(|| format!("must be a whole number, {min} or more"))
    }
}

/// Parses the address of a client.
///
/// # Errors
///
/// If it is not one.
pub(crate) fn ip_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "must be an IP address like 192.0.2.7 or 2001:db8::7".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_would_be_right() {
        let (limit, seconds) = (whole_number(1..=1000_u32), whole_number_from(1_u64));

        assert_eq!((limit("1000"), seconds("99999999999")), (Ok(1000), Ok(99_999_999_999)));
        for wrong in ["", "x", "0", "-1", "1.5", "1001", "99999999999"] {
            assert_eq!(limit(wrong).unwrap_err(), "must be a whole number from 1 to 1000", "{wrong}");
        }
        for wrong in ["", "x", "0", "-1"] {
            assert_eq!(seconds(wrong).unwrap_err(), "must be a whole number, 1 or more", "{wrong}");
        }
        assert!(ip_address("::1").is_ok() && ip_address("1.2.3").unwrap_err().contains("like 192.0.2.7"));
    }
}
