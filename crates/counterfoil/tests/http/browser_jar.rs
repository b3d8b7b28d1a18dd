//! A cookie jar of one host with the rules of browsers (RFC 6265bis, sections 5.6 to 5.8): a cookie is identified by its name,
//! domain, host-only flag and path.

/// The cookies that a browser has for one host and the domains above it.
pub(crate) struct BrowserJar {
    host: String,
    cookies: Vec<StoredCookie>,
}

struct StoredCookie {
    key: CookieKey,
    value: String,
}

#[derive(PartialEq, Eq)]
struct CookieKey {
    name: String,
    domain: String,
    is_host_only: bool,
    path: String,
}

impl BrowserJar {
    pub(crate) fn new(host: &str) -> Self {
        Self { host: host.to_owned(), cookies: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.cookies.len()
    }

    /// Stores or deletes the cookie of a `Set-Cookie` of a response to a request to `path`.
    pub(crate) fn receive(&mut self, path: &str, line: &str) {
        let (pair, attributes) = line.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let attribute = |name: &str| attributes.split("; ").find_map(|one| one.strip_prefix(name));
        let domain = attribute("Domain=");
        // A domain of one label, and an address, is taken for none.
        let is_host_only = domain.is_none_or(|domain| domain == self.host && !is_name_with_dot(domain));
        let domain = domain.unwrap_or(&self.host).to_owned();
        assert!(self.host == domain || self.host.ends_with(&format!(".{domain}")), "refused: {line}");
        let default_path = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        let path = attribute("Path=").unwrap_or(default_path).to_owned();
        let key = CookieKey { name: name.to_owned(), domain, is_host_only, path };
        self.cookies.retain(|stored| stored.key != key);
        if attribute("Max-Age=") != Some("0") {
            self.cookies.push(StoredCookie { key, value: value.to_owned() });
        }
    }

    /// The `Cookie` of a request to `path`: the cookies with the longest paths first.
    pub(crate) fn header(&self, path: &str) -> Option<String> {
        let mut matching: Vec<_> =
            self.cookies.iter().filter(|stored| path_matches(path, &stored.key.path)).collect();
        matching.sort_by_key(|stored| std::cmp::Reverse(stored.key.path.len()));
        let pairs: Vec<_> =
            matching.iter().map(|stored| format!("{}={}", stored.key.name, stored.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

fn is_name_with_dot(host: &str) -> bool {
    host.contains('.') && !host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// RFC 6265bis, section 5.1.4.
fn path_matches(request: &str, cookie: &str) -> bool {
    let Some(rest) = request.strip_prefix(cookie) else { return false };
    rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/')
}
