//! The accent: one color of the operator, and the colors of both schemes that are derived from it.

use std::fmt::Write as _;
use std::str::FromStr;

use crate::theme_file::ThemeFile;

/// A color for buttons, links and marks. Text on it and text in its colors can be read in the light and in the dark scheme.
///
/// ```
/// use counterfoil_pages::{Accent, AccentError};
///
/// assert!("#3a1c71".parse::<Accent>().is_ok());
/// assert!(matches!("#808080".parse::<Accent>(), Err(AccentError::LowContrast { .. })));
/// assert!(matches!("purple".parse::<Accent>(), Err(AccentError::Syntax)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accent {
    file: ThemeFile,
}

/// A color is not an accent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccentError {
    /// It is not written as `#rrggbb`.
    #[error("must be a color like #0b6350: `#` and six hexadecimal digits")]
    Syntax,
    /// Neither white nor dark text on it can be read.
    #[error(
        "white text on {color} has a contrast of {white}:1 and dark text one of {ink}:1, and one of them must have 4.5:1"
    )]
    LowContrast {
        /// The color.
        color: String,
        /// The contrast of white text on it.
        white: String,
        /// The contrast of dark text on it.
        ink: String,
    },
}

/// The least contrast of text (WCAG 2.2, 1.4.3).
const TEXT: f64 = 4.5;

/// The contrast of white text on the ticket's stub.
const STUB: f64 = 10.0;

const BLACK: Color = Color([0; 3]);
const WHITE: Color = Color([0xff; 3]);
/// `--ink` of the light scheme.
const INK: Color = Color([0x13, 0x20, 0x1b]);
/// `--ground` of the light scheme. Its `--paper` is white.
const LIGHT_GROUND: Color = Color([0xe9, 0xee, 0xec]);
/// `--paper` of the dark scheme, which is lighter than its `--ground`.
const DARK_PAPER: Color = Color([0x16, 0x1e, 0x1b]);

impl Accent {
    /// The style sheet that sets the variables of the accent, for after the one of the pages.
    pub fn style_sheet(&self) -> &ThemeFile {
        &self.file
    }
}

impl FromStr for Accent {
    type Err = AccentError;

    fn from_str(text: &str) -> Result<Self, AccentError> {
        let color = Color::parse(text).ok_or(AccentError::Syntax)?;
        let (white, ink) = (color.contrast(WHITE), color.contrast(INK));
        if white < TEXT && ink < TEXT {
            // Rounded down, so that no contrast below the least one looks like it.
            let rounded = |contrast: f64| format!("{:.2}", (contrast * 100.0).floor() / 100.0);
            return Err(AccentError::LowContrast {
                color: text.to_owned(),
                white: rounded(white),
                ink: rounded(ink),
            });
        }
        let css = css(color);
        Ok(Self { file: ThemeFile::new("accent", "css", "text/css; charset=utf-8", css.into_bytes()) })
    }
}

/// The variables in both schemes.
fn css(color: Color) -> String {
    let tint = color.mix(WHITE, 0.88);
    let accent = color.until(BLACK, |text| [WHITE, LIGHT_GROUND, tint].map(|back| text.contrast(back)));
    let dark_tint = color.mix(DARK_PAPER, 0.82);
    let dark = color.until(WHITE, |text| [DARK_PAPER, dark_tint, INK].map(|back| text.contrast(back)));
    let on_accent = if color.contrast(WHITE) >= TEXT { WHITE } else { INK };
    let deep = (0..=20).map(|step| color.mix(BLACK, f64::from(step) / 20.0));
    let deep = deep.into_iter().find(|deep| deep.contrast(WHITE) >= STUB).unwrap_or(BLACK);
    let block = |accent: Color, button: Color, on_accent: Color, tint: Color| {
        let variables = [
            ("accent", accent),
            ("button", button),
            ("on-accent", on_accent),
            ("accent-tint", tint),
            ("deep", deep),
            ("on-deep", deep.mix(WHITE, 0.93)),
            ("on-deep-soft", deep.mix(WHITE, 0.68)),
        ];
        variables.iter().fold(String::new(), |mut block, (name, color)| {
            let _ = write!(block, "--{name}:{};", color.to_hex());
            block
        })
    };
    let light = block(accent, color, on_accent, tint);
    let dark = block(dark, dark, INK, dark_tint);
    format!(":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n")
}

/// A color in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Color([u8; 3]);

impl Color {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    fn to_hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// The relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast ratio (WCAG 2.2).
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance() + 0.05, other.luminance() + 0.05);
        one.max(other) / one.min(other)
    }

    /// This color with this share of another one.
    fn mix(self, other: Self, share: f64) -> Self {
        let mut mixed = self.0;
        for (channel, other) in mixed.iter_mut().zip(other.0) {
            let value = f64::from(*channel) * (1.0 - share) + f64::from(other) * share;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is between two channels"
            )]
            let value = value.round() as u8;
            *channel = value;
        }
        Self(mixed)
    }

    /// This color with the least share of `end`, in steps of a twentieth, with which it can be read as text.
    fn until<const N: usize>(self, end: Self, contrasts: impl Fn(Self) -> [f64; N]) -> Self {
        let mixed = (0..=20).map(|step| self.mix(end, f64::from(step) / 20.0));
        let readable = |color: &Self| contrasts(*color).iter().all(|contrast| *contrast >= TEXT);
        mixed.into_iter().find(readable).unwrap_or(end)
    }
}
