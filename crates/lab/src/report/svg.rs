//! The drawings of a report: ranges and bars as SVG with attributes only, so that they need no style sheet and no script.

use std::fmt::Write as _;

use crate::report::cells::text;
use crate::report::html::escape;
use crate::report::model::{Cell, Column, Figure, Report, Unit};

/// A drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// The name of its file, without the suffix.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The document.
    pub svg: String,
}

const WIDTH: f64 = 760.0;
const LABELS: f64 = 200.0;
const VALUES: f64 = 250.0;
const LINE: f64 = 24.0;

/// How values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// From 0.
    Linear,
    /// Each step ten times the one before.
    Logarithmic,
}

/// The drawings for which the report has figures.
#[must_use]
pub fn drawings(report: &Report) -> Vec<Drawing> {
    let plans: [(&'static str, &'static str, Scale, &[&str]); 4] = [
        (
            "checks",
            "Checks beside the bare handler",
            Scale::Linear,
            &["check.rate", "check.cpu", "check.first_sight"],
        ),
        (
            "response-times",
            "Response times: p50, p99 and p99.9",
            Scale::Logarithmic,
            &["check.latency", "login.latency"],
        ),
        (
            "revocation",
            "Logout to refusal, in seconds",
            Scale::Logarithmic,
            &["logout.issuer", "logout.follower", "logout.cut", "logout.keys_only"],
        ),
        ("bytes", "Bytes", Scale::Linear, &["wire.request", "client.bytes", "kept.disk"]),
    ];
    let drawing = |(name, title, scale, ids): (&'static str, &'static str, Scale, &[&str])| {
        let figures: Vec<&Figure> = ids.iter().filter_map(|id| report.figure(id)).collect();
        Some(Drawing { name, title, svg: draw(name, title, scale, &figures)? })
    };
    plans.into_iter().filter_map(drawing).collect()
}

/// A line of a drawing: values on a common scale.
struct Mark<'a> {
    column: Column,
    cell: &'a Cell,
    unit: Unit,
    low: f64,
    value: f64,
    high: f64,
}

fn draw(name: &str, title: &str, scale: Scale, figures: &[&Figure]) -> Option<String> {
    let groups: Vec<(&str, Vec<Mark<'_>>)> =
        figures.iter().map(|figure| (figure.id.as_str(), marks(figure))).collect();
    let all = || groups.iter().flat_map(|(_, marks)| marks);
    let most = all().map(|mark| mark.high).fold(0.0, f64::max);
    let least = all().map(|mark| mark.low).filter(|low| *low > 0.0).fold(most, f64::min);
    if most <= 0.0 {
        return None;
    }
    let position = |value: f64| {
        let share = match scale {
            Scale::Linear => value / most,
            Scale::Logarithmic => {
                let (low, high) = (least.log10() - 0.5, most.log10());
                (value.max(least).log10() - low) / (high - low)
            }
        };
        LABELS + share.clamp(0.0, 1.0) * (WIDTH - LABELS - VALUES)
    };
    let lines = groups.iter().map(|(_, marks)| marks.len() + 1).sum::<usize>();
    let height = lines as f64 * LINE + LINE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"{name}-title\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"currentColor\">\
         <title id=\"{name}-title\">{}</title>\n",
        escape(title)
    );
    let mut y = LINE;
    for (id, marks) in &groups {
        let _ = writeln!(svg, "<text x=\"0\" y=\"{y}\" font-weight=\"600\">{}</text>", escape(id));
        y += LINE;
        for mark in marks {
            draw_mark(&mut svg, mark, y, scale, &position);
            y += LINE;
        }
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn draw_mark(svg: &mut String, mark: &Mark<'_>, y: f64, scale: Scale, position: &dyn Fn(f64) -> f64) {
    let (name, colour) = column(mark.column);
    let (low, value, high, middle) = (position(mark.low), position(mark.value), position(mark.high), y - 4.5);
    let _ = writeln!(svg, "<text x=\"14\" y=\"{y}\">{name}</text>");
    if scale == Scale::Linear {
        let (top, width) = (y - 11.0, value - LABELS);
        let _ = writeln!(
            svg,
            "<rect x=\"{LABELS}\" y=\"{top}\" width=\"{width:.1}\" height=\"13\" fill=\"{colour}\" fill-opacity=\"0.35\"/>"
        );
    }
    let _ = writeln!(
        svg,
        "<line x1=\"{low:.1}\" y1=\"{middle}\" x2=\"{high:.1}\" y2=\"{middle}\" stroke=\"{colour}\" stroke-width=\"3\"/>\
         <circle cx=\"{value:.1}\" cy=\"{middle}\" r=\"4.5\" fill=\"{colour}\"/>"
    );
    let x = WIDTH - VALUES + 12.0;
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\">{}</text>", escape(&text(mark.unit, mark.cell)));
}

/// The numbers of a figure, times in seconds. The ends of a mark are an interval, or the quantiles.
fn marks(figure: &Figure) -> Vec<Mark<'_>> {
    let scale = match figure.unit {
        Unit::Us => 1e-6,
        Unit::Ms => 1e-3,
        Unit::Ratio | Unit::S | Unit::Bytes | Unit::PerS | Unit::Count | Unit::Status | Unit::YesNo => 1.0,
    };
    let mark = |(column, cell): (&Column, &'_ Cell)| {
        let value = cell.as_number()?;
        let low = cell.low.unwrap_or(value);
        let high = cell.high.or(cell.p999).unwrap_or(value);
        Some((*column, low * scale, value * scale, high * scale))
    };
    let found = figure.values.iter().filter_map(|(column, cell)| Some((mark((column, cell))?, cell)));
    found
        .map(|((column, low, value, high), cell)| Mark { column, cell, unit: figure.unit, low, value, high })
        .collect()
}

/// The name and the colour of a column: the same everywhere.
const fn column(column: Column) -> (&'static str, &'static str) {
    match column {
        Column::Bare => ("bare", "#6b7280"),
        Column::Session => ("● session", "#1f7a4d"),
        Column::Jwt => ("◆ JWT", "#4a4fb5"),
        Column::Hybrid => ("▲ hybrid", "#a8690f"),
        Column::Guide => ("Express", "#9a3b5b"),
    }
}
