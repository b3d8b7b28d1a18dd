//! `return_to`: where a page leads afterwards. A form that led anywhere would let an attacker use the name of this service
//! for a page of their own (open redirect).

use counterfoil_pages::view::Destination;
use counterfoil_verify::Origin;

use crate::settings::Settings;

/// The longest `return_to`, in bytes.
const MAX_LEN: usize = 2048;

/// A checked destination: a path of this origin, or a URL of an allowed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnTo {
    text: String,
    /// How many bytes of the text are the origin. 0: it is a path.
    origin_len: usize,
}

impl ReturnTo {
    /// The destination in `text`, if pages may lead there: a path that begins with one `/`, or an absolute URL whose origin
    /// is, byte for byte, one of `return_origins` and `trusted_origins`, that of this server, or that of an application which
    /// a proxy guards by forward authentication.
    ///
    /// Browsers read `\` as `/`, and remove tabs and line breaks; `//host` is another host.
    pub(crate) fn parse(text: &str, settings: &Settings) -> Option<Self> {
        let is_clean =
            text.len() <= MAX_LEN && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if !is_clean {
            return None;
        }
        if let Some(path) = text.strip_prefix('/') {
            return (!path.starts_with('/')).then(|| Self { text: text.to_owned(), origin_len: 0 });
        }
        let guarded = settings.forward_auth.hosts.iter().flat_map(|host| {
            let plain = (!settings.issuer.is_secure()).then(|| host.http_origin());
            std::iter::once(host.https_origin()).chain(plain)
        });
        let own = std::iter::once(settings.issuer.origin());
        let allowed =
            settings.pages.return_origins.iter().chain(&settings.trusted_origins).chain(own).chain(guarded);
        let origin_len = allowed.filter_map(|origin| is_below(text, origin)).next()?;
        Some(Self { text: text.to_owned(), origin_len })
    }

    /// A path of this origin that the server has chosen.
    pub(crate) fn path(path: String) -> Self {
        Self { text: path, origin_len: 0 }
    }

    /// Whether it leads to another origin.
    pub(crate) const fn is_other_origin(&self) -> bool {
        self.origin_len > 0
    }

    /// The text, as `return_to` had it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// How the page shows it.
    pub(crate) fn to_destination(&self) -> Destination {
        let (origin, path) = self.text.split_at(self.origin_len);
        Destination {
            host: self
                .is_other_origin()
                .then(|| origin.split_once("://").map_or(origin, |(_, host)| host).to_owned()),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            return_to: self.text.clone(),
        }
    }
}

/// The length of the origin, if `text` is a URL of it.
fn is_below(text: &str, origin: &Origin) -> Option<usize> {
    let rest = text.strip_prefix(origin.as_str())?;
    let is_end = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    is_end.then(|| origin.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let settings = Settings::new("https://auth.example".parse().unwrap(), "sqlite:a.db".parse().unwrap());
        settings.with(|settings| {
            settings.pages.return_origins = vec!["https://shop.example".parse().unwrap()];
            settings.trusted_origins = vec!["https://app.example:8443".parse().unwrap()];
            settings.forward_auth.hosts = vec!["guarded.example".parse().unwrap()];
        })
    }

    #[test]
    fn paths_and_urls_of_allowed_origins_are_destinations() {
        for good in [
            "/",
            "/orders",
            "/orders?a=//evil.example&b=https://evil.example",
            "/a/../b",
            "/%2F%2Fevil.example",
            "/@evil.example",
            "https://shop.example",
            "https://shop.example/",
            "https://shop.example/orders?x=1#y",
            "https://shop.example?x",
            "https://app.example:8443/",
            "https://guarded.example/orders",
            "https://auth.example/orders",
        ] {
            assert!(ReturnTo::parse(good, &settings()).is_some(), "{good}");
        }
    }

    #[test]
    fn nothing_else_is_a_destination() {
        let long = format!("/{}", "a".repeat(MAX_LEN));
        for bad in [
            "",
            "//",
            "http://guarded.example/",
            "https://guarded.example.evil.example/",
            "//evil.example",
            "///evil.example",
            "////evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\n/evil.example",
            " /orders",
            "/orders ",
            "\u{a0}/orders",
            "/ümlaut",
            "\u{ff0f}\u{ff0f}evil.example",
            "/\u{2215}evil.example",
            "orders",
            "./orders",
            "../orders",
            "?a=b",
            "#a",
            "https:evil.example",
            "https:/evil.example",
            "https:///evil.example",
            "https:shop.example",
            "https:/shop.example",
            "https:\\\\shop.example",
            "https://evil.example",
            "https://evil.example/https://shop.example",
            "https://evil.example?https://shop.example",
            "https://shop.example.evil.example",
            "https://shop.example@evil.example",
            "https://shop.example:443@evil.example",
            "https://shop.example:pass@evil.example/",
            "https://shop.example:443",
            "https://shop.example:8443",
            "https://shop.example.",
            "https://shop.example.:443",
            "https://shop.example%2eevil.example",
            "https://shop.example%40evil.example",
            "https://shop.example\\.evil.example",
            "https://shop.example\\@evil.example",
            "https://SHOP.example",
            "HTTPS://shop.example",
            "http://shop.example",
            "https://user@shop.example",
            "https://app.example",
            "https://app.example:84430",
            "https://app.example:8443.evil.example",
            "https://auth.example.evil.example",
            "//shop.example",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\tscript:alert(1)",
            "javascript://shop.example/%0aalert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:msgbox(1)",
            "blob:https://shop.example/1",
            "file:///etc/passwd",
            "mailto:a@b.example",
            "view-source:https://shop.example",
            "null",
            "about:blank",
            "ws://shop.example",
            "https://[::1]",
            "https://127.0.0.1",
            "https://2130706433",
            "https://shop.example\u{0}",
            "/\u{0}",
            "/\u{7f}",
            "/\u{202e}",
            long.as_str(),
        ] {
            assert_eq!(ReturnTo::parse(bad, &settings()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_destination_names_its_host_if_it_is_another_one() {
        let shown = |text: &str| {
            let destination = ReturnTo::parse(text, &settings()).unwrap().to_destination();
            (destination.host, destination.path)
        };

        assert_eq!(shown("https://app.example:8443"), (Some("app.example:8443".into()), "/".into()));
        assert_eq!(shown("https://shop.example/a?b"), (Some("shop.example".into()), "/a?b".into()));
        assert_eq!(shown("/orders"), (None, "/orders".into()));
    }
}
