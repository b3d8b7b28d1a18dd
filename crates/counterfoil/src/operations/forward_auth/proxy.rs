//! The proxies that have a path of their own, because each of them forwards and answers differently.

/// A reverse proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Proxy {
    /// nginx, with `auth_request`.
    Nginx,
    /// Caddy, with `forward_auth`.
    Caddy,
    /// Traefik, with `forwardAuth`.
    Traefik,
    /// HAProxy, with `haproxy.lua`.
    Haproxy,
    /// Apache httpd, with `apache.lua`.
    Apache,
    /// Envoy, with `ext_authz`.
    Envoy,
}

impl Proxy {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Nginx, Self::Caddy, Self::Traefik, Self::Haproxy, Self::Apache, Self::Envoy];

    /// The name in the path.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Haproxy => "haproxy",
            Self::Apache => "apache",
            Self::Envoy => "envoy",
        }
    }

    /// The proxy with this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proxy| proxy.name() == name)
    }

    /// Whether its requests have the method, the host and the path of the client's request, and not in headers.
    pub(crate) const fn forwards_request_line(self) -> bool {
        matches!(self, Self::Envoy)
    }

    /// Whether it turns every status except 2xx, 401 and 403 into 500.
    pub(crate) const fn knows_few_statuses(self) -> bool {
        matches!(self, Self::Nginx)
    }

    /// What its configuration needs so that it sends `header`, for a person who sets it up.
    pub(crate) fn remedy(self, header: &str) -> String {
        match self {
            Self::Nginx => {
                let variable = match header {
                    "X-Forwarded-Method" => "$request_method",
                    "X-Forwarded-Proto" => "$scheme",
                    "X-Forwarded-Host" => "$http_host",
                    _ => "$request_uri",
                };
                format!("add `proxy_set_header {header} {variable};` to the location of `auth_request`")
            }
            Self::Caddy => {
                format!("use `forward_auth`, which sets it, without `header_up {header}`")
            }
            Self::Traefik => "set `trustForwardHeader: false` in `forwardAuth`".to_owned(),
            Self::Haproxy => "use `haproxy.lua` of dist/proxy, which sets it".to_owned(),
            Self::Apache => "use `apache.lua` of dist/proxy, which sets it".to_owned(),
            Self::Envoy => match header {
                "X-Forwarded-Proto" => {
                    "add `x-forwarded-proto` to `allowed_headers` of `ext_authz`, and set `use_remote_address: true`".to_owned()
                }
                _ => "set `path_prefix: /v1/verify/envoy/-` in `ext_authz`; it forwards the method, the host and the path".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_found_by_its_name_only() {
        for proxy in Proxy::ALL {
            assert_eq!(Proxy::find(proxy.name()), Some(proxy));
        }
        for other in ["", "NGINX", "nginx ", "squid", "nginx/"] {
            assert_eq!(Proxy::find(other), None, "{other}");
        }
    }
}
