//! What must hold, worked out from what clients were told: who can log in, what is alive, what is over.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ledger::{Deed, Entry, Ledger, Outcome, Ticket};

/// How many of a login's access tokens are remembered.
const TOKENS: usize = 3;

/// Whether a login is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was acknowledged, and nobody has asked for its end.
    Live,
    /// Its end was acknowledged.
    Ended,
    /// Its end is in doubt.
    Open,
}

/// A login as its client knows it.
#[derive(Debug, Clone)]
pub struct Family {
    /// Whose it is.
    pub user: String,
    /// Whether it is alive.
    pub fate: Fate,
    /// Its session token.
    pub session_token: Option<String>,
    /// Its newest access tokens.
    pub access_tokens: Vec<String>,
    /// Its refresh tokens in their order, the newest last.
    pub refresh_tokens: Vec<String>,
    /// Whether a refresh with the newest of them is in doubt.
    pub turning: bool,
}

/// An account as its owner knows it.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The passwords that may be the right one: one, or two if a change is in doubt.
    pub passwords: Vec<String>,
    /// Those that are certainly not any more.
    pub former: Vec<String>,
}

/// What a server has promised its clients.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    /// By name.
    pub people: BTreeMap<String, Person>,
    /// By the id of the session.
    pub families: BTreeMap<String, Family>,
}

impl Promise {
    /// What was promised by `point`, according to `ledger`.
    pub fn at(ledger: &Ledger, point: Duration) -> Self {
        let mut promise = Self::default();
        promise.absorb(&ledger.entries(), point);
        promise
    }

    /// What was promised at all.
    pub fn of(ledger: &Ledger) -> Self {
        Self::at(ledger, Duration::MAX)
    }

    /// Adds what `entries` say, as it was known at `point`.
    pub fn absorb(&mut self, entries: &[Entry], point: Duration) {
        for entry in entries {
            let Some(outcome) = entry.known_at(point) else { continue };
            match outcome {
                Outcome::Refused(_) => {}
                Outcome::Done(ticket) => self.done(&entry.deed, ticket),
                Outcome::InDoubt => self.in_doubt(&entry.deed),
            }
        }
    }

    fn done(&mut self, deed: &Deed, ticket: &Ticket) {
        match deed {
            Deed::Register { user, password } => {
                self.people.entry(user.clone()).or_default().passwords = vec![password.clone()];
            }
            Deed::Login { user } => {
                self.families.insert(ticket.session.clone(), Family::of(user, ticket));
            }
            Deed::Refresh { session, .. } => {
                if let Some(family) = self.families.get_mut(session) {
                    family.refreshed(ticket);
                }
            }
            Deed::End { session } => self.set_fate(session, Fate::Ended),
            Deed::EndAll { user } => self.set_fates(user, None, Fate::Ended),
            Deed::ChangePassword { user, session, password } => {
                self.set_fates(user, Some(session), Fate::Ended);
                let person = self.people.entry(user.clone()).or_default();
                person.former.append(&mut person.passwords);
                person.passwords.push(password.clone());
            }
        }
    }

    fn in_doubt(&mut self, deed: &Deed) {
        match deed {
            // Nobody was promised anything.
            Deed::Register { .. } | Deed::Login { .. } => {}
            Deed::Refresh { session, .. } => {
                if let Some(family) = self.families.get_mut(session) {
                    family.turning = true;
                }
            }
            Deed::End { session } => self.set_fate(session, Fate::Open),
            Deed::EndAll { user } => self.set_fates(user, None, Fate::Open),
            Deed::ChangePassword { user, session, password } => {
                self.set_fates(user, Some(session), Fate::Open);
                self.people.entry(user.clone()).or_default().passwords.push(password.clone());
            }
        }
    }

    /// What is over stays so.
    fn set_fate(&mut self, session: &str, fate: Fate) {
        if let Some(family) = self.families.get_mut(session).filter(|family| family.fate != Fate::Ended) {
            family.fate = fate;
        }
    }

    fn set_fates(&mut self, user: &str, except: Option<&String>, fate: Fate) {
        let of_user = self
            .families
            .iter_mut()
            .filter(|(id, family)| family.user == user && Some(*id) != except && family.fate != Fate::Ended);
        of_user.for_each(|(_, family)| family.fate = fate);
    }
}

impl Family {
    fn of(user: &str, ticket: &Ticket) -> Self {
        Self {
            user: user.to_owned(),
            fate: Fate::Live,
            session_token: ticket.session_token.clone(),
            access_tokens: ticket.access_token.iter().cloned().collect(),
            refresh_tokens: ticket.refresh_token.iter().cloned().collect(),
            turning: false,
        }
    }

    /// Takes up the answer to a refresh: another token, or the same again.
    pub fn refreshed(&mut self, ticket: &Ticket) {
        self.turning = false;
        self.access_tokens.extend(ticket.access_token.clone());
        self.access_tokens.drain(..self.access_tokens.len().saturating_sub(TOKENS));
        if self.refresh_tokens.last() != ticket.refresh_token.as_ref() {
            self.refresh_tokens.extend(ticket.refresh_token.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(session: &str, refresh: &str) -> Ticket {
        let refresh_token = Some(refresh.to_owned());
        Ticket { session: session.to_owned(), refresh_token, ..Ticket::default() }
    }

    fn entry(deed: Deed, asked: u64, answered: Option<(u64, Outcome)>) -> Entry {
        let at = Duration::from_secs;
        Entry { deed, asked: at(asked), answered: answered.map(|(second, outcome)| (at(second), outcome)) }
    }

    fn story() -> Vec<Entry> {
        let (user, session) = ("ada".to_owned(), "s".to_owned());
        vec![
            entry(Deed::Login { user }, 1, Some((2, Outcome::Done(ticket("s", "t0"))))),
            entry(
                Deed::Refresh { session: session.clone(), shown: "t0".into() },
                3,
                Some((5, Outcome::Done(ticket("", "t1")))),
            ),
            entry(Deed::End { session }, 6, Some((8, Outcome::Done(Ticket::default())))),
        ]
    }

    fn family_at(second: u64) -> Option<Family> {
        let mut promise = Promise::default();
        promise.absorb(&story(), Duration::from_secs(second));
        promise.families.remove("s")
    }

    #[test]
    fn what_was_not_answered_by_then_is_in_doubt() {
        assert!(family_at(1).is_none(), "nobody was promised a login");
        let turning = family_at(4).unwrap();
        assert!(turning.turning && turning.refresh_tokens == ["t0"] && turning.fate == Fate::Live);
        let turned = family_at(5).unwrap();
        assert!(!turned.turning && turned.refresh_tokens == ["t0", "t1"]);
        assert_eq!(family_at(7).unwrap().fate, Fate::Open);
        assert_eq!(family_at(8).unwrap().fate, Fate::Ended);
    }

    #[test]
    fn a_change_of_the_password_in_doubt_leaves_two() {
        let change = Deed::ChangePassword { user: "ada".into(), session: "s".into(), password: "b".into() };
        let register = Deed::Register { user: "ada".into(), password: "a".into() };
        let mut promise = Promise::default();

        promise.absorb(
            &[entry(register, 1, Some((1, Outcome::Done(Ticket::default())))), entry(change, 2, None)],
            Duration::MAX,
        );

        assert_eq!(promise.people["ada"].passwords, ["a", "b"]);
        assert!(promise.people["ada"].former.is_empty());
    }
}
