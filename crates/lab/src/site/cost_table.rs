//! What each mode costs, in words. The times are the default lifetimes; a test compares the sizes with real requests.

use counterfoil_core::model::client::Lifetimes;
use counterfoil_pages::view::lab::{CostRow, duration_text};

/// What a session cookie and a JWT add to a request, about, in bytes.
const ADDED_BYTES: (usize, usize) = (100, 750);

/// How long verifiers accept a token after its expiry by default, in seconds.
const LEEWAY: u64 = 60;

/// What each mode costs, and what it gives for that.
pub(super) fn cost_rows() -> Vec<CostRow> {
    let lifetimes = Lifetimes::default();
    [on_the_wire(), until_it_ends(lifetimes), for_the_client(lifetimes)].concat()
}

fn on_the_wire() -> Vec<CostRow> {
    let (cookie_bytes, jwt_bytes) = ADDED_BYTES;
    let jwt_bytes = format!("About {jwt_bytes} bytes, more with roles and claims");
    vec![
        row(
            "The client carries",
            [
                "A random secret, which says nothing",
                "A signed statement: who, with which roles, until when. Everybody can read it",
                "Such a statement for a short time, and a secret that gets the next one",
            ],
        ),
        row("Each request grows by", [&format!("About {cookie_bytes} bytes"), &jwt_bytes, &jwt_bytes]),
        row(
            "Who can check it",
            [
                "This server, and an application that embeds it. Others ask it, or a proxy asks for them",
                "Every service with the public keys, without a request to this server",
                "As the JWT",
            ],
        ),
    ]
}

fn until_it_ends(lifetimes: Lifetimes) -> Vec<CostRow> {
    let Lifetimes { session_idle, session_absolute, jwt, access, .. } = lifetimes;
    let refused = |lifetime: u64| {
        format!(
            "At once here, a moment later at services that follow the revocation feed, and at those with the keys only when \
             it expires: after {} at most",
            text(lifetime + LEEWAY)
        )
    };
    let session = format!(
        "Until the session ends: {} without use, {} at most",
        text(session_idle),
        text(session_absolute)
    );
    let refresh_token = "A copy of the refresh token is noticed once thief and owner have used it";
    vec![
        row("After a logout it is refused", ["At once", &refused(jwt), &refused(access)]),
        row(
            "A stolen copy works",
            [&session, &format!("{} at most", text(jwt)), &format!("{}. {refresh_token}", text(access))],
        ),
        row(
            "A script that an attacker puts into the page",
            [
                "Cannot read the HttpOnly cookie",
                "Reads it where the page stores it, unless it is in such a cookie too",
                "As the JWT",
            ],
        ),
        row(
            "While this server is down",
            [
                "No request is accepted",
                "Services with the keys accept it until it expires; with the feed, until their lease ends after some seconds",
                &format!("As the JWT, for {} at most: nothing is renewed", text(access)),
            ],
        ),
    ]
}

fn for_the_client(lifetimes: Lifetimes) -> Vec<CostRow> {
    let (jwt, access) = (text(lifetimes.jwt), text(lifetimes.access));
    vec![
        row(
            "The client has to",
            [
                "Do nothing: a browser sends the cookie",
                &format!("Store it, send it, and log in again after {jwt}"),
                &format!("Store both, send one, and refresh every {access}"),
            ],
        ),
        row(
            "Choose it for",
            [
                "A web application with one back end; if in doubt",
                "Scripts and machines, short tasks at many services",
                "Mobile applications, and many services with long logins",
            ],
        ),
    ]
}

fn row(what: &str, values: [&str; 3]) -> CostRow {
    CostRow { what: what.to_owned(), values: values.map(str::to_owned) }
}

/// A duration in seconds as text.
fn text(seconds: u64) -> String {
    duration_text(seconds as f64 * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play;
    use crate::scenario::act::Act;
    use crate::scenario::trace::TraceMode;

    #[test]
    fn the_sizes_are_those_of_real_requests() {
        let trace = play(Act::Call).unwrap();
        let added = |mode| {
            let notes = trace.frames.iter().filter(|frame| frame.mode == Some(mode));
            let text =
                |text: &str| text.strip_prefix("the credential adds ")?.split(' ').next()?.parse().ok();
            notes.map(|frame| frame.text.as_str()).find_map(text).unwrap()
        };
        let is_about = |bytes: usize, about: usize| bytes.abs_diff(about) * 10 <= about;

        assert!(is_about(added(TraceMode::Session), ADDED_BYTES.0), "{}", added(TraceMode::Session));
        for mode in [TraceMode::Jwt, TraceMode::Hybrid] {
            assert!(is_about(added(mode), ADDED_BYTES.1), "{}", added(mode));
        }
    }

    #[test]
    fn the_times_are_the_default_lifetimes() {
        let rows = cost_rows();
        let of = |what: &str| &rows.iter().find(|row| row.what == what).unwrap().values;

        let refused = of("After a logout it is refused");
        assert!(refused[1].ends_with("after 61 min at most") && refused[2].ends_with("after 16 min at most"));
        assert!(of("A stolen copy works")[0].ends_with("24 h without use, 30 d at most"));
        assert!(of("The client has to")[2].ends_with("every 15 min"));
    }
}
