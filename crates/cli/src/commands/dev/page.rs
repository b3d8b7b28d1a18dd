//! The page at `/` of `counterfoil dev`.

use crate::commands::demo_user::{ADMINISTRATOR, PASSWORD, USERNAME};
use crate::commands::dev::lifetimes;
use crate::configuration::development::Pace;

/// The document, with places for values in double braces. The server replaces `{{nonce}}`.
const TEMPLATE: &str = include_str!("page.html");

/// The document of a server whose routes are below `base`.
pub(super) fn html(base: &str, pace: Pace) -> String {
    let values = [
        ("{{base}}", base),
        ("{{username}}", USERNAME),
        ("{{password}}", PASSWORD),
        ("{{administrator}}", ADMINISTRATOR),
        ("{{lifetimes}}", lifetimes::description(pace)),
        ("{{version}}", env!("CARGO_PKG_VERSION")),
    ];
    values.iter().fold(TEMPLATE.to_owned(), |text, (place, value)| text.replace(place, &escape(value)))
}

/// Text as HTML, in an element or in an attribute with double quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_but_the_nonce_has_its_value() {
        let html = html("http://127.0.0.1:3000", Pace::Normal);

        assert_eq!(html.matches("{{").count(), 1);
        assert!(html.contains("<style nonce=\"{{nonce}}\">"));
        assert!(html.contains("http://127.0.0.1:3000/v1/login"));
    }

    #[test]
    fn a_value_cannot_become_markup() {
        assert_eq!(escape("<a b=\"&\">"), "&lt;a b=&quot;&amp;&quot;&gt;");
    }
}
