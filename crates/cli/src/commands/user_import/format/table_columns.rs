//! The tables of users of other systems: which columns are imported as which member.

use jiff::Timestamp;
use serde_json::Value;

use crate::commands::user_import::column::{Column, MEMBERS};
use crate::commands::user_import::exported_user::{ExportedUser, unix_seconds};
use crate::commands::user_import::format::csv::Row;

/// How a table of users is read.
pub(in crate::commands::user_import) struct TableColumns {
    /// The columns without which the file is not this table.
    pub(in crate::commands::user_import) required: &'static [&'static str],
    /// The columns of the members, for the messages of errors.
    pub(in crate::commands::user_import) names: &'static [(&'static str, &'static str)],
    /// The user of a row; `None` if the row is no account of a person.
    pub(in crate::commands::user_import) user: fn(&Row<'_>) -> Result<Option<ExportedUser>, String>,
}

/// `AspNetUsers` of ASP.NET Core Identity.
pub(in crate::commands::user_import) const ASPNET: TableColumns = TableColumns {
    required: &["Id", "UserName", "Email", "EmailConfirmed", "PasswordHash"],
    names: &[
        ("username", "UserName"),
        ("email", "Email"),
        ("password_hash", "PasswordHash"),
        ("external_id", "Id"),
    ],
    user: |row| {
        Ok(Some(ExportedUser {
            id: text_id(row, "Id"),
            username: row.not_empty("UserName"),
            email: row.not_empty("Email"),
            email_verified: row.is_true("EmailConfirmed")?,
            password_hash: row.not_empty("PasswordHash"),
            disabled: is_locked(row, "LockoutEnd")?,
            ..ExportedUser::default()
        }))
    },
};

/// `user` joined with the passwords in `account`, of Better Auth.
pub(in crate::commands::user_import) const BETTER_AUTH: TableColumns = TableColumns {
    required: &["id", "email", "emailVerified", "password"],
    names: &[
        ("username", "username"),
        ("email", "email"),
        ("password_hash", "password"),
        ("external_id", "id"),
    ],
    user: |row| {
        Ok(Some(ExportedUser {
            id: text_id(row, "id"),
            username: row.not_empty("username"),
            email: row.not_empty("email"),
            email_verified: row.is_true("emailVerified")?,
            password_hash: row.not_empty("password"),
            created_at: time(row, "createdAt")?,
            disabled: row.is_true("banned")?,
            ..ExportedUser::default()
        }))
    },
};

/// `users` of Devise (Ruby on Rails).
pub(in crate::commands::user_import) const DEVISE: TableColumns = TableColumns {
    required: &["id", "email", "encrypted_password"],
    names: &[
        ("username", "username"),
        ("email", "email"),
        ("password_hash", "encrypted_password"),
        ("created_at", "created_at"),
        ("external_id", "id"),
    ],
    user: |row| {
        Ok(Some(ExportedUser {
            id: id(row, "id"),
            username: row.not_empty("username"),
            email: row.not_empty("email"),
            email_verified: time(row, "confirmed_at")?.is_some(),
            password_hash: row.not_empty("encrypted_password"),
            created_at: time(row, "created_at")?,
            ..ExportedUser::default()
        }))
    },
};

/// `users` of Laravel.
pub(in crate::commands::user_import) const LARAVEL: TableColumns = TableColumns {
    required: &["id", "email", "password"],
    names: &[
        ("username", "username"),
        ("email", "email"),
        ("password_hash", "password"),
        ("created_at", "created_at"),
        ("external_id", "id"),
    ],
    user: |row| {
        Ok(Some(ExportedUser {
            id: id(row, "id"),
            username: row.not_empty("username"),
            email: row.not_empty("email"),
            email_verified: time(row, "email_verified_at")?.is_some(),
            password_hash: row.not_empty("password"),
            created_at: time(row, "created_at")?,
            ..ExportedUser::default()
        }))
    },
};

/// `phpbb_users`. The robots of search engines and the guest have rows of the type 2; inactive users have 1.
pub(in crate::commands::user_import) const PHPBB: TableColumns = TableColumns {
    required: &["user_id", "user_type", "username", "user_password", "user_email"],
    names: &[
        ("username", "username"),
        ("email", "user_email"),
        ("password_hash", "user_password"),
        ("created_at", "user_regdate"),
        ("external_id", "user_id"),
    ],
    user: |row| {
        if row.text("user_type") == "2" {
            return Ok(None);
        }
        Ok(Some(ExportedUser {
            id: id(row, "user_id"),
            username: row.not_empty("username").map(|name| unescape_html(&name)),
            email: row.not_empty("user_email"),
            // phpBB hashes what it reads from a form, which the hash does not show.
            password_hash: row.not_empty("user_password").map(|hash| format!("phpbb:{hash}")),
            created_at: time(row, "user_regdate")?,
            disabled: row.text("user_type") == "1",
            ..ExportedUser::default()
        }))
    },
};

/// `auth.users` of Supabase.
pub(in crate::commands::user_import) const SUPABASE: TableColumns = TableColumns {
    required: &["id", "email", "encrypted_password", "email_confirmed_at"],
    names: &[
        ("email", "email"),
        ("password_hash", "encrypted_password"),
        ("created_at", "created_at"),
        ("external_id", "id"),
    ],
    user: |row| {
        if row.is_true("is_anonymous")? || time(row, "deleted_at")?.is_some() {
            return Ok(None);
        }
        Ok(Some(ExportedUser {
            id: text_id(row, "id"),
            email: row.not_empty("email"),
            email_verified: time(row, "email_confirmed_at")?.is_some(),
            password_hash: row.not_empty("encrypted_password"),
            created_at: time(row, "created_at")?,
            disabled: is_locked(row, "banned_until")?,
            ..ExportedUser::default()
        }))
    },
};

/// `wp_users` of WordPress.
pub(in crate::commands::user_import) const WORDPRESS: TableColumns = TableColumns {
    required: &["ID", "user_login", "user_pass", "user_email"],
    names: &[
        ("username", "user_login"),
        ("email", "user_email"),
        ("password_hash", "user_pass"),
        ("created_at", "user_registered"),
        ("external_id", "ID"),
    ],
    user: |row| {
        Ok(Some(ExportedUser {
            id: id(row, "ID"),
            username: row.not_empty("user_login"),
            email: row.not_empty("user_email"),
            password_hash: row.not_empty("user_pass"),
            created_at: time(row, "user_registered")?,
            disabled: row.is_true("spam")? || row.is_true("deleted")?,
            ..ExportedUser::default()
        }))
    },
};

/// The column of each member: the chosen one, or that with the name of the member.
pub(in crate::commands::user_import) fn chosen(columns: &[Column]) -> [(&'static str, &str); MEMBERS.len()] {
    let chosen = |member| columns.iter().rev().find(|column| column.member == member);
    MEMBERS.map(|member| (member, chosen(member).map_or(member, |column| column.name.as_str())))
}

/// The user of a row of a table whose columns are chosen in the command.
pub(in crate::commands::user_import) fn user_of_columns(
    row: &Row<'_>,
    columns: &[Column],
) -> Result<ExportedUser, String> {
    let [
        username,
        external_id,
        email,
        email_verified,
        password_hash,
        password_change_required,
        roles,
        created_at,
        disabled,
    ] = chosen(columns).map(|(_, column)| column);
    Ok(ExportedUser {
        id: id(row, external_id),
        username: row.not_empty(username),
        email: row.not_empty(email),
        email_verified: row.is_true(email_verified)?,
        password_hash: row.not_empty(password_hash),
        password_change_required: row.is_true(password_change_required)?,
        roles: row.text(roles).split([' ', ',']).filter(|role| !role.is_empty()).map(str::to_owned).collect(),
        created_at: time(row, created_at)?,
        disabled: row.is_true(disabled)?,
    })
}

/// An id that is an integer in the database, or a text.
fn id(row: &Row<'_>, column: &str) -> Option<Value> {
    let text = row.not_empty(column)?;
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    Some(number.map_or(Value::String(text), Value::from))
}

/// An id that is a text in the database, also if it consists of digits.
fn text_id(row: &Row<'_>, column: &str) -> Option<Value> {
    row.not_empty(column).map(Value::String)
}

fn time(row: &Row<'_>, column: &str) -> Result<Option<u64>, String> {
    unix_seconds(row.text(column)).map_err(|error| format!("{column}: {error}"))
}

/// Whether a user is locked out for more than a day. A shorter lock-out comes from wrong passwords.
fn is_locked(row: &Row<'_>, column: &str) -> Result<bool, String> {
    const DAY: u64 = 24 * 60 * 60;
    if row.text(column) == "infinity" {
        return Ok(true);
    }
    let now = Timestamp::now().as_second().unsigned_abs();
    Ok(time(row, column)?.is_some_and(|end| end > now + DAY))
}

/// phpBB stores names as they are written in HTML.
fn unescape_html(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
