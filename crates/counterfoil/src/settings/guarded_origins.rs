//! The origins of the guarded applications, in the form in which a forwarded request is compared with them.

use counterfoil_verify::{Origin, OriginPolicy};

use crate::settings::Settings;
use crate::settings::cookie_options::Cookies;

/// The scheme by which the client reached the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForwardedScheme {
    /// `https` or `wss`.
    Https,
    /// `http` or `ws`, only for an issuer on plain HTTP.
    Http,
}

/// A guarded application.
#[derive(Debug)]
pub(crate) struct GuardedOrigin {
    scheme: ForwardedScheme,
    /// Which origins may write: its own in the place of the issuer's, and the trusted ones.
    pub(crate) policy: OriginPolicy,
    /// Whether a browser sends it the cookies of the issuer, so that a login at the issuer is one here too.
    pub(crate) shares_cookies: bool,
}

impl GuardedOrigin {
    /// The origin of its pages.
    pub(crate) fn origin(&self) -> &Origin {
        &self.policy.own
    }

    /// Its host, with a port if it is not the default one.
    pub(crate) fn host(&self) -> &str {
        self.origin().as_str().split_once("://").map_or("", |(_, host)| host)
    }

    /// Whether browsers log in at this host by a cookie of its own: it does not get those of the issuer, and has the same scheme.
    pub(crate) fn has_login(&self, issuer_is_secure: bool) -> bool {
        !self.shares_cookies && issuer_is_secure == (self.scheme == ForwardedScheme::Https)
    }
}

/// Every guarded application: the issuer's own host, and those of the setting `forward_auth.hosts`.
#[derive(Debug)]
pub(crate) struct GuardedOrigins(Vec<GuardedOrigin>);

impl GuardedOrigins {
    /// Those of the settings. `issuer` says which origins may write to the issuer.
    pub(crate) fn for_settings(settings: &Settings, issuer: &OriginPolicy, cookies: &Cookies) -> Self {
        let authority = settings.issuer.origin().as_str().split_once("://").map_or("", |(_, rest)| rest);
        let own = authority.parse().ok();
        let schemes: &[ForwardedScheme] = match settings.issuer.is_secure() {
            true => &[ForwardedScheme::Https],
            false => &[ForwardedScheme::Http, ForwardedScheme::Https],
        };
        let mut origins = Vec::new();
        for host in own.iter().chain(&settings.forward_auth.hosts) {
            for scheme in schemes {
                let origin = match scheme {
                    ForwardedScheme::Https => host.https_origin(),
                    ForwardedScheme::Http => host.http_origin(),
                };
                let mut policy = issuer.clone();
                policy.own = origin.clone();
                let name = host.name();
                let is_in_domain = cookies.domain().is_some_and(|domain| is_within(name, domain));
                let shares_cookies = cookies.path == "/" && (name == settings.issuer.host() || is_in_domain);
                origins.push(GuardedOrigin { scheme: *scheme, policy, shares_cookies });
            }
        }
        Self(origins)
    }

    /// The application at this host, which may have a port. `None`: it is not guarded.
    pub(crate) fn find(&self, scheme: ForwardedScheme, host: &str) -> Option<&GuardedOrigin> {
        let prefix = match scheme {
            ForwardedScheme::Https => "https://",
            ForwardedScheme::Http => "http://",
        };
        let of_scheme = || self.0.iter().filter(|guarded| guarded.scheme == scheme);
        let is_same = |guarded: &&GuardedOrigin| {
            let own = guarded.origin().as_str().strip_prefix(prefix);
            own.is_some_and(|own| own.eq_ignore_ascii_case(host))
        };
        // Most proxies send the host as browsers write it.
        of_scheme().find(is_same).or_else(|| {
            let origin = Origin::from_url(&format!("{prefix}{host}")).ok()?;
            of_scheme().find(|guarded| *guarded.origin() == origin)
        })
    }

    /// The application at this host, if it has a login of its own.
    pub(crate) fn find_with_login(&self, issuer_is_secure: bool, host: &str) -> Option<&GuardedOrigin> {
        let scheme = if issuer_is_secure { ForwardedScheme::Https } else { ForwardedScheme::Http };
        self.find(scheme, host).filter(|guarded| guarded.has_login(issuer_is_secure))
    }

    /// Whether requests with this scheme are accepted at all.
    pub(crate) fn accepts(&self, scheme: ForwardedScheme) -> bool {
        self.0.iter().any(|guarded| guarded.scheme == scheme)
    }
}

/// Whether `host` is `domain` or a subdomain of it (RFC 6265, section 5.1.3).
fn is_within(host: &str, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.');
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::ForwardedScheme::{Http, Https};
    use super::*;
    use crate::settings::cookie_options::CookieOptions;

    fn origins(issuer: &str, hosts: &[&str], cookies: CookieOptions) -> GuardedOrigins {
        let settings = Settings::new(issuer.parse().unwrap(), "sqlite:a.db".parse().unwrap());
        let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        let settings = settings.with(|settings| settings.forward_auth.hosts = hosts);
        let policy = OriginPolicy::new(settings.issuer.origin().clone());
        GuardedOrigins::for_settings(&settings, &policy, &cookies.for_issuer(&settings.issuer).unwrap())
    }

    #[test]
    fn only_the_host_of_the_issuer_and_the_listed_ones_are_guarded() {
        let guarded =
            origins("https://auth.example/tenant", &["app.example", "b.example:8443"], CookieOptions::new());

        for (scheme, host, found) in [
            (Https, "auth.example", Some("https://auth.example")),
            (Https, "AUTH.example:443", Some("https://auth.example")),
            (Https, "app.example", Some("https://app.example")),
            (Https, "App.Example:443", Some("https://app.example")),
            (Https, "b.example:8443", Some("https://b.example:8443")),
            (Https, "b.example", None),
            (Https, "app.example:8443", None),
            (Https, "c.app.example", None),
            (Https, "app.example.", None),
            (Http, "app.example", None),
            (Http, "auth.example", None),
        ] {
            let origin = guarded.find(scheme, host).map(|guarded| guarded.origin().as_str());
            assert_eq!(origin, found, "{scheme:?} {host}");
        }
        assert!(guarded.accepts(Https) && !guarded.accepts(Http));
    }

    #[test]
    fn plain_http_is_guarded_only_for_an_issuer_on_plain_http() {
        let guarded = origins("http://localhost:3000", &["localhost:8080"], CookieOptions::new());

        assert!(
            guarded.find(Http, "localhost:8080").is_some() && guarded.find(Https, "localhost:8080").is_some()
        );
        assert!(guarded.find(Http, "localhost:3000").is_some());
    }

    #[test]
    fn a_browser_sends_the_cookies_of_the_issuer_only_within_their_domain() {
        let own = CookieOptions::new;
        for (cookies, shared) in [
            (own(), [true, false, false]),
            (own().domain("b.example"), [true, true, false]),
            (own().path("/auth"), [false, false, false]),
        ] {
            let guarded = origins("https://auth.b.example", &["app.b.example", "b.test"], cookies.clone());
            let found = ["auth.b.example", "app.b.example", "b.test"]
                .map(|host| guarded.find(Https, host).unwrap().shares_cookies);
            assert_eq!(found, shared, "{cookies:?}");
        }
        assert!(is_within("a.b.example", "b.example") && !is_within("ab.example", "b.example"));
    }
}
