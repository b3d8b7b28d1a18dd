//! The rows `pages`: how long it takes to render a page of people.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use counterfoil_pages::sample::Sample;
use counterfoil_pages::{Language, Renderer};

use crate::primitives::cpu_time;
use crate::report::{Assessment, median_of};

/// How often each page is rendered in an iteration.
const REPEATS: u32 = 200;

/// The goal for every page, in microseconds.
const GOAL: f64 = 100.0;

/// The page that everyone sees first.
const SIGN_IN: &str = "login";

/// Measures the sign-in page, and the page that takes longest. Both are in German, and their views are filled in: every text is
/// escaped, and the activity has an event of each kind.
pub(crate) fn run(iterations: usize) -> Result<[(&'static str, Assessment); 2]> {
    let (renderer, samples) = (Renderer::new(), Sample::people());
    let mut times = Vec::new();
    for sample in &samples {
        let runs =
            (0..iterations.max(1)).map(|_| microseconds(&renderer, sample)).collect::<Result<Vec<_>>>()?;
        times.push((sample.name(), median_of(runs)));
    }
    let sign_in = times.iter().find(|(name, _)| *name == SIGN_IN).map_or(f64::NAN, |(_, time)| *time);
    let (slowest, longest) =
        times.into_iter().max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or_default();
    Ok([
        ("the sign-in page, rendered", assess(format!("{sign_in:.0} µs"), sign_in)),
        ("  the page that takes longest", assess(format!("{longest:.0} µs ({slowest})"), longest)),
    ])
}

fn assess(result: String, time: f64) -> Assessment {
    Assessment { result, goal: format!("<= {GOAL} µs"), is_met: time <= GOAL }
}

/// The CPU time of one rendering, so that other work on the machine is not counted.
fn microseconds(renderer: &Renderer, sample: &Sample) -> Result<f64> {
    let render = || renderer.render_sample(Language::German, sample);
    black_box(render()?);
    let before = cpu_time();
    for _ in 0..REPEATS {
        black_box(render()?);
    }
    let taken: Duration = cpu_time().saturating_sub(before) / REPEATS;
    Ok(taken.as_secs_f64() * 1e6)
}
