//! A value of a report: a number with its interval or its quantiles, an answer, or nothing.

use counterfoil_load::statistics::interval::Interval;
use counterfoil_load::statistics::quantiles::Quantiles;
use serde::{Deserialize, Serialize};

/// A value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The value; a median, if it was measured several times.
    pub value: CellValue,
    /// The lower end of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// How often it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// The median of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    /// The 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
    /// The 99.9th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999: Option<f64>,
    /// How many requests that began after the answer to a logout were accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_after: Option<u64>,
    /// Whether the bare handler differs from itself as much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_difference: Option<bool>,
}

/// The value of a cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CellValue {
    /// A number.
    Number(f64),
    /// Yes or no.
    YesNo(bool),
    /// Words.
    Text(String),
    /// No value: it does not apply.
    #[default]
    Nothing,
}

impl Cell {
    /// An exact number.
    pub(crate) fn number(value: f64) -> Self {
        Self { value: CellValue::Number(significant(value)), ..Self::default() }
    }

    /// An exact number of bytes or of something else.
    pub(crate) fn count(value: usize) -> Self {
        Self { value: CellValue::Number(value as f64), ..Self::default() }
    }

    /// Yes or no.
    pub(crate) fn yes_no(value: bool) -> Self {
        Self { value: CellValue::YesNo(value), ..Self::default() }
    }

    /// Words.
    pub(crate) fn text(value: &str) -> Self {
        Self { value: CellValue::Text(value.to_owned()), ..Self::default() }
    }

    /// A median over rounds.
    pub(crate) fn interval(interval: &Interval) -> Self {
        Self {
            low: Some(significant(interval.low)),
            high: Some(significant(interval.high)),
            n: Some(interval.n as u64),
            ..Self::number(interval.median)
        }
    }

    /// Quantiles, in units of so many microseconds. Three digits.
    pub(crate) fn quantiles(quantiles: &Quantiles, microseconds: f64) -> Self {
        let scaled = |value: f64| round(value / microseconds, 3);
        Self {
            value: CellValue::Number(scaled(quantiles.p50)),
            p50: Some(scaled(quantiles.p50)),
            p99: Some(scaled(quantiles.p99)),
            p999: Some(scaled(quantiles.p999)),
            n: Some(quantiles.n as u64),
            ..Self::default()
        }
    }

    /// The value, if it is a number.
    #[must_use]
    pub const fn as_number(&self) -> Option<f64> {
        match self.value {
            CellValue::Number(number) => Some(number),
            CellValue::YesNo(_) | CellValue::Text(_) | CellValue::Nothing => None,
        }
    }
}

/// Four digits: more would be noise.
fn significant(value: f64) -> f64 {
    round(value, 4)
}

/// Rounds to so many digits.
fn round(value: f64, digits: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let exponent = digits - 1 - value.abs().log10().floor() as i32;
    match exponent >= 0 {
        true => (value * 10_f64.powi(exponent)).round() / 10_f64.powi(exponent),
        false => (value / 10_f64.powi(-exponent)).round() * 10_f64.powi(-exponent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_their_digits() {
        assert_eq!(round(0.987_654, 4), 0.987_7);
        assert_eq!(round(123_456.0, 3), 123_000.0);
        assert_eq!(round(-12.345, 3), -12.3);
        assert_eq!(round(f64::NAN, 3), 0.0);
        assert_eq!(significant(99_999.9), 100_000.0);
    }

    #[test]
    fn a_value_that_does_not_apply_is_null() {
        let cell = Cell::default();
        assert_eq!(serde_json::to_string(&cell).unwrap(), r#"{"value":null}"#);
        assert_eq!(serde_json::from_str::<Cell>(r#"{"value":null}"#).unwrap(), cell);
        assert_eq!(serde_json::from_str::<Cell>(r#"{"value":true}"#).unwrap(), Cell::yes_no(true));
    }
}
