//! Who the client is, at which host, by which scheme: what proxies say of a request.

use crate::operations::doctor::row::Row;
use crate::operations::doctor::server_view::ServerView;

/// Whether each client has its own address: limits of logins and connections count by it.
pub fn client_ip(view: &ServerView) -> Row {
    let check = "client address";
    let Some(peer) = &view.peer else {
        return Row::not_checked(
            check,
            "the server does not know its peer",
            "serve with the binary, or pass on `ConnectInfo`",
        );
    };
    let believed = view.client_ip.as_deref().unwrap_or("none");
    let is_forwarded = view.x_forwarded_for.is_some() || view.forwarded.is_some();
    let set_header = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";
    match (view.is_trusted_peer, is_forwarded) {
        (true, true) if view.headers_disagree => Row::wrong(
            check,
            format!("`X-Forwarded-For` and `Forwarded` disagree, so every client counts as the proxy {peer}"),
            "let the proxy remove the header that it does not write: proxy_set_header Forwarded \"\";",
        ),
        (true, true) if believed == peer => Row::warning(
            check,
            format!("{believed}, the address of the proxy itself: the header names no other"),
            set_header,
        ),
        (true, true) => Row::good(check, format!("{believed}, as the trusted proxy {peer} says")),
        (true, false) => Row::wrong(
            check,
            format!(
                "the trusted proxy {peer} names no client, so all clients share one address and its limits"
            ),
            set_header,
        ),
        (false, true) => Row::wrong(
            check,
            format!(
                "{peer} is not a trusted proxy, so its header is ignored and all clients count as {peer}"
            ),
            format!("trusted_proxies = [\"{peer}\"]"),
        ),
        (false, false) if view.is_secure() && !view.has_tls => Row::wrong(
            check,
            format!("a TLS proxy at {peer} that is not trusted and names no client"),
            format!("trusted_proxies = [\"{peer}\"], and at the proxy: {set_header}"),
        ),
        (false, false) => Row::good(check, format!("{peer}, without a proxy")),
    }
}

/// Whether a client can choose its address. `forged` was sent in `header`; the view is of that request.
pub fn forged_address(header: &'static str, forged: &str, view: &ServerView) -> Row {
    let check = match header {
        "Forwarded" => "forged Forwarded",
        _ => "forged X-Forwarded-For",
    };
    let seen = match header {
        "Forwarded" => &view.forwarded,
        _ => &view.x_forwarded_for,
    };
    let is_believed = view.client_ip.as_deref() == Some(forged);
    let last = seen.as_deref().and_then(|hops| hops.rsplit(',').next()).map(str::trim);
    let was_appended = last.is_some_and(|hop| !hop.contains(forged));
    match (is_believed, was_appended) {
        (true, true) => Row::not_checked(
            check,
            format!("the address of this client ({}) is itself a trusted proxy", last.unwrap_or_default()),
            "run the doctor on a machine outside `trusted_proxies`, or make that list shorter",
        ),
        (true, false) => Row::wrong(
            check,
            format!("believed: a client that sends {header} chooses its address, and escapes every limit"),
            match header {
                "Forwarded" => "proxy_set_header Forwarded \"\";",
                _ => "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            },
        ),
        (false, _) if view.headers_disagree => Row::warning(
            check,
            "not believed, but such a client counts as the proxy: the two headers disagree".to_owned(),
            format!("proxy_set_header {header} \"\";"),
        ),
        (false, _) => Row::good(check, "not believed"),
    }
}

/// Whether the request names the host of the issuer.
pub fn host(view: &ServerView) -> Row {
    let expected = view.authority();
    let without_port = |text: &str| text.rsplit_once(':').map_or(text, |(host, _)| host).to_ascii_lowercase();
    match view.host.as_deref() {
        Some(host) if host.eq_ignore_ascii_case(expected) => Row::good("Host", host),
        // A proxy that passes on `$host` removes the port.
        Some(host) if without_port(host) == without_port(expected) => {
            Row::good("Host", format!("{host}, the host of the issuer without its port"))
        }
        other => Row::wrong(
            "Host",
            format!("{} in place of {expected}", other.unwrap_or("none")),
            "proxy_set_header Host $host;",
        ),
    }
}

/// The scheme that the client used, beside that of the issuer.
pub fn scheme(view: &ServerView) -> Row {
    let expected = if view.is_secure() { "https" } else { "http" };
    let set_header = "proxy_set_header X-Forwarded-Proto $scheme;";
    match view.forwarded_proto.as_deref() {
        Some(proto) if proto.eq_ignore_ascii_case(expected) => Row::good("scheme", expected),
        Some(proto) => Row::wrong(
            "scheme",
            format!("{proto}, but the issuer is {}", view.issuer),
            format!("{set_header} and redirect plain HTTP to https"),
        ),
        None if view.is_secure() == view.has_tls => {
            Row::good("scheme", format!("{expected}, without a proxy"))
        }
        None => Row::warning(
            "scheme",
            "the proxy does not say which scheme the client used; guarded applications need it",
            set_header,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::row::Verdict::{self, Good, NotChecked, Warning, Wrong};

    fn view(change: impl FnOnce(&mut ServerView)) -> ServerView {
        let mut view = ServerView {
            issuer: "https://auth.example".to_owned(),
            host: Some("auth.example".to_owned()),
            forwarded_proto: Some("https".to_owned()),
            peer: Some("10.0.0.2".to_owned()),
            is_trusted_peer: true,
            x_forwarded_for: Some("198.51.100.7".to_owned()),
            client_ip: Some("198.51.100.7".to_owned()),
            ..ServerView::default()
        };
        change(&mut view);
        view
    }

    #[test]
    fn each_client_must_have_its_own_address() {
        for (expected, change) in [
            (Good, (|_| {}) as fn(&mut ServerView)),
            (Wrong, |view| view.x_forwarded_for = None),
            (Wrong, |view| view.is_trusted_peer = false),
            (Wrong, |view| view.headers_disagree = true),
            (Warning, |view| view.client_ip.clone_from(&view.peer)),
            (NotChecked, |view| view.peer = None),
            (Wrong, |view| (view.is_trusted_peer, view.x_forwarded_for) = (false, None)),
            (Good, |view| (view.is_trusted_peer, view.x_forwarded_for, view.has_tls) = (false, None, true)),
        ] {
            let view = view(change);
            assert_eq!(client_ip(&view).verdict, expected, "{view:?}");
        }
        let untrusted = client_ip(&view(|view| view.is_trusted_peer = false));
        assert_eq!(untrusted.mend.unwrap(), "trusted_proxies = [\"10.0.0.2\"]");
    }

    #[test]
    fn a_forged_address_must_not_be_believed() {
        let forged = "192.0.2.77";
        let row = |x: &str, client: &str, disagree: bool| -> Verdict {
            let view = view(|view| {
                view.x_forwarded_for = Some(x.to_owned());
                view.client_ip = Some(client.to_owned());
                view.headers_disagree = disagree;
            });
            forged_address("X-Forwarded-For", forged, &view).verdict
        };

        assert_eq!(row("192.0.2.77, 198.51.100.7", "198.51.100.7", false), Good);
        assert_eq!(row("198.51.100.7", "198.51.100.7", false), Good);
        assert_eq!(row("192.0.2.77", forged, false), Wrong);
        assert_eq!(row("192.0.2.77, 10.0.0.9", forged, false), NotChecked);
        assert_eq!(row("192.0.2.77", "10.0.0.2", true), Warning);
    }

    #[test]
    fn the_host_and_the_scheme_are_those_of_the_issuer() {
        for (seen, expected) in [
            (Some("auth.example"), Good),
            (Some("AUTH.example:443"), Good),
            (Some("127.0.0.1:3000"), Wrong),
            (None, Wrong),
        ] {
            assert_eq!(host(&view(|view| view.host = seen.map(str::to_owned))).verdict, expected, "{seen:?}");
        }
        for (seen, expected) in [(Some("https"), Good), (Some("http"), Wrong), (None, Warning)] {
            let view = view(|view| view.forwarded_proto = seen.map(str::to_owned));
            assert_eq!(scheme(&view).verdict, expected, "{seen:?}");
        }
        let direct = view(|view| (view.forwarded_proto, view.has_tls) = (None, true));
        assert_eq!(scheme(&direct).verdict, Good);
    }
}
