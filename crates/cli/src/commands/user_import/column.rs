//! The choice of a column of a CSV file for a member of a user: `username=login`.

use std::str::FromStr;

/// The members of a user that a column can fill.
pub(super) const MEMBERS: [&str; 9] = [
    "username",
    "external_id",
    "email",
    "email_verified",
    "password_hash",
    "password_change_required",
    "roles",
    "created_at",
    "disabled",
];

/// A member of a user, and the column that fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(super) member: &'static str,
    pub(super) name: String,
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (member, name) = text.split_once('=').ok_or("must be MEMBER=COLUMN, such as username=login")?;
        let known = MEMBERS.into_iter().find(|known| *known == member);
        let member = known.ok_or_else(|| format!("the member must be one of {}", MEMBERS.join(", ")))?;
        Ok(Self { member, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_member_and_a_name() {
        let column: Column = "password_hash=pw=hash".parse().unwrap();

        assert_eq!((column.member, column.name.as_str()), ("password_hash", "pw=hash"));
        assert!("username".parse::<Column>().is_err());
        assert!("password=pw".parse::<Column>().unwrap_err().contains("password_hash"));
    }
}
