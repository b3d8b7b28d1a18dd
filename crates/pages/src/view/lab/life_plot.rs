//! A picture: how long each credential is accepted after an event, on a logarithmic axis, for wide and for small screens.

use serde::Serialize;

use crate::view::Mode;

/// The beginning of the axis, in milliseconds.
const FIRST_MS: f64 = 0.1;

/// The least end of the axis: a day.
const DAY_MS: f64 = 86_400_000.0;

/// The latest end of the axis.
const LAST_MS: f64 = 1_000.0 * DAY_MS;

/// The places where the axis has a number.
const TICKS: [(f64, &str); 12] = [
    (0.1, "0.1 ms"),
    (1.0, "1 ms"),
    (10.0, "10 ms"),
    (100.0, "0.1 s"),
    (1_000.0, "1 s"),
    (10_000.0, "10 s"),
    (60_000.0, "1 min"),
    (600_000.0, "10 min"),
    (3_600_000.0, "1 h"),
    (DAY_MS, "1 d"),
    (10.0 * DAY_MS, "10 d"),
    (100.0 * DAY_MS, "100 d"),
];

/// What is known of one credential at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct LifeRow {
    /// The mode.
    pub mode: Mode,
    /// The mode and the place in words.
    pub label: String,
    /// When it was refused first, or accepted last, in milliseconds after the event.
    pub after_ms: f64,
    /// Whether it was still accepted then.
    pub is_accepted: bool,
    /// Whether the clock of the lab was advanced for it.
    pub is_advanced: bool,
}

/// The picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifePlot {
    /// For wide screens.
    pub wide: PlotSize,
    /// For small screens.
    pub narrow: PlotSize,
}

/// The picture for one kind of screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlotSize {
    /// The width of the drawing.
    pub width: u32,
    /// The height of the drawing.
    pub height: u32,
    /// Where the axis ends at the top and at the bottom.
    pub axis: (u32, u32),
    /// The numbers of the axis.
    pub ticks: Vec<Tick>,
    /// The rows.
    pub rows: Vec<LifePlotRow>,
}

/// A number of the axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tick {
    /// Its place.
    pub x: String,
    /// The number.
    pub text: String,
}

/// A row: its name, a bar for the time in which the credential is accepted, and the value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifePlotRow {
    /// The mode and the place.
    pub label: String,
    /// The mode.
    pub mode: Mode,
    /// The middle of the bar.
    pub y: u32,
    /// Where the name and, on a small screen, the value stand.
    pub text_y: u32,
    /// The left end of the bar.
    pub x: u32,
    /// The length of the bar.
    pub width: String,
    /// The right end of the bar.
    pub end: String,
    /// The value.
    pub value: String,
    /// Where the value begins.
    pub value_x: String,
    /// Whether the clock was advanced for it: then the dot is a ring.
    pub is_advanced: bool,
}

/// The measures of a picture.
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) left: u32,
    /// Right of the axis is room for a value.
    pub(super) right: u32,
    pub(super) row: u32,
    pub(super) top: u32,
    /// How far the bar is below the name.
    pub(super) bar: u32,
    pub(super) every_other_tick: bool,
}

pub(super) const WIDE: Layout =
    Layout { width: 1150, left: 200, right: 120, row: 30, top: 28, bar: 0, every_other_tick: false };
pub(super) const NARROW: Layout =
    Layout { width: 340, left: 4, right: 16, row: 40, top: 18, bar: 16, every_other_tick: true };

impl LifePlot {
    /// The picture of these rows; none without rows.
    #[must_use]
    pub fn new(rows: &[LifeRow]) -> Option<Self> {
        (!rows.is_empty()).then(|| Self { wide: draw(rows, &WIDE), narrow: draw(rows, &NARROW) })
    }
}

fn draw(rows: &[LifeRow], layout: &Layout) -> PlotSize {
    let last = rows.iter().map(|row| row.after_ms).fold(DAY_MS, f64::max).min(LAST_MS);
    let span = f64::from(layout.width - layout.left - layout.right);
    let left = f64::from(layout.left);
    let x = |ms: f64| left + span * (ms.clamp(FIRST_MS, last) / FIRST_MS).ln() / (last / FIRST_MS).ln();
    let number = |value: f64| format!("{value:.1}");
    let plot_row = |(row, index): (&LifeRow, u32)| {
        let text_y = layout.top + layout.row * index;
        let end = x(row.after_ms);
        LifePlotRow {
            label: row.label.clone(),
            mode: row.mode,
            y: text_y - 4 + layout.bar,
            text_y,
            x: layout.left,
            width: number((end - left).max(1.0)),
            end: number(end),
            value: value(row),
            value_x: number(end + 10.0),
            is_advanced: row.is_advanced,
        }
    };
    let rows: Vec<LifePlotRow> = rows.iter().zip(0..).map(plot_row).collect();
    let bottom = layout.top + layout.row * u32::try_from(rows.len()).unwrap_or_default() - 4;
    let step = if layout.every_other_tick { 2 } else { 1 };
    let ticks = TICKS.iter().filter(|(ms, _)| *ms <= last).step_by(step);
    PlotSize {
        width: layout.width,
        height: bottom + 26,
        axis: (8, bottom),
        ticks: ticks.map(|(ms, text)| Tick { x: number(x(*ms)), text: (*text).to_owned() }).collect(),
        rows,
    }
}

fn value(row: &LifeRow) -> String {
    let time = duration_text(row.after_ms);
    if row.is_accepted { format!("{time}, accepted") } else { time }
}

/// A duration with two digits, in the unit that fits.
#[must_use]
pub fn duration_text(ms: f64) -> String {
    let in_unit = |value: f64, unit: &str| match value {
        value if value < 10.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    };
    match ms {
        ms if ms < 0.95 => in_unit(ms * 1_000.0, "µs"),
        ms if ms < 950.0 => in_unit(ms, "ms"),
        ms if ms < 119_500.0 => in_unit(ms / 1_000.0, "s"),
        ms if ms < 119.5 * 60_000.0 => in_unit(ms / 60_000.0, "min"),
        ms if ms < 47.5 * 3_600_000.0 => in_unit(ms / 3_600_000.0, "h"),
        ms => in_unit(ms / DAY_MS, "d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(after_ms: f64) -> LifeRow {
        LifeRow { mode: Mode::Jwt, label: "JWT".into(), after_ms, is_accepted: false, is_advanced: false }
    }

    #[test]
    fn a_longer_time_has_a_longer_bar_within_the_picture() {
        let times = [0.3, 1.4, 3_000.0, 3_660_000.0, 8.0 * DAY_MS];

        let plot = LifePlot::new(&times.map(row)).unwrap();

        for size in [plot.wide, plot.narrow] {
            let ends: Vec<f64> = size.rows.iter().map(|row| row.end.parse().unwrap()).collect();
            assert!(ends.is_sorted() && ends[4] < f64::from(size.width), "{ends:?}");
            assert!(size.rows.iter().all(|row| row.y < size.axis.1));
            assert!(size.ticks.iter().all(|tick| tick.x.parse::<f64>().unwrap() <= ends[4]));
        }
    }

    #[test]
    fn any_time_gives_a_picture_and_no_row_gives_none() {
        for ms in [-1.0, 0.0, f64::MIN_POSITIVE, f64::MAX] {
            let plot = LifePlot::new(&[row(ms)]).unwrap();
            assert!(plot.wide.rows[0].end.parse::<f64>().unwrap() <= 1150.0, "{ms}");
        }
        assert_eq!(LifePlot::new(&[]), None);
    }

    #[test]
    fn a_duration_is_told_in_the_unit_that_fits() {
        let texts = [0.0002, 0.3, 1.4, 42.0, 3_000.0, 61_000.0, 3_661_000.0, 90_000_000.0, 8.0 * DAY_MS];
        let texts = texts.map(duration_text);
        assert_eq!(
            texts,
            ["0.2 µs", "300 µs", "1.4 ms", "42 ms", "3.0 s", "61 s", "61 min", "25 h", "8.0 d"]
        );
    }
}
