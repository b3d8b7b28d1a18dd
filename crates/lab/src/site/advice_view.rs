//! What follows from answers, in words and commands.

use counterfoil::operator::advice::{
    Alternative, Answers, Change, ClientKind, Domains, GuideLine, LogoutDelay, Recommendation, Verifiers,
    alternatives, for_clients, jwt_when, sessions_when,
};
use counterfoil_pages::view::Mode;
use counterfoil_pages::view::lab::{Advice, AdviceView, ChangedAdvice, GuideRow, OtherAnswer};
use serde_json::json;

use crate::site::trace_view::capitalized;

/// The origin of pages on another domain in the commands, which the reader replaces.
const OTHER_ORIGIN: &str = "https://app.example";

/// A program with the layer, and a handler that only authenticated requests reach.
const PROGRAM: &str = r#"let auth = Counterfoil::open("sqlite:auth.db").await?;
let app = Router::new()
    .route("/hello", get(async |user: Principal| format!("Hello {}", user.username().unwrap_or("guest"))))
    .layer(auth.layer())
    .merge(auth.routes());"#;

/// A service that verifies tokens of the issuer and follows its revocations.
const SERVICE: &str = r#"let issuer = "https://auth.example";
let tokens = TokenVerifier::builder(issuer, issuer, &[Algorithm::Es256]);
let verifier = RemoteVerifier::builder(tokens).verifier_key(std::env::var("VERIFIER_KEY")?).start()?;
let app = Router::new()
    .route("/orders", get(async |user: Principal| format!("The orders of {}", user.subject())))
    .layer(verifier.layer());"#;

/// What follows from the answers.
pub(super) fn advice_view(answers: &Answers) -> AdviceView {
    let recommendations = for_clients(answers);
    AdviceView {
        advice: recommendations.iter().map(|one| advice(one, &answers.issuer)).collect(),
        sessions_when: sessions_when(answers).map(guide_row).into(),
        jwt_when: jwt_when(answers).map(guide_row).into(),
        others: alternatives(answers).iter().map(|other| other_answer(other, &recommendations)).collect(),
        query: query_of(answers),
        init: init_command(answers),
        program: PROGRAM.to_owned(),
        service: (answers.verifiers != Verifiers::None).then(|| SERVICE.to_owned()),
    }
}

/// A kind of client.
pub(super) const fn client_text(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Pages => "Pages that a server renders",
        ClientKind::Spa => "Single-page applications",
        ClientKind::Mobile => "Mobile and desktop applications",
        ClientKind::Services => "Services without a user",
    }
}

/// Where the pages are.
pub(super) const fn domains_text(domains: Domains) -> &'static str {
    match domains {
        Domains::One => "On the domain of the server and its subdomains",
        Domains::Many => "On other domains as well",
    }
}

/// When a logout takes effect.
pub(super) const fn logout_text(logout: LogoutDelay) -> &'static str {
    match logout {
        LogoutDelay::Immediate => "Everywhere immediately",
        LogoutDelay::Delayed => "When the token expires",
    }
}

/// The services that verify tokens.
pub(super) const fn verifiers_text(verifiers: Verifiers) -> &'static str {
    match verifiers {
        Verifiers::None => "None",
        Verifiers::OwnServices => "Services of our own",
        Verifiers::ThirdParties => "Services of third parties",
    }
}

/// The address of the page with the answers, without its path.
pub(super) fn query_of(answers: &Answers) -> String {
    let clients = answers.clients.iter().map(|client| format!("{}=on&", client.as_str()));
    let (domains, logout) = (answers.domains.as_str(), answers.logout.as_str());
    let verifiers = answers.verifiers.as_str();
    format!("{}domains={domains}&logout={logout}&verifiers={verifiers}", clients.collect::<String>())
}

fn advice(one: &Recommendation, issuer: &str) -> Advice {
    let body = json!({ "username": "ada", "password": "…", "mode": one.mode, "transport": one.transport });
    let origin = match one.transport {
        // A browser that already has a cookie must say which page sends the form (docs/csrf.md).
        "cookie" => format!(" -H 'Origin: {issuer}'"),
        _ => String::new(),
    };
    Advice {
        client: client_text(one.client).to_owned(),
        mode: mode(one.mode),
        transport: one.transport.to_owned(),
        reason: format!("{}.", capitalized(one.reason)),
        command: format!(
            "curl -i '{issuer}/v1/login'{origin} -H 'Content-Type: application/json' -d '{body}'"
        ),
    }
}

fn guide_row(line: GuideLine) -> GuideRow {
    GuideRow { text: line.text.to_owned(), applies: line.applies }
}

fn other_answer(other: &Alternative, before: &[Recommendation]) -> OtherAnswer {
    let changed = |one: &Recommendation| ChangedAdvice {
        client: client_text(one.client).to_owned(),
        mode: mode(one.mode),
        transport: one.transport.to_owned(),
        is_same_mode: before
            .iter()
            .any(|old| (old.client, old.mode, old.transport) == (one.client, one.mode, one.transport)),
    };
    OtherAnswer {
        text: change_text(other.change),
        query: query_of(&other.answers),
        changed: other.changed.iter().map(changed).collect(),
    }
}

fn change_text(change: Change) -> String {
    match change {
        Change::Client(kind) => format!("Also log in: {}", client_text(kind)),
        Change::Domains(domains) => format!("Pages: {}", domains_text(domains)),
        Change::Logout(logout) => format!("Logout: {}", logout_text(logout)),
        Change::Verifiers(verifiers) => format!("Services that verify: {}", verifiers_text(verifiers)),
    }
}

/// The answers with an origin for pages on other domains, which cannot log in without one.
pub(super) fn with_example_origin(answers: &Answers) -> Answers {
    let mut answers = answers.clone();
    if answers.domains == Domains::Many && answers.has_pages() {
        answers.trusted_origins = vec![OTHER_ORIGIN.to_owned()];
    }
    answers
}

/// A command that writes the configuration file, to paste into a POSIX shell.
fn init_command(answers: &Answers) -> String {
    format!("counterfoil init --answers - <<'END'\n{}\nEND", json!(with_example_origin(answers)))
}

fn mode(name: &str) -> Mode {
    match name {
        "session" => Mode::Session,
        "jwt" => Mode::Jwt,
        _ => Mode::Hybrid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://auth.example";

    #[test]
    fn the_command_of_init_has_answers_that_are_read() {
        let answers = Answers { domains: Domains::Many, ..Answers::new(ISSUER, &ClientKind::ALL) };

        let command = init_command(&answers);

        let text = command.lines().nth(1).unwrap();
        let read: Answers = serde_json::from_str(text).unwrap();
        assert_eq!(read.trusted_origins, [OTHER_ORIGIN]);
        assert_eq!((read.clients, read.domains), (answers.clients, answers.domains));
    }

    #[test]
    fn another_answer_says_what_it_changes() {
        let view = advice_view(&Answers::new(ISSUER, &[ClientKind::Spa]));

        assert_eq!(view.advice[0].mode, Mode::Session);
        let changed = |text: &str| {
            let other = view.others.iter().find(|other| other.text.contains(text)).unwrap();
            (other.query.as_str(), other.changed.iter().map(|one| one.mode).collect::<Vec<_>>())
        };
        assert_eq!(
            changed("Services of our own"),
            ("spa=on&domains=one&logout=immediate&verifiers=own-services", vec![Mode::Hybrid])
        );
        assert_eq!(changed("When the token expires").1, []);
    }

    #[test]
    fn a_mode_that_remains_for_another_reason_is_said_so() {
        let answers =
            Answers { verifiers: Verifiers::OwnServices, ..Answers::new(ISSUER, &[ClientKind::Spa]) };

        let view = advice_view(&answers);

        let many = view.others.iter().find(|other| other.query.contains("domains=many")).unwrap();
        assert!(many.changed[0].is_same_mode);
    }

    #[test]
    fn the_commands_have_the_mode_and_the_transport() {
        let view = advice_view(&Answers::new(ISSUER, &[ClientKind::Pages, ClientKind::Mobile]));

        let commands: Vec<&str> = view.advice.iter().map(|one| one.command.as_str()).collect();
        assert!(
            commands[0].contains(r#""mode":"session""#)
                && commands[0].contains("Origin: https://auth.example")
        );
        assert!(commands[1].contains(r#""transport":"bearer""#) && !commands[1].contains("Origin"));
    }
}
