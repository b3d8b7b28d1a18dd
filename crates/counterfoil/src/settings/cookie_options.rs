//! The options of Counterfoil's cookies: name, domain, path, `SameSite` and `Secure`.

use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;

use counterfoil_verify::{CookieNameError, CookieNames, CookiePrefix};

use crate::settings::issuer_url::IssuerUrl;

/// The largest name and value that browsers store, in bytes (RFC 6265bis, section 5.6).
pub(crate) const MAX_COOKIE_LEN: usize = 4096;

/// The options of Counterfoil's cookies. The defaults are the safe ones; a host with several applications
/// sets a [`name`](Self::name) for each, so that they do not overwrite each other's cookies.
///
/// With the default options an issuer on https has the cookies `__Host-session`, `__Host-access` and
/// `__Host-refresh`. A browser accepts a cookie with the prefix `__Host-` only from the host itself, over TLS and
/// for all paths (RFC 6265bis, section 4.1.3.2). The prefix is kept wherever the other options allow it.
///
/// ```
/// use counterfoil::{CookieOptions, SameSite};
///
/// let options = CookieOptions::new().name("sid").same_site(SameSite::Strict);
/// let cookies = options.for_issuer(&"https://shop.example".parse()?)?;
/// assert_eq!(cookies.names().session(), "__Host-sid");
///
/// let for_subdomains = CookieOptions::new().name("sid").domain("shop.example");
/// let cookies = for_subdomains.for_issuer(&"https://auth.shop.example".parse()?)?;
/// assert_eq!(cookies.names().session(), "__Secure-sid");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CookieOptions {
    name: Option<String>,
    domain: Option<String>,
    path: Option<String>,
    same_site: SameSite,
    secure: Option<bool>,
}

/// The attribute `SameSite` (RFC 6265bis, section 5.6.7): on which requests from other sites a browser sends a
/// cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SameSite {
    /// Only with top-level navigations by a safe method, such as a link. The refresh token is `Strict`.
    #[default]
    Lax,
    /// With none. A user who follows a link from another site arrives without a session.
    Strict,
    /// With all, for an application in a frame of another site. Only with `Secure`.
    ///
    /// Cross-site writes are then refused by the check of `Sec-Fetch-Site` and `Origin` alone.
    None,
}

impl SameSite {
    /// The value of the attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

/// Cookie options contradict each other or the issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieOptionsError {
    /// The name is not one of a cookie.
    #[error(transparent)]
    Name(#[from] CookieNameError),
    /// The domain is neither the host of the issuer nor a parent of it, so that browsers refuse the cookie.
    #[error(
        "the cookie domain `{domain}` must be the host of the issuer, `{host}`, or a domain that it ends with"
    )]
    Domain {
        /// The configured domain.
        domain: String,
        /// The host of the issuer.
        host: String,
    },
    /// The path is not one of a URL.
    #[error("the cookie path `{0}` must start with `/` and have no `;`, space or control character")]
    Path(String),
    /// `Secure` is switched off for an issuer on https: the cookies would be sent unencrypted too.
    #[error("the cookies of an issuer on https must be `Secure`: remove the option")]
    NotSecure,
    /// `SameSite=None` without `Secure`, which browsers refuse.
    #[error("`SameSite=None` needs `Secure`: use an issuer on https, or set `Secure`")]
    SameSiteNone,
}

impl CookieOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the session cookie, without a prefix. The others are called `NAME-access` and
    /// `NAME-refresh`.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Sends the cookies to all hosts of `domain` as well, which is the host of the issuer or a parent of it.
    ///
    /// The prefix is then `__Secure-`, and each of these hosts can read the cookies and can set others with
    /// their names (cookie tossing; RFC 6265bis, section 8.6). An attacker who controls one host can log a user
    /// in as the attacker. Use it only if you control every host of the domain.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// Sends the cookies only with requests below `path`; `/` by default. With another path the prefix is
    /// `__Secure-`.
    ///
    /// A path keeps two applications apart only by accident: a page of one can still read the responses of the
    /// other. Use [`name`](Self::name) for that.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    /// The attribute `SameSite` of the session and access cookies; [`SameSite::Lax`] by default.
    #[must_use]
    pub fn same_site(self, same_site: SameSite) -> Self {
        Self { same_site, ..self }
    }

    /// Whether the cookies are `Secure`; by default if the issuer uses https, where it cannot be switched off.
    #[must_use]
    pub fn secure(self, secure: bool) -> Self {
        Self { secure: Some(secure), ..self }
    }

    /// Checks the options and resolves the names and attributes for this issuer.
    ///
    /// # Errors
    ///
    /// What contradicts the issuer or another option.
    pub fn for_issuer(&self, issuer: &IssuerUrl) -> Result<Cookies, CookieOptionsError> {
        let is_secure = self.secure.unwrap_or(issuer.is_secure());
        if issuer.is_secure() && !is_secure {
            return Err(CookieOptionsError::NotSecure);
        }
        if self.same_site == SameSite::None && !is_secure {
            return Err(CookieOptionsError::SameSiteNone);
        }
        let domain = self.domain.as_deref().map(|domain| check_domain(domain, issuer)).transpose()?;
        let path = self.path.as_deref().map_or(Ok("/"), check_path)?;
        let prefix = match (issuer.is_secure(), &domain, path) {
            (false, ..) => CookiePrefix::None,
            (true, None, "/") => CookiePrefix::Host,
            (true, ..) => CookiePrefix::Secure,
        };
        let names = match (&self.name, prefix) {
            (Some(name), prefix) => CookieNames::new(prefix, name)?,
            (None, CookiePrefix::None) => CookieNames::loopback(),
            (None, CookiePrefix::Secure) => CookieNames::for_domain(),
            (None, CookiePrefix::Host) => CookieNames::secure(),
        };
        let path = path.to_owned();
        Ok(Cookies { names: Arc::new(names), domain, path, same_site: self.same_site, is_secure })
    }
}

/// The names and attributes of an installation's cookies: [`CookieOptions`], resolved for its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookies {
    names: Arc<CookieNames>,
    pub(crate) domain: Option<String>,
    pub(crate) path: String,
    pub(crate) same_site: SameSite,
    pub(crate) is_secure: bool,
}

impl Cookies {
    /// The names. A service that verifies these cookies itself needs the same.
    pub fn names(&self) -> &Arc<CookieNames> {
        &self.names
    }

    /// The domain to whose hosts they are sent; `None`: the host of the issuer alone.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }
}

/// The kind of credential in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieKind {
    /// A session token.
    Session,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
}

impl CookieKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 3] = [Self::Session, Self::Access, Self::Refresh];

    /// The name of the cookie.
    pub(crate) fn name(self, names: &CookieNames) -> &str {
        match self {
            Self::Session => names.session(),
            Self::Access => names.access(),
            Self::Refresh => names.refresh(),
        }
    }

    /// The longest credential, in bytes, that browsers store in this cookie.
    pub(crate) fn max_value_len(self, names: &CookieNames) -> usize {
        MAX_COOKIE_LEN - self.name(names).len() - "=".len()
    }

    /// The `SameSite` attribute. A refresh token is not sent with a link from another site.
    pub(crate) const fn same_site(self, configured: SameSite) -> SameSite {
        match (self, configured) {
            (Self::Refresh, SameSite::Lax) => SameSite::Strict,
            (Self::Session | Self::Access | Self::Refresh, configured) => configured,
        }
    }
}

/// The domain in lower case, if browsers accept it from the host of the issuer (RFC 6265, section 5.1.3).
fn check_domain(domain: &str, issuer: &IssuerUrl) -> Result<String, CookieOptionsError> {
    let url: Option<Uri> = issuer.as_str().parse().ok();
    let host = url.as_ref().and_then(Uri::host).unwrap_or_default().to_ascii_lowercase();
    // Browsers ignore a leading dot.
    let wanted = domain.trim_start_matches('.').to_ascii_lowercase();
    let is_parent =
        host.strip_suffix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let is_ip = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    // A top-level domain such as `com`: browsers refuse it. `localhost` has no domain either.
    if !is_parent || is_ip || !wanted.contains('.') {
        return Err(CookieOptionsError::Domain { domain: domain.to_owned(), host });
    }
    Ok(wanted)
}

fn check_path(path: &str) -> Result<&str, CookieOptionsError> {
    let is_path_byte = |byte: u8| byte.is_ascii_graphic() && byte != b';';
    if !path.starts_with('/') || !path.bytes().all(is_path_byte) {
        return Err(CookieOptionsError::Path(path.to_owned()));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(options: CookieOptions, issuer: &str) -> Result<Cookies, CookieOptionsError> {
        options.for_issuer(&issuer.parse().unwrap())
    }

    fn session_cookie(options: CookieOptions, issuer: &str) -> String {
        resolve(options, issuer).unwrap().names().session().to_owned()
    }

    #[test]
    fn the_host_prefix_is_kept_where_browsers_accept_it() {
        let (options, https) = (CookieOptions::new, "https://auth.shop.example");

        assert_eq!(session_cookie(options(), https), "__Host-session");
        assert_eq!(session_cookie(options().name("sid"), https), "__Host-sid");
        assert_eq!(session_cookie(options().domain("shop.example"), https), "__Secure-session");
        assert_eq!(session_cookie(options().name("sid").path("/app"), https), "__Secure-sid");
        assert_eq!(session_cookie(options(), "http://localhost:3000"), "counterfoil-session");
        assert_eq!(session_cookie(options().name("sid"), "http://localhost:3000"), "sid");
    }

    #[test]
    fn a_domain_is_the_host_of_the_issuer_or_a_parent_of_it() {
        for good in ["shop.example", ".shop.example", "AUTH.shop.example"] {
            assert!(
                resolve(CookieOptions::new().domain(good), "https://auth.shop.example").is_ok(),
                "{good}"
            );
        }
        for bad in
            ["", "example", "other.example", "op.example", "x.auth.shop.example", "shop.example; Path=/"]
        {
            let error = resolve(CookieOptions::new().domain(bad), "https://auth.shop.example").unwrap_err();
            assert!(matches!(error, CookieOptionsError::Domain { .. }), "{bad}");
        }
        for (issuer, domain) in [
            ("https://10.0.0.1", "0.0.1"),
            ("https://10.0.0.1", "10.0.0.1"),
            ("http://localhost", "localhost"),
        ] {
            assert!(resolve(CookieOptions::new().domain(domain), issuer).is_err(), "{issuer}");
        }
    }

    #[test]
    fn contradictory_options_are_refused() {
        let (options, https, http) = (CookieOptions::new, "https://shop.example", "http://localhost:3000");

        assert_eq!(resolve(options().secure(false), https), Err(CookieOptionsError::NotSecure));
        assert_eq!(resolve(options().same_site(SameSite::None), http), Err(CookieOptionsError::SameSiteNone));
        assert!(resolve(options().same_site(SameSite::None).secure(true), http).is_ok());
        assert!(matches!(resolve(options().name("__Host-sid"), https), Err(CookieOptionsError::Name(_))));
        for bad in ["", "app", "/a;b", "/a b", "/\n"] {
            assert!(
                matches!(resolve(options().path(bad), https), Err(CookieOptionsError::Path(_))),
                "{bad:?}"
            );
        }
    }
}
