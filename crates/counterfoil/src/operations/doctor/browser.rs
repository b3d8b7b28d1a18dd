//! What browsers send and keep: cookies, `Sec-Fetch-Site` and `Origin`.

use crate::operations::doctor::row::Row;
use crate::operations::doctor::server_view::ServerView;

/// Whether a browser keeps the cookie that the server has set. `lines` are the `Set-Cookie` headers of the response.
pub fn cookie_set<'a>(view: &ServerView, lines: impl IntoIterator<Item = &'a str>) -> Row {
    let check = "cookie set";
    let name = view.cookie_name.as_str();
    let of_doctor = |line: &&str| line.split('=').next().is_some_and(|it| it.trim() == name);
    let lines: Vec<&str> = lines.into_iter().filter(of_doctor).collect();
    let (Some(expected), [line]) = (&view.cookie_set, lines.as_slice()) else {
        return Row::wrong(
            check,
            format!("{} lines `Set-Cookie` with {name}; the server has sent one", lines.len()),
            "remove `proxy_hide_header Set-Cookie;` and each line that copies cookies from the proxy",
        );
    };
    let attributes: Vec<String> = line.split(';').skip(1).map(|it| it.trim().to_ascii_lowercase()).collect();
    let has = |attribute: &str| attributes.iter().any(|it| it == attribute);
    let missing: Vec<&str> = [
        ("Secure", view.is_secure() && !has("secure")),
        ("Path=/", name.starts_with("__Host-") && !has("path=/")),
        ("HttpOnly", !has("httponly")),
        ("SameSite", !attributes.iter().any(|it| it.starts_with("samesite="))),
    ]
    .into_iter()
    .filter_map(|(attribute, is_missing)| is_missing.then_some(attribute))
    .collect();
    let value = line.split(';').next().and_then(|pair| pair.split_once('=')).map(|(_, value)| value.trim());
    if !missing.is_empty() {
        let seen = format!("{name} without {}", missing.join(", "));
        return Row::wrong(
            check,
            seen,
            "remove `proxy_cookie_flags` and `proxy_cookie_path` for these cookies",
        );
    }
    if name.starts_with("__Host-") && attributes.iter().any(|it| it.starts_with("domain=")) {
        let seen = format!("{name} with a `Domain`, which browsers refuse because of its prefix");
        return Row::wrong(check, seen, "remove `proxy_cookie_domain`");
    }
    if value != Some(expected) {
        let mend = "remove what rewrites the values of cookies at the proxy";
        return Row::wrong(check, format!("{name} has another value than the server has set"), mend);
    }
    Row::good(check, format!("{name} with all its attributes"))
}

/// Whether the cookie with the value `sent` arrived, once and unchanged.
pub fn cookie_returned(sent: &str, view: &ServerView) -> Row {
    let (check, name) = ("cookie returned", &view.cookie_name);
    match view.cookies.as_slice() {
        [value] if value == sent => Row::good(check, format!("{name} arrived once, unchanged")),
        [] => Row::wrong(
            check,
            format!("{name} did not arrive"),
            "remove `proxy_set_header Cookie`; in a browser, look at `cookie set`: it keeps a `__Host-` cookie only over https",
        ),
        [_] => Row::wrong(
            check,
            format!("{name} arrived with another value"),
            "remove what rewrites `Cookie` at the proxy",
        ),
        several => Row::wrong(
            check,
            format!("{name} arrived {} times", several.len()),
            "remove what adds to `Cookie` at the proxy",
        ),
    }
}

/// Whether `Sec-Fetch-Site` and `Origin` arrived as `expected`; `None` for one that the client did not send.
pub fn origin_headers(site: Option<&str>, origin: Option<&str>, view: &ServerView) -> Row {
    let check = "Sec-Fetch-Site and Origin";
    let headers = [("Sec-Fetch-Site", site, &view.sec_fetch_site), ("Origin", origin, &view.origin)];
    let lost: Vec<&str> = headers
        .iter()
        .filter(|(_, sent, seen)| sent.is_some() && *sent != seen.as_deref())
        .map(|(name, ..)| *name)
        .collect();
    match lost.as_slice() {
        [] => Row::good(check, "arrived unchanged"),
        lost => Row::wrong(
            check,
            format!(
                "{} did not arrive as sent; without both, writes with a cookie are refused",
                lost.join(" and ")
            ),
            "remove the lines that clear or set these headers at the proxy: proxy_set_header Origin …;",
        ),
    }
}

/// Whether what a browser says of the origin arrives with a page. It sends `Origin` only with forms.
pub fn fetch_metadata(view: &ServerView) -> Row {
    let check = "Sec-Fetch-Site";
    match view.sec_fetch_site.as_deref() {
        Some(site) => Row::good(check, site),
        None => Row::warning(
            check,
            "none: this browser is from before 2023, or a proxy removes the header",
            "remove the lines that clear `Sec-Fetch-*` at the proxy",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::row::Verdict::{Good, Wrong};

    fn view() -> ServerView {
        ServerView {
            issuer: "https://auth.example".to_owned(),
            cookie_name: "__Host-doctor".to_owned(),
            cookie_set: Some("abc".to_owned()),
            cookies: vec!["abc".to_owned()],
            sec_fetch_site: Some("same-origin".to_owned()),
            origin: Some("https://auth.example".to_owned()),
            ..ServerView::default()
        }
    }

    #[test]
    fn a_browser_must_keep_the_cookie() {
        let good = "__Host-doctor=abc; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=60";
        for (lines, expected) in [
            (vec![good], Good),
            (vec!["other=1", good], Good),
            (vec![], Wrong),
            (vec![good, good], Wrong),
            (vec!["__Host-doctor=abc; Path=/; HttpOnly; SameSite=Lax"], Wrong),
            (vec!["__Host-doctor=abc; Path=/; Secure; SameSite=Lax"], Wrong),
            (vec!["__Host-doctor=abc; Path=/; HttpOnly; Secure"], Wrong),
            (vec!["__Host-doctor=abc; Path=/auth; HttpOnly; Secure; SameSite=Lax"], Wrong),
            (vec!["__Host-doctor=abc; Path=/; HttpOnly; Secure; SameSite=Lax; Domain=example"], Wrong),
            (vec!["__Host-doctor=x; Path=/; HttpOnly; Secure; SameSite=Lax"], Wrong),
        ] {
            assert_eq!(cookie_set(&view(), lines.iter().copied()).verdict, expected, "{lines:?}");
        }
    }

    #[test]
    fn the_cookie_must_arrive_once_and_unchanged() {
        for (cookies, expected) in
            [(vec!["abc"], Good), (vec![], Wrong), (vec!["abc", "abc"], Wrong), (vec!["x"], Wrong)]
        {
            let view = ServerView { cookies: cookies.iter().map(|&it| it.to_owned()).collect(), ..view() };
            assert_eq!(cookie_returned("abc", &view).verdict, expected, "{cookies:?}");
        }
    }

    #[test]
    fn what_a_browser_says_of_the_origin_must_arrive() {
        let (site, origin) = (Some("same-origin"), Some("https://auth.example"));
        assert_eq!(origin_headers(site, origin, &view()).verdict, Good);
        assert_eq!(origin_headers(site, None, &ServerView { origin: None, ..view() }).verdict, Good);
        for lost in [
            ServerView { origin: None, ..view() },
            ServerView { sec_fetch_site: None, ..view() },
            ServerView { origin: Some("http://auth.example".to_owned()), ..view() },
        ] {
            assert_eq!(origin_headers(site, origin, &lost).verdict, Wrong, "{lost:?}");
        }
    }
}
