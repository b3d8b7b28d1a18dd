//! A page and its JSON route are two ways to one operation: any sequence of requests leaves the same in the store.

use std::collections::BTreeMap;

use counterfoil::operator::{AuditFilterRequest, Command};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::browser::PageBrowser;
use crate::client::{Request, Response};
use crate::test_server::{PASSWORD, TestServer, text};

const OTHER_PASSWORD: &str = "a horse of many colours";

/// What a user does.
#[derive(Debug, Clone)]
enum Action {
    SignIn {
        is_right: bool,
    },
    SignOut,
    Register {
        name: &'static str,
    },
    /// Another device logs in, by JSON on both sides.
    OtherDevice {
        mode: &'static str,
    },
    /// Of the session of this number in the list.
    End(usize),
    Rename(usize, String),
    EndOthers,
    EndAll,
    ChangePassword {
        is_right: bool,
        new: &'static str,
    },
}

/// By which of the two ways.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Page,
    Json,
}

/// A server, with a browser that uses one way.
struct Side {
    way: Way,
    server: TestServer,
    browser: PageBrowser,
    /// What the user's password is now.
    password: &'static str,
}

impl Side {
    async fn open(way: Way) -> Self {
        let server = TestServer::open().await;
        server.register("ada").await;
        Self { way, server, browser: PageBrowser::new(), password: PASSWORD }
    }

    /// Does it, and answers with whether it was accepted.
    async fn perform(&mut self, action: &Action) -> bool {
        let password = self.password;
        let wrong = "not the password";
        match action {
            Action::SignIn { is_right } => {
                let password = if *is_right { password } else { wrong };
                let fields = [("username", "ada"), ("password", password), ("remember", "on")];
                let body = json!({
                    "username": "ada", "password": password, "mode": "session", "transport": "cookie",
                });
                self.send("/login", &fields, "POST", "/v1/login", body).await
            }
            Action::SignOut => self.send("/logout", &[], "POST", "/v1/logout", Value::Null).await,
            Action::Register { name } => {
                let fields = [("username", *name), ("password", OTHER_PASSWORD)];
                let body = json!({ "username": name, "password": OTHER_PASSWORD });
                let mut visitor = PageBrowser::new();
                std::mem::swap(&mut visitor, &mut self.browser);
                let is_accepted = self.send("/register", &fields, "POST", "/v1/register", body).await;
                if is_accepted && self.way == Way::Json {
                    // The page also signs the new user in, which for JSON is a request of its own.
                    let body = json!({
                        "username": name, "password": OTHER_PASSWORD, "mode": "session", "transport": "cookie",
                    });
                    assert!(self.send("", &[], "POST", "/v1/login", body).await);
                }
                std::mem::swap(&mut visitor, &mut self.browser);
                is_accepted
            }
            Action::OtherDevice { mode } => {
                let body = json!({ "username": "ada", "password": password, "mode": mode, "label": mode });
                Request::post("/v1/login").json(&body).send(&self.server).await.status == 200
            }
            Action::End(number) => {
                let id = self.session(*number).await;
                let paths = (format!("/account/sessions/{id}/end"), format!("/v1/sessions/{id}"));
                self.send(&paths.0, &[], "DELETE", &paths.1, Value::Null).await
            }
            Action::Rename(number, label) => {
                let id = self.session(*number).await;
                let paths = (format!("/account/sessions/{id}/label"), format!("/v1/sessions/{id}"));
                self.send(&paths.0, &[("label", label)], "PATCH", &paths.1, json!({ "label": label })).await
            }
            Action::EndOthers => {
                self.send("/account/sessions/end-others", &[], "DELETE", "/v1/sessions", Value::Null).await
            }
            Action::EndAll => {
                let json = "/v1/sessions?except=none";
                self.send("/account/sessions/end-all", &[], "DELETE", json, Value::Null).await
            }
            Action::ChangePassword { is_right, new } => {
                let current = if *is_right { password } else { wrong };
                let fields = [("current_password", current), ("new_password", *new)];
                let body = json!({ "current_password": current, "new_password": new });
                let is_accepted = self.send("/account/security", &fields, "POST", "/v1/password", body).await;
                if is_accepted {
                    self.password = new;
                }
                is_accepted
            }
        }
    }

    /// Sends a form to a page, or JSON to its twin, and answers with whether it was accepted.
    async fn send(
        &mut self,
        page: &str,
        fields: &[(&str, &str)],
        method: &str,
        json: &str,
        body: Value,
    ) -> bool {
        let response = match self.way {
            Way::Page => self.browser.post(&self.server, page, fields).await,
            Way::Json => {
                let request = Request::new(method, json)
                    .header("origin", &self.server.origin)
                    .header("sec-fetch-site", "same-origin");
                let request = if body.is_null() { request } else { request.json(&body) };
                self.browser.send(&self.server, request).await
            }
        };
        is_accepted(self.way, &response)
    }

    /// The id of the session of this login, also if it has ended, or one that does not exist.
    async fn session(&self, number: usize) -> String {
        let events = self.events().await;
        let mut logins = events.iter().filter(|event| event["kind"] == "login_succeeded");
        logins.nth(number).map_or_else(|| "A".repeat(22), |event| text(event, "session").to_owned())
    }

    /// The audit log, oldest first.
    async fn events(&self) -> Vec<Value> {
        let audit =
            Command::AuditList { filter: AuditFilterRequest::default(), after: None, limit: Some(200) };
        let mut events = self.list(audit, "events").await;
        events.reverse();
        events
    }

    async fn list(&self, command: Command, member: &str) -> Vec<Value> {
        self.server.app.administer(command).await.unwrap()[member].as_array().unwrap().clone()
    }

    /// What the store has, without ids and times, which differ. The end of several sessions at once has no order.
    async fn stored(&self) -> Value {
        let mut names = BTreeMap::new();
        let sessions =
            Command::SessionList { user: None, ip: None, mode: None, after: None, limit: Some(200) };
        let users = Command::UserList { after: None, limit: Some(200) };
        let mut events = self.events().await;
        for event in &mut events {
            event["number"] = Value::Null;
        }
        let lists = [events, self.list(users, "users").await, self.list(sessions, "sessions").await];
        lists.into_iter().map(|list| sorted(canonical(list.into(), &mut names))).collect()
    }
}

fn sorted(list: Value) -> Value {
    let mut items: Vec<String> = list.as_array().unwrap().iter().map(Value::to_string).collect();
    items.sort_unstable();
    json!(items)
}

/// A page that was opened by a form answers 303, to the place after it; a stranger is sent to the sign-in page.
fn is_accepted(way: Way, response: &Response) -> bool {
    match way {
        Way::Page => {
            response.status == 303 && !response.header("location").unwrap().contains("/login?return_to")
        }
        Way::Json => (200..300).contains(&response.status),
    }
}

/// The value with a number in the place of each id, in the order in which they appear, and without times.
fn canonical(value: Value, names: &mut BTreeMap<String, usize>) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| canonical(item, names)).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, canonical(value, names))).collect()
        }
        Value::Number(number) if number.as_u64().is_some_and(|number| number > 1_000_000_000) => {
            json!("a time")
        }
        Value::String(text) => {
            let next = names.len();
            let mut name = |id: &str| *names.entry(id.to_owned()).or_insert(next);
            match text.split_once(':') {
                Some((kind, id)) if is_id(id) => json!(format!("{kind}:{}", name(id))),
                None if is_id(&text) => json!(name(&text)),
                _ => json!(text),
            }
        }
        other => other,
    }
}

fn is_id(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    [16, 22].contains(&text.len())
        && text.bytes().all(is_letter)
        && text.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let passwords = prop::sample::select(vec![PASSWORD, OTHER_PASSWORD, "short"]);
    let action = prop_oneof![
        3 => prop::bool::weighted(0.8).prop_map(|is_right| Action::SignIn { is_right }),
        1 => Just(Action::SignOut),
        1 => prop::sample::select(vec!["bob", "ada", "Bob", "x y z@"]).prop_map(|name| Action::Register { name }),
        3 => prop::sample::select(vec!["session", "jwt", "hybrid"]).prop_map(|mode| Action::OtherDevice { mode }),
        2 => (0..4_usize).prop_map(Action::End),
        2 => (0..4_usize, "[a-z ]{0,70}").prop_map(|(number, label)| Action::Rename(number, label)),
        1 => Just(Action::EndOthers),
        1 => Just(Action::EndAll),
        2 => (prop::bool::weighted(0.7), passwords)
            .prop_map(|(is_right, new)| Action::ChangePassword { is_right, new }),
    ];
    prop::collection::vec(action, 4..14).prop_map(|mut actions| {
        // Most of them need a login.
        actions.insert(0, Action::SignIn { is_right: true });
        actions
    })
}

#[test]
fn a_page_and_its_json_twin_leave_the_same_in_the_store() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases: 12, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&actions(), |actions| {
        runtime.block_on(async {
            let mut sides = [Side::open(Way::Page).await, Side::open(Way::Json).await];
            for action in &actions {
                let [page, json] = &mut sides;
                let accepted = (page.perform(action).await, json.perform(action).await);
                prop_assert_eq!(accepted.0, accepted.1, "{:?}: page and JSON", action);
                prop_assert_eq!(page.stored().await, json.stored().await, "{:?}", action);
            }
            Ok::<(), TestCaseError>(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
