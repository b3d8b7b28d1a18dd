//! Escapes control characters, so that text of clients cannot control the operator's terminal.

use std::fmt::Write as _;

/// `text` with every character escaped that could control a terminal or hide text. A user agent, for example, is
/// whatever a client sends: unescaped it could overwrite what the operator sees.
pub(crate) fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if must_escape(character) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// `text` as one word of a POSIX shell, in quotes if it needs them.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-./:@%+=,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { shell_quote(text) }
}

/// `text` as one quoted word of a POSIX shell.
pub(crate) fn shell_quote(text: &str) -> String {
    format!("'{}'", escape_controls(text).replace('\'', r"'\''"))
}

/// Control characters, and those that change the direction of text or hide it (Unicode, `Bidi_Control` and zero-width
/// characters).
pub(crate) fn must_escape(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_letters_are_not() {
        assert_eq!(escape_controls("curl/8\u{1b}[2J\r\n\u{202e}x"), "curl/8\\u{1b}[2J\\u{d}\\u{a}\\u{202e}x");
        assert_eq!(escape_controls("Zoë 東京"), "Zoë 東京");
    }

    #[test]
    fn only_a_word_that_needs_quotes_gets_them() {
        for plain in ["/var/lib/auth", "sqlite:./a_b.db", "-"] {
            assert_eq!(shell_word(plain), plain);
        }
        assert_eq!(shell_word("my data"), "'my data'");
        assert_eq!(shell_word("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell_word(""), "''");
    }
}
