//! The e-mail address: its canonical form, and the rules for new addresses (RFC 5321, section 4.1.2; UTS 46).

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::model::invisible::is_invisible;
use crate::model::username::width_mapped;

/// The most octets of an address (RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets).
const MAX_LENGTH: usize = 254;

/// The most octets of the part before the `@` (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL_LENGTH: usize = 64;

/// More bytes than an address has in any spelling. Saves the work on megabytes of input.
const MAX_INPUT: usize = 4096;

/// An e-mail address that is not valid. The message says which rule it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// It is too long.
    #[error(
        "must be an e-mail address of at most {MAX_LENGTH} characters, {MAX_LOCAL_LENGTH} of them before the @"
    )]
    Length,
    /// Characters that people do not see, or spaces: two addresses could look the same.
    #[error("must not contain spaces or control, zero-width, blank or bidirectional characters")]
    Invisible,
    /// It has not one `@` between two parts.
    #[error("must be an e-mail address: a name, one @ and a domain")]
    Parts,
    /// The part before the `@`. Quoted ones are not accepted: they have many spellings.
    #[error(
        "must have only ASCII letters, digits, !#$%&'*+-/=?^_`{{|}}~ and single dots between them before the @"
    )]
    Local,
    /// The part after the `@`.
    #[error("must have a valid domain name after the @, such as example.org or bücher.example")]
    Domain,
}

/// The canonical form of an address, by which it is stored, compared and looked up: the local part in lower case, since
/// mail providers do not distinguish case, and the domain in the ASCII form of UTS 46.
///
/// ```
/// use counterfoil_core::model::email_address::canonical_form;
///
/// assert_eq!(canonical_form("Ada@Bücher.example")?, "ada@xn--bcher-kva.example");
/// assert_eq!(canonical_form("ada@XN--BCHER-KVA.example")?, "ada@xn--bcher-kva.example");
/// assert!(canonical_form("ada@exam\u{200b}ple.org").is_err());
/// # Ok::<(), counterfoil_core::model::email_address::EmailError>(())
/// ```
///
/// # Errors
///
/// [`EmailError`] for the first rule that the address breaks.
pub fn canonical_form(text: &str) -> Result<String, EmailError> {
    if text.len() > MAX_INPUT {
        return Err(EmailError::Length);
    }
    // UTS 46 would delete some of these characters, and so would accept spellings that people cannot tell apart.
    if text.chars().any(is_hidden) {
        return Err(EmailError::Invisible);
    }
    let mapped = width_mapped(text);
    let (local, domain) = mapped.split_once('@').ok_or(EmailError::Parts)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(EmailError::Parts);
    }
    let local = local.to_lowercase();
    if local.len() > MAX_LOCAL_LENGTH {
        return Err(EmailError::Length);
    }
    if !is_dot_string(&local) {
        return Err(EmailError::Local);
    }
    let domain = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| EmailError::Domain)?;
    let address = format!("{local}@{domain}");
    if address.len() <= MAX_LENGTH { Ok(address) } else { Err(EmailError::Length) }
}

/// The form under which version 0.1 stored and looked up addresses: lower case.
pub fn earlier_form(text: &str) -> String {
    text.to_lowercase()
}

/// An address from the table of an application: its canonical form, or, if it is not valid by the rules for new ones, its
/// lower case.
///
/// # Errors
///
/// [`EmailError`] if it has not one `@` between two parts, is too long, or has characters that people do not see.
pub fn of_application(text: &str) -> Result<String, EmailError> {
    canonical_form(text).or_else(|error| {
        let earlier = earlier_form(text);
        let has_two_parts = earlier
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        let is_usable = has_two_parts && earlier.len() <= MAX_LENGTH && !earlier.chars().any(is_hidden);
        if is_usable { Ok(earlier) } else { Err(error) }
    })
}

fn is_hidden(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// A Dot-string of RFC 5321.
fn is_dot_string(local: &str) -> bool {
    let is_atom_char = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_char))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_spelling_of_an_address_has_one_canonical_form() {
        for text in [
            "ada@bücher.example",
            "Ada@BÜCHER.example",
            "ada@bu\u{308}cher.example",
            "ada@xn--bcher-kva.example",
            "ADA@XN--BCHER-KVA.EXAMPLE",
            "ada@\u{ff42}ücher.example",
            "ａｄａ＠bücher。example",
        ] {
            assert_eq!(canonical_form(text).as_deref(), Ok("ada@xn--bcher-kva.example"), "{text:?}");
        }
        assert_eq!(canonical_form("o'neil+x/y@a-b.example").as_deref(), Ok("o'neil+x/y@a-b.example"));
        assert_eq!(canonical_form("ada@localhost").as_deref(), Ok("ada@localhost"));
    }

    #[test]
    fn an_address_with_characters_that_people_do_not_see_is_rejected() {
        let bad = "\u{200b}\u{200c}\u{200d}\u{202e}\u{0}\n\t \u{a0}\u{3000}\u{ad}\u{feff}\u{2800}\u{3164}\u{61c}\u{fe0f}";
        for c in bad.chars() {
            for text in
                [format!("a{c}b@example.org"), format!("ab@exam{c}ple.org"), format!("ab@example.org{c}")]
            {
                assert_eq!(canonical_form(&text), Err(EmailError::Invisible), "{text:?}");
            }
        }
    }

    #[test]
    fn an_address_that_breaks_a_rule_is_rejected_by_that_rule() {
        let long = "a".repeat(65);
        for (text, error) in [
            ("ada".to_owned(), EmailError::Parts),
            ("@example.org".to_owned(), EmailError::Parts),
            ("ada@".to_owned(), EmailError::Parts),
            ("a@b@example.org".to_owned(), EmailError::Parts),
            ("\"a.b\"@example.org".to_owned(), EmailError::Local),
            (".ada@example.org".to_owned(), EmailError::Local),
            ("a..b@example.org".to_owned(), EmailError::Local),
            ("\u{430}da@example.org".to_owned(), EmailError::Local),
            ("ada@-x.example".to_owned(), EmailError::Domain),
            ("ada@a..example".to_owned(), EmailError::Domain),
            ("ada@example.org.".to_owned(), EmailError::Domain),
            ("ada@xn--a.example".to_owned(), EmailError::Domain),
            ("ada@a_b.example".to_owned(), EmailError::Domain),
            ("ada@[127.0.0.1]".to_owned(), EmailError::Domain),
            (format!("ada@{long}.example"), EmailError::Domain),
            (format!("{long}@example.org"), EmailError::Length),
            (format!("ada@{}", "a.".repeat(125) + "a"), EmailError::Length),
            ("a".repeat(5000), EmailError::Length),
        ] {
            assert_eq!(canonical_form(&text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn canonical_forms_are_stable(text in "[a-zA-Zａü.ßς。I-]{1,6}@[a-zA-Züßıς\u{308}ａ。.-]{1,12}") {
            if let Ok(canonical) = canonical_form(&text) {
                prop_assert_eq!(canonical_form(&canonical), Ok(canonical));
            }
        }
    }
}
