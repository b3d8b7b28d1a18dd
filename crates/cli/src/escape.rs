//! Text that others wrote, made safe for a terminal.

use std::fmt::Write as _;

/// `text` with everything escaped that could steer a terminal or turn the direction of writing. A user agent
/// is whatever a stranger sent.
pub(crate) fn escape_controls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if must_escape(character) {
            // Writing to a string does not fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Controls, and the marks that turn or hide text (Unicode, "Bidi_Control" and the zero-width ones).
pub(crate) fn must_escape(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_steers_the_terminal() {
        assert_eq!(escape_controls("curl/8\u{1b}[2J\r\n\u{202e}x"), "curl/8\\u{1b}[2J\\u{d}\\u{a}\\u{202e}x");
        assert_eq!(escape_controls("Zoë 東京"), "Zoë 東京");
    }
}
