//! Signing keys and refresh token keys, with a picture of the rotation.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;

/// The left edge and the width of the picture's time axis, in its own units.
const LEFT: u64 = 90;
const WIDTH: u64 = 340;

/// The height of the row of a key.
const ROW: u64 = 32;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// The `kid` of a signing key, or the id of a refresh token key.
    pub id: String,
    /// The algorithm.
    pub algorithm: String,
    /// The state.
    pub state: String,
    /// When it was created and published.
    pub created: Moment,
    /// When it was or will be activated.
    pub activated: Option<Moment>,
    /// When it is removed.
    pub removed: Option<Moment>,
    /// Whether it can be revoked.
    pub is_revocable: bool,
}

/// The times of a key, in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTimes {
    /// The id.
    pub id: String,
    /// When it was published.
    pub published: u64,
    /// Since when it signs.
    pub signs_from: Option<u64>,
    /// Until when it signs.
    pub signs_until: Option<u64>,
    /// Until when its tokens are good.
    pub good_until: Option<u64>,
}

/// The rotation as a picture: a row for each key, and a line for the present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyPlot {
    /// The rows.
    pub rows: Vec<KeyPlotRow>,
    /// The height.
    pub height: u64,
    /// Where the present is.
    pub now: u64,
    /// The first and the last day.
    pub days: (String, String),
}

/// The row of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyPlotRow {
    /// The beginning of its id.
    pub label: String,
    /// The upper edge.
    pub y: u64,
    /// While it is published and does not sign yet.
    pub published: Bar,
    /// While it signs.
    pub signs: Bar,
    /// While its tokens are good and it signs no more.
    pub good: Bar,
}

/// A bar of the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// The left edge.
    pub x: u64,
    /// The width; 0: there is no bar.
    pub width: u64,
}

impl KeyPlot {
    /// The picture of these keys at `now`. What has no end yet lasts to the right edge.
    pub fn new(keys: &[KeyTimes], now: u64) -> Self {
        let ends = |key: &KeyTimes| [key.signs_from, key.signs_until, key.good_until];
        let first = keys.iter().map(|key| key.published).min().unwrap_or(now).min(now);
        let latest = keys.iter().flat_map(ends).flatten().max().unwrap_or(now).max(now);
        // A margin behind the last change shows what lasts.
        let span = (latest - first).max(1);
        let last = latest.saturating_add(span / 8 + 1);
        let x = |time: u64| LEFT + WIDTH * (time.clamp(first, last) - first) / (last - first);
        let bar = |from: Option<u64>, until: Option<u64>| {
            let Some(from) = from else { return Bar::default() };
            Bar { x: x(from), width: x(until.unwrap_or(last)).saturating_sub(x(from)) }
        };
        let rows = keys.iter().zip(0..).map(|(key, number)| KeyPlotRow {
            label: key.id.chars().take(8).collect(),
            y: 8 + ROW * number,
            published: bar(Some(key.published), key.signs_from.or(key.good_until)),
            signs: bar(key.signs_from, key.signs_until.or(key.good_until)),
            good: bar(key.signs_until, key.good_until),
        });
        let day = |time| Moment::from_unix_seconds(time).day;
        Self {
            rows: rows.collect(),
            height: ROW * keys.len() as u64 + 36,
            now: x(now),
            days: (day(first), day(last)),
        }
    }
}

/// The keys that sign access tokens.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeysPart {
    /// The keys, oldest first.
    pub keys: Vec<KeyRow>,
    /// Their rotation.
    pub plot: KeyPlot,
}

impl View for KeysPart {
    const TEMPLATE: &'static str = "console/live/keys.html";
}

/// The keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeysView {
    /// The keys that sign access tokens.
    pub signing: KeysPart,
    /// The MAC keys of refresh tokens, oldest first.
    pub refresh_token_keys: Vec<KeyRow>,
}

impl View for KeysView {
    const TEMPLATE: &'static str = "console/keys.html";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_published_then_signs_and_then_only_verifies() {
        let day = 86_400;
        let key = |id: &str, published, signs_from, signs_until, good_until| KeyTimes {
            id: id.to_owned(),
            published,
            signs_from,
            signs_until,
            good_until,
        };
        let keys = [
            key("old", 0, Some(10 * day), Some(40 * day), Some(41 * day)),
            key("current", 20 * day, Some(40 * day), None, None),
            key("next", 40 * day, Some(70 * day), None, None),
        ];

        let plot = KeyPlot::new(&keys, 45 * day);

        let [old, current, next] = plot.rows.as_slice() else { panic!("{plot:?}") };
        assert_eq!(old.published.x + old.published.width, old.signs.x);
        assert_eq!(old.signs.x + old.signs.width, old.good.x);
        assert!(old.good.x + old.good.width < plot.now);
        assert!(current.signs.x < plot.now && current.signs.x + current.signs.width == LEFT + WIDTH);
        assert!(next.signs.x > plot.now && next.published.width > 0 && next.good.width == 0);
    }

    #[test]
    fn any_times_give_a_picture() {
        let times = [0, 1, u64::MAX / 512, 1_764_000_000];
        for published in times {
            for end in times.map(Some).into_iter().chain([None]) {
                let key = KeyTimes {
                    id: "é".repeat(20),
                    published,
                    signs_from: end,
                    signs_until: Some(published),
                    good_until: end,
                };
                let plot = KeyPlot::new(&[key], 1_764_000_000);
                assert!((LEFT..=LEFT + WIDTH).contains(&plot.now));
            }
        }
        assert!(KeyPlot::new(&[], 0).rows.is_empty());
    }
}
