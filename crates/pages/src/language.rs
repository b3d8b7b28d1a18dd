//! The languages of the pages, and which of them a browser gets.

/// A language of the pages. Each has one file of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
    /// Spanish.
    Spanish,
    /// French.
    French,
    /// Japanese.
    Japanese,
    /// Arabic.
    Arabic,
}

/// The direction of the text of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From left to right.
    LeftToRight,
    /// From right to left.
    RightToLeft,
}

/// The longest `Accept-Language` that is read. Browsers send fewer than 200 bytes.
const MAX_HEADER_LEN: usize = 1024;

impl Language {
    /// Every language, in the order in which pages offer them.
    pub const ALL: [Self; 6] =
        [Self::English, Self::German, Self::Spanish, Self::French, Self::Japanese, Self::Arabic];

    /// The code (BCP 47), as in the attribute `lang`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Spanish => "es",
            Self::French => "fr",
            Self::Japanese => "ja",
            Self::Arabic => "ar",
        }
    }

    /// The name in the language itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::Spanish => "Español",
            Self::French => "Français",
            Self::Japanese => "日本語",
            Self::Arabic => "العربية",
        }
    }

    /// The direction of its text.
    pub const fn direction(self) -> Direction {
        match self {
            Self::English | Self::German | Self::Spanish | Self::French | Self::Japanese => {
                Direction::LeftToRight
            }
            Self::Arabic => Direction::RightToLeft,
        }
    }

    /// The language with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language that the value of `Accept-Language` prefers (RFC 9110, section 12.5.4): the one with the highest weight,
    /// and the first of several with that weight. `de-AT` counts as `de`. The first of `offered` if it names none of them.
    pub fn accepted(header: &str, offered: &[Self]) -> Self {
        let header = header.get(..MAX_HEADER_LEN.min(header.len())).unwrap_or_default();
        let ranges = header.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let code = parts.next()?.split('-').next()?.to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            let language = Self::from_code(&code).filter(|language| offered.contains(language))?;
            Some((language, weight.filter(|weight: &f32| *weight > 0.0 && *weight <= 1.0)?))
        });
        let best = ranges.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let first = || offered.first().copied().unwrap_or_default();
        best.map_or_else(first, |(language, _)| language)
    }
}

impl Direction {
    /// The value of the attribute `dir`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeftToRight => "ltr",
            Self::RightToLeft => "rtl",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_weight_is_chosen() {
        for (header, expected) in [
            ("de-AT,de;q=0.9,en;q=0.8", Language::German),
            ("en;q=0.3, ar;q=0.7, fr;q=0.7", Language::Arabic),
            ("nl, pt-BR;q=0.9, JA;q=0.2", Language::Japanese),
            ("de;q=0, es", Language::Spanish),
            ("de;q=nan, de;q=inf, de;q=7", Language::English),
            ("", Language::English),
            ("*", Language::English),
            ("日本語", Language::English),
        ] {
            assert_eq!(Language::accepted(header, &Language::ALL), expected, "{header}");
        }
    }

    #[test]
    fn a_language_that_is_not_offered_is_not_chosen() {
        let offered = [Language::German, Language::French];
        assert_eq!(Language::accepted("en, fr;q=0.2", &offered), Language::French);
        assert_eq!(Language::accepted("en, ja;q=0.2", &offered), Language::German);
    }

    #[test]
    fn a_very_long_header_is_cut() {
        let header = format!("{}de", "xx,".repeat(1000));
        assert_eq!(Language::accepted(&header, &Language::ALL), Language::English);
        assert_eq!(Language::accepted(&"é".repeat(2000), &Language::ALL), Language::English);
    }
}
