//! One kind of load from one client IP.

use crate::bystander::identity::Identity;
use crate::http::Request;

/// What one client does while a bystander is measured.
#[derive(Debug)]
pub struct Row {
    /// What the client does.
    pub name: &'static str,
    /// The routes that the row covers, as `METHOD /path`.
    pub routes: &'static [&'static str],
    /// The number of connections that do it at the same time.
    pub connections: usize,
    /// What each of them does, again and again.
    pub(crate) action: Action,
    /// The account of the client.
    pub(crate) account: Account,
    /// What the bystander measures in addition to logins and `/v1/me`.
    pub(crate) probe: Probe,
}

/// What a connection of the attacker does, again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    /// Sends the request with this number, and reads the response.
    Send(fn(&Identity, u64) -> Request),
    /// Refreshes its tokens, each time with the newest refresh token.
    Rotate,
    /// Opens a connection, sends these bytes and reads nothing. Keeps so many connections open.
    Open { listener: Listener, start: fn() -> Vec<u8>, kept: usize },
}

/// The account of the attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// A new user.
    New,
    /// The user of [`preparation`](crate::bystander::preparation).
    ManySessions,
}

/// Where the attacker connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    Public,
    Metrics,
    AdminSocket,
}

/// The listener that the bystander measures too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    None,
    Metrics,
    AdminSocket,
}

impl Row {
    /// A client that sends requests.
    pub(crate) const fn send(
        name: &'static str,
        routes: &'static [&'static str],
        request: fn(&Identity, u64) -> Request,
    ) -> Self {
        let (account, probe) = (Account::New, Probe::None);
        Self { name, routes, connections: 16, action: Action::Send(request), account, probe }
    }

    /// A client that refreshes its tokens.
    pub(crate) const fn rotate(name: &'static str, routes: &'static [&'static str]) -> Self {
        let (account, probe) = (Account::New, Probe::None);
        Self { name, routes, connections: 1, action: Action::Rotate, account, probe }
    }

    /// A user with many sessions who sends requests.
    pub(crate) const fn many_sessions(name: &'static str, request: fn(&Identity, u64) -> Request) -> Self {
        let (account, probe) = (Account::ManySessions, Probe::None);
        Self { name, routes: &[], connections: 16, action: Action::Send(request), account, probe }
    }

    /// A client that opens connections to the API.
    pub(crate) const fn open(name: &'static str, kept: usize, start: fn() -> Vec<u8>) -> Self {
        Self::open_at(Listener::Public, name, kept, start)
    }

    /// A client that opens connections to a listener. The bystander uses the same listener.
    pub(crate) const fn open_at(
        listener: Listener,
        name: &'static str,
        kept: usize,
        start: fn() -> Vec<u8>,
    ) -> Self {
        let action = Action::Open { listener, start, kept };
        let probe = match listener {
            Listener::Public => Probe::None,
            Listener::Metrics => Probe::Metrics,
            Listener::AdminSocket => Probe::AdminSocket,
        };
        Self { name, routes: &[], connections: 4, action, account: Account::New, probe }
    }

    /// The same over so many connections.
    pub(crate) const fn over(self, connections: usize) -> Self {
        Self { connections, ..self }
    }
}
