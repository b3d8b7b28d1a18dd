//! Values as text, the same in every form of a report.

use crate::report::model::{Cell, CellValue, Column, Figure, Unit};

/// The value of a figure in a column, as text; empty without one.
pub(crate) fn value(figure: &Figure, column: Column) -> String {
    figure.values.get(&column).map(|cell| text(figure.unit, cell)).unwrap_or_default()
}

/// The value of a cell, with its interval or its high percentile.
pub(crate) fn text(unit: Unit, cell: &Cell) -> String {
    let number = match &cell.value {
        CellValue::Nothing => return "–".to_owned(),
        CellValue::Text(text) => return text.clone(),
        CellValue::YesNo(yes) => return if *yes { "yes" } else { "no" }.to_owned(),
        CellValue::Number(number) => *number,
    };
    let mut text = quantity(unit, number);
    if let (Some(low), Some(high)) = (cell.low, cell.high) {
        text += &format!(" ({} to {})", plain(low), plain(high));
    }
    if let Some(p99) = cell.p99 {
        text += &format!(" (p99 {})", plain(p99));
    }
    if let Some(accepted) = cell.accepted_after {
        text += &format!(", {accepted} accepted");
    }
    if cell.no_difference == Some(true) {
        text += ", no difference seen";
    }
    text
}

/// A number with its unit.
pub(crate) fn quantity(unit: Unit, number: f64) -> String {
    match unit {
        Unit::Ratio => format!("{number:.2}"),
        Unit::Us => format!("{} µs", plain(number)),
        Unit::Ms => format!("{} ms", plain(number)),
        Unit::S => seconds(number),
        Unit::Bytes => format!("{} bytes", plain(number)),
        Unit::PerS => format!("{}/s", plain(number)),
        Unit::Count | Unit::Status | Unit::YesNo => plain(number),
    }
}

/// At most three decimals, with commas between thousands.
pub(crate) fn plain(number: f64) -> String {
    let decimals = match number.abs() {
        large if large >= 100.0 => 0,
        medium if medium >= 10.0 => 1,
        small if small >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{number:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{fraction}")
}

/// A time in its two largest units: `16 min`, `1 h 1 min`, `30 d`.
fn seconds(number: f64) -> String {
    if number < 60.0 {
        return format!("{} s", plain(number));
    }
    let mut rest = number.round() as u64;
    let mut parts = Vec::new();
    for (length, name) in [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")] {
        if rest >= length {
            parts.push(format!("{} {name}", rest / length));
            rest %= length;
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        for (number, text) in [
            (0.6374, "0.637"),
            (12.04, "12"),
            (12.34, "12.3"),
            (1_234_567.0, "1,234,567"),
            (705.0, "705"),
            (0.0, "0"),
        ] {
            assert_eq!(plain(number), text);
        }
        assert_eq!(plain(-1_500.0), "-1,500");
    }

    #[test]
    fn times_are_in_words_of_people() {
        assert_eq!(seconds(3.21), "3.21 s");
        assert_eq!(seconds(3_660.0), "1 h 1 min");
        assert_eq!(seconds(2_592_000.0), "30 d");
        assert_eq!(seconds(960.0), "16 min");
    }

    #[test]
    fn a_cell_has_its_interval_and_its_percentile() {
        let ratio =
            Cell { low: Some(0.91), high: Some(0.95), no_difference: Some(true), ..Cell::number(0.934) };
        assert_eq!(text(Unit::Ratio, &ratio), "0.93 (0.91 to 0.95), no difference seen");
        let delay = Cell { p99: Some(1.9), accepted_after: Some(0), ..Cell::number(0.6) };
        assert_eq!(text(Unit::Ms, &delay), "0.6 ms (p99 1.9), 0 accepted");
        assert_eq!(text(Unit::Status, &Cell::default()), "–");
        assert_eq!(text(Unit::YesNo, &Cell::yes_no(false)), "no");
    }
}
