//! LDAP: LDIF (RFC 2849), as `slapcat` and `ldapsearch -L` write it.

use std::io::{self, BufRead as _, Read as _};

use counterfoil_jose::base64url;
use serde_json::Value;

use crate::commands::user_import::exported_user::{ExportedUser, unix_seconds};
use crate::commands::user_import::format::document::User;
use crate::commands::user_import::input::InputReader;

/// The attributes of the members of an imported user.
pub(in crate::commands::user_import) const NAMES: &[(&str, &str)] = &[
    ("username", "uid"),
    ("email", "mail"),
    ("password_hash", "userPassword"),
    ("created_at", "createTimestamp"),
    ("external_id", "entryUUID"),
];

/// The most bytes of an entry. A photograph is an attribute.
const MAX_ENTRY_LENGTH: usize = 4 * 1024 * 1024;

/// The attributes of an entry, in their order. The names are in lower case, because they are compared without case.
pub(in crate::commands::user_import) type Entry = Vec<(String, String)>;

/// The lines of an entry, with those that continue them.
type Lines = Vec<Vec<u8>>;

/// The entries of a file, with the number of the line in which each starts.
pub(in crate::commands::user_import) struct Entries {
    reader: InputReader,
    line: u64,
}

impl Entries {
    /// The entries that `reader` reads.
    pub(in crate::commands::user_import) fn new(reader: InputReader) -> Self {
        Self { reader, line: 0 }
    }

    /// The lines of the next entry, without comments; a line that starts with a space continues the one before it.
    fn read_lines(&mut self) -> io::Result<Option<(u64, Result<Lines, String>)>> {
        let (mut lines, mut start, mut length) = (Vec::<Vec<u8>>::new(), 0, 0);
        loop {
            let mut line = Vec::new();
            self.reader.by_ref().take(MAX_ENTRY_LENGTH as u64 + 1).read_until(b'\n', &mut line)?;
            let is_end = line.is_empty();
            self.line += u64::from(!is_end);
            length += line.len();
            if length > MAX_ENTRY_LENGTH {
                self.reader.skip_until(b'\n')?;
                return Ok(Some((start.max(1), Err(format!("must have at most {MAX_ENTRY_LENGTH} bytes")))));
            }
            let text = without_newline(&line);
            match (text.first(), lines.last_mut()) {
                (None, None) if is_end => return Ok(None),
                (None, None) => {}
                (None, Some(_)) => return Ok(Some((start, Ok(lines)))),
                (Some(b' '), Some(last)) => last.extend_from_slice(&text[1..]),
                (Some(_), last) => {
                    if last.is_none() {
                        start = self.line;
                    }
                    lines.push(text.to_vec());
                }
            }
        }
    }
}

impl Iterator for Entries {
    type Item = io::Result<(u64, Result<Entry, String>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let lines = self.read_lines().transpose()?;
        Some(lines.map(|(number, lines)| (number, lines.and_then(|lines| attributes(&lines)))))
    }
}

fn without_newline(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Parses `name: text`, and `name:: text` in base64. Values that are not UTF-8, such as photographs, are left out.
fn attributes(lines: &[Vec<u8>]) -> Result<Entry, String> {
    let mut entry = Entry::new();
    for line in lines.iter().filter(|line| !line.starts_with(b"#")) {
        let line = str::from_utf8(line).map_err(|_| "must be UTF-8, or base64 after `::`".to_owned())?;
        let (name, value) = line.split_once(':').ok_or("must be lines of the form `attribute: value`")?;
        let name = name.to_ascii_lowercase();
        match value.strip_prefix(':') {
            None => entry.push((name, value.trim_start_matches(' ').to_owned())),
            Some(encoded) => {
                let bytes = decode_base64(encoded.trim_matches(' '))
                    .ok_or_else(|| format!("{name}: must be base64"))?;
                entry.extend(String::from_utf8(bytes).ok().map(|text| (name, text)));
            }
        }
    }
    Ok(entry)
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    base64url::decode(text).ok()
}

/// The user of an entry; `None` for an entry without a `uid` or a password, such as a group.
pub(in crate::commands::user_import) fn user(entry: &Entry) -> User {
    let values = |name: &'static str| {
        entry.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    let first = |name| values(name).next().map(str::to_owned);
    let uid = first("uid").or_else(|| first("samaccountname"));
    let mail = first("mail");
    if uid.is_none() && (mail.is_none() || first("userpassword").is_none()) {
        return Ok(None);
    }
    let created = first("createtimestamp").map(|text| generalized_time(&text)).transpose()?.flatten();
    let is_locked = first("pwdaccountlockedtime").is_some_and(|time| time == FOR_EVER)
        || first("nsaccountlock").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    // `pwdReset` (draft-behera-ldap-password-policy, section 5.3.6); a day of 0 in the shadow map (RFC 2307, section 3).
    let was_reset = first("pwdreset").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || first("shadowlastchange").is_some_and(|days| days == "0");
    Ok(Some(ExportedUser {
        id: first("entryuuid").map(Value::String),
        username: uid,
        email: mail,
        password_hash: values("userpassword").next().map(password_hash),
        password_change_required: was_reset,
        created_at: created,
        disabled: is_locked,
        ..ExportedUser::default()
    }))
}

/// The time of a lock that only an administrator removes (draft-behera-ldap-password-policy, section 5.3.3).
const FOR_EVER: &str = "000001010000Z";

/// The hash in one of our forms. `{CRYPT}` and `{ARGON2}` precede a hash of crypt(3); OpenLDAP writes PBKDF2 as passlib does.
fn password_hash(value: &str) -> String {
    let Some((scheme, rest)) = value.strip_prefix('{').and_then(|value| value.split_once('}')) else {
        return value.to_owned();
    };
    match scheme.to_ascii_uppercase().as_str() {
        "CRYPT" | "ARGON2" | "BCRYPT" => rest.to_owned(),
        "PBKDF2" | "PBKDF2-SHA1" => format!("$pbkdf2-sha1${rest}"),
        "PBKDF2-SHA256" => format!("$pbkdf2-sha256${rest}"),
        "PBKDF2-SHA512" => format!("$pbkdf2-sha512${rest}"),
        _ => value.to_owned(),
    }
}

/// Parses `20240501120000Z` (RFC 4517, section 3.3.13).
fn generalized_time(text: &str) -> Result<Option<u64>, String> {
    let error = || "createTimestamp: must be a time such as 20240501120000Z".to_owned();
    let digits = text.get(..14).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let digits = digits.filter(|_| text.ends_with('Z')).ok_or_else(error)?;
    let part = |range: std::ops::Range<usize>| &digits[range];
    let (year, month, day) = (part(0..4), part(4..6), part(6..8));
    let (hour, minute, second) = (part(8..10), part(10..12), part(12..14));
    unix_seconds(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn entries(text: &str) -> Vec<(u64, Result<Entry, String>)> {
        Entries::new(Box::new(Cursor::new(text.as_bytes().to_vec()))).map(Result::unwrap).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn entries_are_folded_lines_between_empty_lines() {
        let text = "version: 1\n\n# a comment\n  that continues\ndn: uid=ada\nuid: a\n da\ncn:: w7w=\n\n\nmail: x\r\n";

        let entries = entries(text);

        assert_eq!(
            entries,
            [
                (1, Ok(vec![pair("version", "1")])),
                (3, Ok(vec![pair("dn", "uid=ada"), pair("uid", "ada"), pair("cn", "\u{fc}")])),
                (11, Ok(vec![pair("mail", "x")])),
            ]
        );
    }

    #[test]
    fn an_invalid_entry_is_an_error_of_its_own() {
        let entries = entries("uid\n\nuid:: %\n\nuid: ada\n");

        assert_eq!(
            entries.iter().map(|(line, entry)| (*line, entry.is_ok())).collect::<Vec<_>>(),
            [(1, false), (3, false), (5, true)]
        );
    }

    #[test]
    fn entries_that_are_no_users_are_left_out() {
        assert!(user(&vec![pair("ou", "people")]).unwrap().is_none());
        assert!(user(&vec![pair("mail", "list@example.com")]).unwrap().is_none());
        let locked = vec![pair("uid", "ada"), pair("pwdaccountlockedtime", FOR_EVER)];
        assert!(user(&locked).unwrap().unwrap().disabled);
    }

    #[test]
    fn a_password_that_an_administrator_has_reset_is_one_to_change() {
        let is_to_change = |name, value| {
            let entry = vec![pair("uid", "ada"), pair("userpassword", "{SSHA}abc"), pair(name, value)];
            user(&entry).unwrap().unwrap().password_change_required
        };

        assert!(is_to_change("pwdreset", "TRUE"));
        assert!(is_to_change("shadowlastchange", "0"));
        assert!(!is_to_change("pwdreset", "FALSE"));
        assert!(!is_to_change("shadowlastchange", "19844"));
        assert!(!is_to_change("pwdchangedtime", "20240501120000Z"));
    }

    #[test]
    fn hashes_of_openldap_modules_become_our_forms() {
        for (value, hash) in [
            ("{SSHA}abc", "{SSHA}abc"),
            ("{CRYPT}$2b$06$abc", "$2b$06$abc"),
            ("{ARGON2}$argon2id$v=19$abc", "$argon2id$v=19$abc"),
            ("{PBKDF2-SHA256}10000$salt$hash", "$pbkdf2-sha256$10000$salt$hash"),
            ("{PBKDF2}10000$salt$hash", "$pbkdf2-sha1$10000$salt$hash"),
        ] {
            assert_eq!(password_hash(value), hash);
        }
    }

    #[test]
    fn the_time_is_generalized_time() {
        assert_eq!(generalized_time("20240501120000Z"), Ok(Some(1_714_564_800)));
        assert_eq!(generalized_time("20240501120000.5Z"), Ok(Some(1_714_564_800)));
        assert!(generalized_time("2024-05-01").is_err());
    }
}
