//! Finds the name that a user logs in with, in whichever spelling they type it.

use crate::model::email_address;
use crate::model::username::{self, width_mapped};
use crate::store::{LoginName, Store, StoreError};

/// The name under which the store looks up a login with the text `typed`, and under which failed logins are counted. All
/// spellings of a name have one, so that no spelling has a limit of its own. `None`: no name is that long.
///
/// A text that is the exact spelling of a user from before the current rules, whose canonical form belongs to another
/// user, means that user. No other text is looked up here, and an ASCII text never is.
///
/// # Errors
///
/// If the store cannot be read.
pub async fn resolve_login_name(store: &dyn Store, typed: &str) -> Result<Option<LoginName>, StoreError> {
    if typed.len() > username::MAX_BYTES {
        return Ok(None);
    }
    let (canonical, earlier) = (canonical_name(typed), earlier_name(typed));
    if earlier != canonical && store.user_by_login(&earlier).await?.is_some() {
        return Ok(Some(earlier));
    }
    Ok(Some(canonical))
}

/// The canonical name. An address that is not valid has only its earlier form.
fn canonical_name(typed: &str) -> LoginName {
    if !width_mapped(typed).contains('@') {
        return LoginName::Username(username::canonical_form(typed));
    }
    let canonical = email_address::canonical_form(typed);
    LoginName::Email(canonical.unwrap_or_else(|_| email_address::earlier_form(typed)))
}

/// The name by the rules of version 0.1.
fn earlier_name(typed: &str) -> LoginName {
    if typed.contains('@') {
        LoginName::Email(email_address::earlier_form(typed))
    } else {
        LoginName::Username(username::earlier_form(typed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ascii_text_has_only_its_canonical_name() {
        for typed in ["Ada", "user name", "ADA@Example.org", "not valid@", ""] {
            assert_eq!(canonical_name(typed), earlier_name(typed), "{typed:?}");
        }
    }

    #[test]
    fn every_spelling_has_one_canonical_name() {
        for typed in ["ada", "ADA", "ａｄａ", "ＡＤＡ"] {
            assert_eq!(canonical_name(typed), LoginName::Username("ada".into()), "{typed:?}");
        }
        for typed in ["ada@bücher.example", "ADA@xn--BCHER-kva.example", "ada＠bu\u{308}cher.example"] {
            let expected = LoginName::Email("ada@xn--bcher-kva.example".into());
            assert_eq!(canonical_name(typed), expected, "{typed:?}");
        }
    }
}
