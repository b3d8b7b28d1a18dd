//! The policy of an installation for new usernames. Stored names are never checked again: every user can log in.

use crate::model::user::{User, Username, UsernameError};
use crate::model::username::ScriptRestriction;
use crate::store::{Expectation, LoginName, Store, StoreError};

/// Which new usernames an installation accepts, among those that are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct UsernamePolicy {
    /// The scripts that a name may use.
    pub scripts: ScriptRestriction,
    /// What happens to a name that looks like the name of another user.
    pub look_alikes: LookAlikes,
}

/// What happens to a new username that looks like the name of another user (UTS 39, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LookAlikes {
    /// It is refused, as a taken name is.
    #[default]
    Refuse,
    /// It is accepted. An attacker can then imitate another user, for example `alice` with `aIice`.
    Allow,
}

impl UsernamePolicy {
    /// The policy with these changes.
    ///
    /// ```
    /// use counterfoil_core::services::username_policy::{LookAlikes, UsernamePolicy};
    ///
    /// let policy = UsernamePolicy::default().with(|policy| policy.look_alikes = LookAlikes::Allow);
    /// assert_eq!(policy.look_alikes, LookAlikes::Allow);
    /// ```
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The name in `text`, if it is valid and uses only allowed scripts.
    ///
    /// # Errors
    ///
    /// [`UsernameError`] for the first rule that it breaks.
    pub fn parse(&self, text: &str) -> Result<Username, UsernameError> {
        let name: Username = text.parse()?;
        self.scripts.check(&name)?;
        Ok(name)
    }

    /// A user with this name, or with one that looks like it.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn find_holder(&self, store: &dyn Store, name: &Username) -> Result<Option<User>, StoreError> {
        let holder = store.user_by_login(&LoginName::Username(name.folded().to_owned())).await?;
        match (holder, self.look_alikes) {
            (None, LookAlikes::Refuse) => store.user_by_skeletons(&name.skeletons()).await,
            (holder, LookAlikes::Refuse | LookAlikes::Allow) => Ok(holder),
        }
    }

    /// What the commit that inserts a user with this name must expect: of two concurrent registrations of names that look
    /// alike only one succeeds.
    pub fn expectation(&self, name: &Username) -> Option<Expectation> {
        match self.look_alikes {
            LookAlikes::Refuse => Some(Expectation::NoLookAlike(name.skeletons())),
            LookAlikes::Allow => None,
        }
    }
}
