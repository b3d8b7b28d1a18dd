//! Whether a server keeps what it promised: every login, token and password of a promise is tried.

use std::io;
use std::net::SocketAddr;

use anyhow::{Result, anyhow};
use serde_json::json;

use crate::dice::Dice;
use crate::http::{Answer, Broken, Line, Request};
use crate::ledger::Ticket;
use crate::promise::{Family, Fate, Person, Promise};

/// For how long the server answers a spent refresh token again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    /// For some seconds, and some seconds after its start.
    Some,
    /// Not at all: a refresh whose answer was lost costs the login.
    None,
}

impl Grace {
    /// The seconds, as a setting.
    pub fn seconds(self) -> &'static str {
        match self {
            Self::Some => "10",
            Self::None => "0",
        }
    }
}

/// What was tried, and what did not hold.
#[derive(Debug, Default)]
pub struct Checked {
    /// Logins that were alive, and had to be.
    pub live: usize,
    /// Logins that were over, and had to be.
    pub ended: usize,
    /// Logins whose end was in doubt.
    pub open: usize,
    /// Spent refresh tokens that were shown again.
    pub replayed: usize,
    /// Accounts whose passwords were tried.
    pub people: usize,
    /// Every promise that was broken, in words.
    pub faults: Vec<String>,
}

impl Checked {
    /// Adds what another check has found.
    pub fn add(&mut self, other: Self) {
        self.live += other.live;
        self.ended += other.ended;
        self.open += other.open;
        self.replayed += other.replayed;
        self.people += other.people;
        self.faults.extend(other.faults);
    }

    /// How many logins and accounts were tried.
    pub fn tried(&self) -> usize {
        self.live + self.ended + self.open + self.people
    }
}

/// Tries everything that was promised with the server at `at`. Where refreshing gives new tokens the promise has
/// them afterwards.
///
/// Within the grace of a start it should come soon after it: then what was in doubt is settled in the client's favour.
///
/// # Errors
///
/// If the server does not answer.
pub fn check(promise: &mut Promise, at: SocketAddr, grace: Grace, seed: u64) -> Result<Checked> {
    let mut trial =
        Trial { line: Line::to(at), grace, dice: Dice::seeded(seed), checked: Checked::default() };
    // The grace runs out: first those that need it.
    for turning in [true, false] {
        for family in promise.families.values_mut().filter(|family| family.turning == turning) {
            trial.family(family)?;
        }
    }
    for (name, person) in &promise.people {
        trial.person(name, person)?;
    }
    Ok(trial.checked)
}

struct Trial {
    line: Line,
    grace: Grace,
    dice: Dice,
    checked: Checked,
}

impl Trial {
    fn family(&mut self, family: &mut Family) -> Result<()> {
        match family.fate {
            Fate::Live => {
                self.checked.live += 1;
                self.is_let_in(family, &[200])?;
                self.has_one_successor(family)
            }
            Fate::Ended => {
                self.checked.ended += 1;
                self.is_let_in(family, &[401])?;
                self.is_spent(family)
            }
            Fate::Open => {
                self.checked.open += 1;
                self.is_let_in(family, &[200, 401])
            }
        }
    }

    /// Shows what opens doors; every answer is one of `expected`, and about the right user.
    fn is_let_in(&mut self, family: &Family, expected: &[u16]) -> Result<()> {
        for token in family.session_token.iter().chain(&family.access_tokens) {
            let answer = self.ask(&Request::get("/v1/me").bearer(token))?;
            let name = answer.json()["user"]["username"].as_str().map(str::to_owned);
            if !expected.contains(&answer.status) {
                let (fate, user, status) = (family.fate, &family.user, answer.status);
                self.fault(format!("a login of {user} that is {fate:?} gets {status} for {}", kind(token)));
            } else if answer.is_done() && name.as_deref() != Some(&family.user) {
                self.fault(format!("{} is told to be {name:?}", family.user));
            }
        }
        Ok(())
    }

    /// Shows the newest refresh token: it has one successor, however often it is asked for.
    fn has_one_successor(&mut self, family: &mut Family) -> Result<()> {
        let Some(newest) = family.refresh_tokens.last().cloned() else { return Ok(()) };
        let Some(next) = self.refresh(&newest)? else {
            // Without a grace a lost answer may have been the successor, and asking again ends the login.
            if !(family.turning && self.grace == Grace::None) {
                self.fault(format!("the newest refresh token of {} is not taken", family.user));
            }
            family.fate = Fate::Ended;
            return Ok(());
        };
        let successor = next.refresh_token.clone().unwrap_or_default();
        match self.grace {
            Grace::Some => {
                for shown in [&newest, &successor] {
                    let again = self.refresh(shown)?.and_then(|ticket| ticket.refresh_token);
                    if again.as_ref() != Some(&successor) {
                        self.fault(format!("a second successor for a token of {}", family.user));
                    }
                }
            }
            Grace::None if successor == newest => {
                self.fault(format!("a token of {} is its own successor", family.user));
            }
            Grace::None => {}
        }
        family.refreshed(&next);
        if self.dice.percent(25) { self.replay(family) } else { Ok(()) }
    }

    /// Shows a token that is certainly spent: it is refused, and ends the login for whoever holds the newest.
    fn replay(&mut self, family: &mut Family) -> Result<()> {
        let behind = match self.grace {
            Grace::Some => 3,
            Grace::None => 2,
        };
        let tokens = &family.refresh_tokens;
        let Some(old) = tokens.len().checked_sub(behind).map(|place| tokens[place].clone()) else {
            return Ok(());
        };
        self.checked.replayed += 1;
        if self.refresh(&old)?.is_some() {
            self.fault(format!("a spent refresh token of {} is taken again", family.user));
        }
        family.fate = Fate::Ended;
        self.is_spent(family)?;
        self.is_let_in(family, &[401])
    }

    /// No refresh token of a login that is over is taken.
    fn is_spent(&mut self, family: &Family) -> Result<()> {
        if let Some(newest) = family.refresh_tokens.last()
            && self.refresh(newest)?.is_some()
        {
            self.fault(format!("a login of {} that is over is refreshed", family.user));
        }
        Ok(())
    }

    /// What is answered to a refresh, if it is not refused.
    fn refresh(&mut self, token: &str) -> Result<Option<Ticket>> {
        let answer = self.ask(&Request::post("/v1/refresh").json(&json!({ "refresh_token": token })))?;
        if !matches!(answer.status, 200 | 401) {
            self.fault(format!("a refresh is answered with {} {}", answer.status, answer.json()));
        }
        Ok(answer.is_done().then(|| Ticket::of(&answer.json())))
    }

    /// The right password is taken, and one that was changed is not.
    fn person(&mut self, name: &str, person: &Person) -> Result<()> {
        self.checked.people += 1;
        let mut taken = 0;
        for password in &person.passwords {
            taken += usize::from(self.log_in(name, password)? == 200);
        }
        if taken != 1 {
            self.fault(format!("{taken} of the {} passwords of {name} are taken", person.passwords.len()));
        }
        if let Some(former) = person.former.last()
            && self.log_in(name, former)? != 401
        {
            self.fault(format!("a former password of {name} is taken"));
        }
        Ok(())
    }

    fn log_in(&mut self, name: &str, password: &str) -> Result<u16> {
        let body = json!({ "username": name, "password": password });
        let status = self.ask(&Request::post("/v1/login").json(&body))?.status;
        if !matches!(status, 200 | 401) {
            self.fault(format!("a login of {name} is answered with {status}"));
        }
        Ok(status)
    }

    fn ask(&mut self, request: &Request) -> Result<Answer> {
        self.line.ask(request).map_err(|broken| match broken {
            Broken::Unheard(error) => gone(error),
            Broken::InDoubt(error) => gone(error),
        })
    }

    fn fault(&mut self, what: String) {
        self.checked.faults.push(what);
    }
}

fn gone(error: io::Error) -> anyhow::Error {
    anyhow!(error).context("the server does not answer")
}

/// What a token is, without telling it.
fn kind(token: &str) -> &'static str {
    if token.starts_with("cfs_") { "its session token" } else { "its access token" }
}
