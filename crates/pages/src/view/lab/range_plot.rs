//! A picture: values with their ranges on a common axis, for wide and for small screens.

use serde::Serialize;

use crate::view::Mode;
use crate::view::lab::life_plot::{Layout, NARROW, Tick, WIDE, duration_text};

/// The most numbers on an axis from 0.
const MAX_STEPS: f64 = 6.0;

/// The beginning of an axis of times, in milliseconds, at the earliest.
const FIRST_MS: f64 = 0.001;

/// The end of an axis of times, in milliseconds, at the latest.
const LAST_MS: f64 = 1_000_000.0;

/// The axis of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeAxis {
    /// Ratios, from 0.
    Ratio,
    /// Milliseconds, each number ten times the one before.
    Time,
}

/// A value with its range.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeRow {
    /// What it is.
    pub label: String,
    /// The mode; `None` for the bare handler.
    pub mode: Option<Mode>,
    /// The lower end of the range.
    pub low: f64,
    /// The value.
    pub value: f64,
    /// The upper end of the range.
    pub high: f64,
    /// The value in words.
    pub text: String,
}

/// The picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RangePlot {
    /// For wide screens.
    pub wide: RangePlotSize,
    /// For small screens.
    pub narrow: RangePlotSize,
}

/// The picture for one kind of screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RangePlotSize {
    /// The width of the drawing.
    pub width: u32,
    /// The height of the drawing.
    pub height: u32,
    /// Where the axis ends at the top and at the bottom.
    pub axis: (u32, u32),
    /// The numbers of the axis.
    pub ticks: Vec<Tick>,
    /// The rows.
    pub rows: Vec<RangePlotRow>,
}

/// A row: its name, a line for the range, a dot for the value, and the value in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RangePlotRow {
    /// What it is.
    pub label: String,
    /// The mode; `None` for the bare handler.
    pub mode: Option<Mode>,
    /// The middle of the line.
    pub y: u32,
    /// Where the name and, on a small screen, the value stand.
    pub text_y: u32,
    /// The left end of the line.
    pub low: String,
    /// The place of the dot.
    pub dot: String,
    /// The right end of the line.
    pub high: String,
    /// The value in words.
    pub text: String,
    /// Where the value in words begins.
    pub text_x: String,
}

impl RangePlot {
    /// The picture of these rows; none without rows.
    #[must_use]
    pub fn new(axis: RangeAxis, rows: &[RangeRow]) -> Option<Self> {
        let scale = Scale::new(axis, rows);
        (!rows.is_empty())
            .then(|| Self { wide: draw(&scale, rows, &WIDE), narrow: draw(&scale, rows, &NARROW) })
    }
}

fn draw(scale: &Scale, rows: &[RangeRow], layout: &Layout) -> RangePlotSize {
    let (left, span) = (f64::from(layout.left), f64::from(layout.width - layout.left - layout.right));
    let x = |value: f64| left + span * scale.share(value);
    let number = |value: f64| format!("{value:.1}");
    let plot_row = |(row, index): (&RangeRow, u32)| {
        let text_y = layout.top + layout.row * index;
        let high = x(row.high.max(row.value));
        RangePlotRow {
            label: row.label.clone(),
            mode: row.mode,
            y: text_y - 4 + layout.bar,
            text_y,
            low: number(x(row.low.min(row.value))),
            dot: number(x(row.value)),
            high: number(high),
            text: row.text.clone(),
            text_x: number(high + 10.0),
        }
    };
    let rows: Vec<RangePlotRow> = rows.iter().zip(0..).map(plot_row).collect();
    let bottom = layout.top + layout.row * u32::try_from(rows.len()).unwrap_or_default() - 4;
    let ticks = scale.ticks().into_iter().step_by(if layout.every_other_tick { 2 } else { 1 });
    RangePlotSize {
        width: layout.width,
        height: bottom + 26,
        axis: (8, bottom),
        ticks: ticks.map(|(value, text)| Tick { x: number(x(value)), text }).collect(),
        rows,
    }
}

/// From values to places between 0 and 1.
enum Scale {
    Linear { step: f64, last: f64 },
    Logarithmic { first: f64, last: f64 },
}

impl Scale {
    fn new(axis: RangeAxis, rows: &[RangeRow]) -> Self {
        let most = rows.iter().map(|row| row.high.max(row.value)).fold(0.0, f64::max);
        match axis {
            RangeAxis::Ratio => {
                let last = most.clamp(f64::MIN_POSITIVE, f64::MAX / 10.0).max(1.0);
                let rough = last / MAX_STEPS;
                let decade = 10_f64.powf(rough.log10().floor());
                let step =
                    [1.0, 2.0, 5.0].map(|factor| factor * decade).into_iter().find(|step| *step >= rough);
                Self::Linear { step: step.unwrap_or(10.0 * decade), last }
            }
            RangeAxis::Time => {
                let least = rows.iter().map(|row| row.low.min(row.value)).fold(LAST_MS / 10.0, f64::min);
                let first = 10_f64.powf(least.max(FIRST_MS).log10().floor());
                let last = 10_f64.powf(most.min(LAST_MS).max(10.0 * first).log10().ceil());
                Self::Logarithmic { first, last }
            }
        }
    }

    fn share(&self, value: f64) -> f64 {
        match self {
            Self::Linear { last, .. } => value.clamp(0.0, *last) / last,
            Self::Logarithmic { first, last } => {
                (value.clamp(*first, *last) / first).ln() / (last / first).ln()
            }
        }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Linear { step, last } => {
                let values = (0..).map(|number| f64::from(number) * step).take_while(|value| value <= last);
                // Two digits are enough for a step of at least 0.1, and more for a smaller one would be noise.
                values.map(|value| (value, format!("{:.1}", value))).collect()
            }
            Self::Logarithmic { first, last } => {
                let decades = (last / first).log10().round() as i32;
                let value = |decade| first * 10_f64.powi(decade);
                (0..=decades)
                    .map(|decade| (value(decade), duration_text(value(decade)).replace(".0 ", " ")))
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(low: f64, value: f64, high: f64) -> RangeRow {
        RangeRow { label: "Rate · JWT".into(), mode: Some(Mode::Jwt), low, value, high, text: "0.9".into() }
    }

    fn number(text: &str) -> f64 {
        text.parse().unwrap()
    }

    fn texts(plot: &RangePlot) -> Vec<&str> {
        plot.wide.ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn a_larger_value_stands_further_right_within_its_range() {
        let ratios = [row(0.7, 0.8, 0.9), row(1.1, 1.2, 1.3), row(5.3, 5.4, 5.9)];
        let times = [row(0.029, 0.029, 0.62), row(0.0291, 0.0291, 0.8), row(57.0, 57.0, 61.0)];
        for (axis, rows) in [(RangeAxis::Ratio, ratios), (RangeAxis::Time, times)] {
            let plot = RangePlot::new(axis, &rows).unwrap();
            for size in [&plot.wide, &plot.narrow] {
                let dots: Vec<f64> = size.rows.iter().map(|row| number(&row.dot)).collect();
                assert!(dots.is_sorted(), "{dots:?}");
                for row in &size.rows {
                    let (low, dot, high) = (number(&row.low), number(&row.dot), number(&row.high));
                    assert!(low <= dot && dot <= high && high < f64::from(size.width), "{row:?}");
                    assert!(row.y < size.axis.1);
                }
                assert!(size.ticks.iter().all(|tick| number(&tick.x) <= f64::from(size.width)));
            }
        }
    }

    #[test]
    fn an_axis_has_round_numbers() {
        let ratios = RangePlot::new(RangeAxis::Ratio, &[row(0.8, 0.9, 1.0)]).unwrap();
        assert_eq!(texts(&ratios), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        let large = RangePlot::new(RangeAxis::Ratio, &[row(5.3, 5.4, 5.9)]).unwrap();
        assert_eq!(texts(&large), ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0"]);
        let times = RangePlot::new(RangeAxis::Time, &[row(0.029, 0.029, 8.1)]).unwrap();
        assert_eq!(texts(&times), ["10 µs", "100 µs", "1 ms", "10 ms"]);
    }

    #[test]
    fn any_values_give_a_picture_and_no_row_gives_none() {
        for value in [-1.0, 0.0, f64::MIN_POSITIVE, 1e12, f64::MAX, f64::NAN, f64::INFINITY] {
            for axis in [RangeAxis::Ratio, RangeAxis::Time] {
                let plot = RangePlot::new(axis, &[row(value, value, value)]).unwrap();
                assert!(plot.wide.ticks.len() < 20, "{value}: {:?}", plot.wide.ticks);
            }
        }
        assert_eq!(RangePlot::new(RangeAxis::Ratio, &[]), None);
    }
}
