//! What PHP applications make of a password that comes from a form, before they hash it.

use counterfoil_jose::Secret;

use crate::credentials::password::plaintext::PlaintextPassword;

/// What an application writes in place of some characters of a form. It removes white space at both ends, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::credentials::password) enum FormText {
    /// WordPress adds a backslash before quotes and backslashes.
    Slashes,
    /// phpBB writes `&`, `<`, `>` and `"` as in HTML.
    HtmlEntities,
}

impl FormText {
    /// Whether the password matches as it was typed, in NFC, or as the application reads either from a form. Programs that
    /// set a password without a form hash what they get.
    pub(super) fn any_spelling(self, password: &PlaintextPassword, matches: impl Fn(&[u8]) -> bool) -> bool {
        password.spellings().map(trim).any(|text| {
            let read = Secret::new(self.read(text));
            matches(text.as_bytes()) || (read.expose() != text && matches(read.expose().as_bytes()))
        })
    }

    /// The password as the application reads it from a form; `None` if it reads the same text.
    pub(in crate::credentials::password) fn read_password(
        self,
        password: &PlaintextPassword,
    ) -> Option<PlaintextPassword> {
        let read = Secret::new(self.read(trim(password.text())));
        (read.expose() != password.text()).then(|| PlaintextPassword::new(&read))
    }

    fn read(self, text: &str) -> String {
        let replacement = |character| match (self, character) {
            (Self::Slashes, '\'') => Some("\\'"),
            (Self::Slashes, '"') => Some("\\\""),
            (Self::Slashes, '\\') => Some("\\\\"),
            (Self::HtmlEntities, '&') => Some("&amp;"),
            (Self::HtmlEntities, '<') => Some("&lt;"),
            (Self::HtmlEntities, '>') => Some("&gt;"),
            (Self::HtmlEntities, '"') => Some("&quot;"),
            _ => None,
        };
        // Long enough that no part of the password stays behind in memory that is given back.
        let mut result = String::with_capacity(6 * text.len());
        for character in text.chars() {
            match replacement(character) {
                Some(replacement) => result.push_str(replacement),
                None => result.push(character),
            }
        }
        result
    }
}

/// Without the white space around it, as PHP's `trim` defines it.
fn trim(password: &str) -> &str {
    password.trim_matches([' ', '\t', '\n', '\r', '\0', '\u{b}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(form: FormText, typed: &str, hashed: &str) -> bool {
        let password = PlaintextPassword::new(&Secret::new(typed.to_owned()));
        form.any_spelling(&password, |text| text == hashed.as_bytes())
    }

    #[test]
    fn a_password_matches_as_it_was_typed_and_as_the_form_gave_it() {
        for (form, hashed) in [
            (FormText::Slashes, r#"it\'s a \"horse\" \\ & <b>"#),
            (FormText::HtmlEntities, r"it's a &quot;horse&quot; \ &amp; &lt;b&gt;"),
        ] {
            let typed = r#" it's a "horse" \ & <b> "#;
            assert!(matches(form, typed, hashed));
            assert!(matches(form, typed, typed.trim()));
            assert!(!matches(form, typed, typed));
        }
        assert!(!matches(FormText::Slashes, "a&b", "a&amp;b"));
        assert!(!matches(FormText::HtmlEntities, "it's", r"it\'s"));
    }
}
