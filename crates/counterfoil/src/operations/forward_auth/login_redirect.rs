//! Where a browser without a credential is sent.

use counterfoil_core::credentials::host_token::{HostLoginCode, LoginState};
use http::HeaderValue;

use super::percent;

/// The longest `return_to` that the login page accepts.
const MAX_RETURN_TO: usize = 2048;

/// The login page with the address to which it returns. A user who is logged in must do so again. A target that would make that too long is replaced by `/`.
///
/// `origin` and `target` are checked: the address can only be one of a guarded application.
pub(super) fn login_location(login_url: &str, origin: &str, target: &str, is_logged_in: bool) -> HeaderValue {
    let target = if origin.len() + target.len() > MAX_RETURN_TO { "/" } else { target };
    with_return_to(login_url, &format!("{origin}{target}"), is_logged_in)
}

/// The login page for a login at a guarded host: it returns to the issuer, to the address that `back` makes for the target.
pub(super) fn login_location_for_host(
    login_url: &str,
    back: impl Fn(&str) -> String,
    target: &str,
    is_logged_in: bool,
) -> HeaderValue {
    let whole = back(target);
    let return_to = if whole.len() > MAX_RETURN_TO { back("/") } else { whole };
    with_return_to(login_url, &return_to, is_logged_in)
}

/// Where a login at the guarded host itself begins.
pub(super) fn host_start_location(origin: &str, target: &str, is_logged_in: bool) -> HeaderValue {
    let target = if target.len() > MAX_RETURN_TO { "/" } else { target };
    with_return_to(&format!("{origin}/.counterfoil/start"), target, is_logged_in)
}

/// Where it continues at the issuer.
pub(super) fn host_login_url(api_url: &str, host: &str, state: &LoginState, target: &str) -> String {
    let (host, target) = (encode(host), encode(target));
    format!("{api_url}/v1/host-login?host={host}&state={state}&return_to={target}")
}

/// Where it ends at the guarded host.
pub(super) fn callback_url(origin: &str, code: &HostLoginCode, state: &LoginState, target: &str) -> String {
    let target = encode(target);
    format!("{origin}/.counterfoil/callback?code={code}&state={state}&return_to={target}")
}

/// The value of `Location`.
pub(super) fn redirect(url: &str) -> HeaderValue {
    HeaderValue::from_str(url).expect("every part of an address is checked or encoded as visible ASCII")
}

fn with_return_to(page: &str, return_to: &str, is_logged_in: bool) -> HeaderValue {
    let reauth = if is_logged_in { "&reauth=1" } else { "" };
    redirect(&format!("{page}?return_to={}{reauth}", encode(return_to)))
}

fn encode(text: &str) -> String {
    percent::encode(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(target: &str) -> String {
        let location = login_location("https://auth.example/login", "https://app.example", target, false);
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
        let again = login_location("https://auth.example/login", "https://app.example", "/", true);

        assert_eq!(again, &*(location("/") + "&reauth=1"));
    }

    #[test]
    fn a_long_target_is_left_out() {
        let longest = "/".repeat(MAX_RETURN_TO - "https://app.example".len());

        assert_ne!(location(&longest), location("/"));
        assert_eq!(location(&(longest + "x")), location("/"));
    }

    #[test]
    fn a_login_at_a_host_begins_and_ends_there() {
        let state: LoginState = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        assert_eq!(
            host_start_location("https://app.example", "/a?b=c", true),
            "https://app.example/.counterfoil/start?return_to=%2Fa%3Fb%3Dc&reauth=1"
        );
        let back = |target: &str| host_login_url("https://auth.example", "app.example:8443", &state, target);
        assert_eq!(
            back("/a&host=evil.example"),
            "https://auth.example/v1/host-login?host=app.example%3A8443&state=AAAAAAAAAAAAAAAAAAAAAA\
             &return_to=%2Fa%26host%3Devil.example"
        );
        let short = |target: &str| login_location_for_host("https://auth.example/login", back, target, false);
        assert_eq!(short(&"/".repeat(2000)), short("/"), "the address to return to would be too long");
        assert_ne!(short("/a"), short("/"));
    }
}
