//! The routes of the HTTP API.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::run;

/// Where a path of the API starts in a text.
const STARTS: [&str; 4] = ["/v1/", "/oauth/", "/.well-known/", "/openapi.json"];

/// Paths that are not of this server, and a page.
const FOREIGN: [&str; 3] =
    ["/.well-known/openid-configuration", "/v1/traces", "/.well-known/change-password"];

/// Below it, a path ends with a proxy and what it requires.
const VERIFY: &str = "/v1/verify";

/// The proxies in the paths below [`VERIFY`].
const PROXIES: [&str; 6] = ["nginx", "caddy", "traefik", "haproxy", "apache", "envoy"];

/// Each path with its methods.
pub(super) struct Routes(BTreeMap<String, Vec<String>>);

impl Routes {
    /// Reads them from the OpenAPI document.
    pub(super) fn read() -> Self {
        let document: Value = serde_json::from_str(&run(&["openapi"]).stdout).unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        let routes = paths.map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys().map(|method| method.to_uppercase());
            (path.clone(), methods.collect())
        });
        Self(routes.collect())
    }

    /// The paths in `text` that no route has, and the methods before them that the route does not have.
    pub(super) fn missing(&self, text: &str) -> Vec<String> {
        let mut missing = Vec::new();
        for (at, start) in STARTS.iter().flat_map(|start| text.match_indices(start)) {
            // Within a longer path or word, as `/sub/v1/` and `operations/oauth/`.
            let before = &text[..at];
            if before.ends_with(|letter: char| letter.is_ascii_lowercase())
                && matches!(start, "/v1/" | "/oauth/")
                && !before.ends_with("base")
            {
                continue;
            }
            let path: String = text[at..].chars().take_while(|letter| is_part_of_path(*letter)).collect();
            let path = match path.find(['{', '$']).filter(|at| !path[..*at].ends_with('/')) {
                // Text that a program appends.
                Some(at) => &path[..at],
                None => path.trim_end_matches(['.', '/', ':']),
            };
            if path.len() < start.len() || FOREIGN.contains(&path) || is_of_proxy(path) {
                continue;
            }
            match self.methods(path) {
                None => missing.push(format!("no route {path}")),
                Some(methods) => missing.extend(
                    methods_before(before)
                        .filter(|method| !methods.contains(method) && method != "HEAD")
                        .map(|method| format!("no {method} {path}")),
                ),
            }
        }
        missing
    }

    /// The methods of the routes that `path` names: one, or all below it if it ends with `…` or `*`.
    fn methods(&self, path: &str) -> Option<Vec<String>> {
        let fits = |template: &str| {
            let (mut parts, mut places) = (path.split('/'), template.split('/'));
            loop {
                match (parts.next(), places.next()) {
                    (None, None) => return true,
                    (Some("…" | "*"), _) if parts.clone().next().is_none() => return true,
                    (Some(part), Some(place))
                        if part == place || (is_placeholder(part) && place.starts_with('{')) => {}
                    _ => return false,
                }
            }
        };
        let found: Vec<String> = self
            .0
            .iter()
            .filter(|(template, _)| fits(template))
            .flat_map(|(_, methods)| methods.clone())
            .collect();
        (!found.is_empty()).then_some(found)
    }
}

/// Whether the path is that of a proxy, with or without requirements.
fn is_of_proxy(path: &str) -> bool {
    let Some(rest) = path.strip_prefix(VERIFY) else { return false };
    let proxy = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
    rest.is_empty() || PROXIES.contains(&proxy)
}

fn is_part_of_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "/.-_{}$…*:<>".contains(letter)
}

fn is_placeholder(part: &str) -> bool {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    part.starts_with(['{', '$', '<', ':', '…']) || part == "mobile" || part.len() == 22 || is_number
}

/// The methods directly before a path, as in `GET, POST /v1/x`.
fn methods_before(before: &str) -> impl Iterator<Item = String> {
    const METHODS: [&str; 5] = ["GET", "POST", "PATCH", "PUT", "DELETE"];
    let words = before
        .split_whitespace()
        .rev()
        .map(|word| word.trim_matches(['`', ',', '(', '"', '|', '$', '/']).to_owned());
    let words: Vec<String> = if before.ends_with(' ') { words.collect() } else { Vec::new() };
    words.into_iter().take_while(|word| METHODS.contains(&word.as_str()))
}
