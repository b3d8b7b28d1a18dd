//! Where a browser without a credential is sent.

use http::HeaderValue;

use super::percent;

/// The longest `return_to` that the login page accepts.
const MAX_RETURN_TO: usize = 2048;

/// The login page with the address to which it returns. A user who is logged in must do so again. A target that would make that too long is replaced by `/`.
///
/// `origin` and `target` are checked: the address can only be one of a guarded application.
pub(super) fn login_location(
    login_url: &str,
    origin: &str,
    target: &str,
    is_logged_in: bool,
) -> Option<HeaderValue> {
    let target = if origin.len() + target.len() > MAX_RETURN_TO { "/" } else { target };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let return_to = percent::encode(&format!("{origin}{target}"), is_plain);
    let reauth = if is_logged_in { "&reauth=1" } else { "" };
    HeaderValue::from_str(&format!("{login_url}?return_to={return_to}{reauth}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(target: &str) -> String {
        let location =
            login_location("https://auth.example/login", "https://app.example", target, false).unwrap();
        location.to_str().unwrap().to_owned()
    }

    #[test]
    fn the_whole_address_is_one_encoded_value() {
        assert_eq!(
            location("/a?b=c&d=%2F"),
            "https://auth.example/login?return_to=https%3A%2F%2Fapp.example%2Fa%3Fb%3Dc%26d%3D%252F"
        );
        assert_eq!(
            location("//evil.example"),
            location("/").clone() + "%2Fevil.example",
            "a path of the guarded host"
        );
    }

    #[test]
    fn a_user_with_a_session_that_is_too_old_gets_the_form() {
        let again = login_location("https://auth.example/login", "https://app.example", "/", true).unwrap();

        assert_eq!(again, &*(location("/") + "&reauth=1"));
    }

    #[test]
    fn a_long_target_is_left_out() {
        let longest = "/".repeat(MAX_RETURN_TO - "https://app.example".len());

        assert_ne!(location(&longest), location("/"));
        assert_eq!(location(&(longest + "x")), location("/"));
    }
}
