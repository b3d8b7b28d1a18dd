//! The contrast of the colors in the style sheet, in the light and the dark scheme (WCAG 2.2, 1.4.3 and 1.4.11).

use std::collections::BTreeMap;

use counterfoil_pages::{Accent, AccentError, Asset};

/// A text and its background.
const TEXTS: [(&str, &str); 26] = [
    ("ink", "paper"),
    ("ink", "ground"),
    ("ink", "sunk"),
    ("ink", "warn-tint"),
    ("ink", "bad-tint"),
    ("ink", "good-tint"),
    ("soft", "paper"),
    ("soft", "ground"),
    ("soft", "sunk"),
    ("paper", "ink"),
    ("accent", "paper"),
    ("accent", "ground"),
    ("accent", "accent-tint"),
    ("on-accent", "button"),
    ("on-deep", "deep"),
    ("on-deep-soft", "deep"),
    ("s", "s-tint"),
    ("j", "j-tint"),
    ("h", "h-tint"),
    ("s", "paper"),
    ("j", "paper"),
    ("h", "paper"),
    ("bad", "paper"),
    ("bad", "bad-tint"),
    ("warn", "warn-tint"),
    ("good", "good-tint"),
];

/// The border of a control, or a mark with a meaning, and its background.
const BORDERS: [(&str, &str); 5] =
    [("field", "paper"), ("accent", "paper"), ("accent", "ground"), ("bad", "paper"), ("warn", "warn-tint")];

/// The variables of a color scheme: those of the light one, and for the dark one what it changes.
fn variables(css: &str) -> [BTreeMap<&str, &str>; 2] {
    let blocks: Vec<&str> = css.split(":root{").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    let [light, dark] = blocks[..] else { panic!("{} blocks of variables", blocks.len()) };
    let light: BTreeMap<_, _> = colors(light).collect();
    let mut dark_colors = light.clone();
    dark_colors.extend(colors(dark));
    [light, dark_colors]
}

/// The variables that a block sets.
fn colors(block: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = block.split(';').filter_map(|line| line.trim().split_once(':'));
    lines.filter_map(|(name, value)| Some((name.trim().strip_prefix("--")?, value.trim())))
}

/// The relative luminance of `#rgb` or `#rrggbb`.
fn luminance(color: &str) -> f64 {
    let digits = color.strip_prefix('#').unwrap_or_else(|| panic!("{color} is no color"));
    let digits = match digits.len() {
        3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => digits.to_owned(),
    };
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn texts_and_controls_stand_out_in_both_schemes() {
    assert!((contrast("#fff", "#000000") - 21.0).abs() < 0.001);
    assert!((contrast("#777777", "#ffffff") - 4.478).abs() < 0.001);
    for (scheme, colors) in ["light", "dark"].into_iter().zip(variables(Asset::STYLESHEET.content)) {
        assert_contrasts(scheme, &colors);
    }
}

/// The web-safe colors, and those between them.
#[test]
fn texts_and_controls_stand_out_with_every_accent_that_is_accepted() {
    let shades = [0x00, 0x33, 0x66, 0x80, 0x99, 0xcc, 0xff];
    let [mut accepted, mut refused] = [0, 0];
    for (red, green, blue) in
        shades.into_iter().flat_map(|r| shades.into_iter().flat_map(move |g| shades.map(|b| (r, g, b))))
    {
        let color = format!("#{red:02x}{green:02x}{blue:02x}");
        let best = contrast(&color, "#ffffff").max(contrast(&color, "#13201b"));
        let accent = match color.parse::<Accent>() {
            Ok(accent) => accent,
            Err(AccentError::LowContrast { .. }) => {
                assert!(best < 4.5, "{color}: {best}");
                refused += 1;
                continue;
            }
            Err(error) => panic!("{color}: {error}"),
        };
        assert!(best >= 4.5, "{color}: {best}");
        accepted += 1;
        let css = str::from_utf8(accent.style_sheet().content()).unwrap();
        let schemes = variables(Asset::STYLESHEET.content).into_iter().zip(variables(css));
        for (scheme, (mut colors, of_accent)) in ["light", "dark"].into_iter().zip(schemes) {
            assert!(of_accent.keys().all(|name| colors.contains_key(name)), "{css}");
            colors.extend(of_accent);
            assert_contrasts(&format!("{color}, {scheme}"), &colors);
        }
    }
    assert!(accepted > 250 && refused > 10, "{accepted} and {refused}");
}

fn assert_contrasts(scheme: &str, colors: &BTreeMap<&str, &str>) {
    for (pairs, least) in [(&TEXTS[..], 4.5), (&BORDERS[..], 3.0)] {
        for (front, back) in pairs {
            let contrast = contrast(colors[front], colors[back]);
            assert!(contrast >= least, "{scheme}: {front} on {back} has {contrast:.2}");
        }
    }
}
