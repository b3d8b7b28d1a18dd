//! What `counterfoil dev` prints when it is ready: the address alone, then commands to try in a POSIX shell.

use crate::commands::demo_user::{ADMINISTRATOR, PASSWORD, USERNAME};
use crate::commands::dev::data_directory::DataDirectory;
use crate::commands::dev::lifetimes;
use crate::configuration::development::Pace;
use crate::escape::escape_controls;

/// The text for a server at `base`. Its commands are the lines that begin with two spaces; they can be copied one by one.
pub(super) fn text(base: &str, pace: Pace, directory: &DataDirectory) -> String {
    let path = escape_controls(&directory.path().to_string_lossy());
    let end = if directory.is_kept() { "kept for the next run" } else { "removed at the end" };
    let lifetimes = match pace {
        Pace::Normal => String::new(),
        Pace::Fast => format!("{}\n", lifetimes::description(pace)),
    };
    let access = if pace == Pace::Fast { "30 seconds" } else { "15 minutes" };
    format!(
        r#"{base}

Sign in  {base}/login    Account  {base}/account
Console  {base}/admin    Lab      {base}/lab
The users are {USERNAME}, and {ADMINISTRATOR} for the console. Their password is "{PASSWORD}".
Open a page, or copy these commands into another terminal. Explained: counterfoil demo
  url={base} jar=$(mktemp)
  demo='"username":"{USERNAME}","password":"{PASSWORD}"'
  call() {{ curl -sw '\n' -H 'Content-Type: application/json' -H "Origin: $url" "$@"; }}
Session: the client gets a cookie, the server stores the session. Log in; then ask who you are:
  call -c $jar $url/v1/login -d "{{$demo,\"transport\":\"cookie\"}}"
  call -b $jar $url/v1/me
JWT: the client gets a signed token. Other services verify it with the public keys alone:
  call $url/v1/login -d "{{$demo,\"mode\":\"jwt\"}}"
  call $url/.well-known/jwks.json
Hybrid: the client gets a JWT for {access}, and a refresh token for the next one:
  call $url/v1/login -d "{{$demo,\"mode\":\"hybrid\"}}"
List all logins. Log out; then the cookie is refused, and the answer says why:
  call -b $jar $url/v1/sessions
  call -b $jar -X POST -w '%{{http_code}}\n' $url/v1/logout
  call -b $jar $url/v1/me
{lifetimes}Data: {path} ({end}). Ctrl-C stops the server."#
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_text_begins_with_the_address_and_fits_a_terminal() {
        for pace in [Pace::Normal, Pace::Fast] {
            let directory = DataDirectory::Kept(PathBuf::from("/tmp/counterfoil-dev-123456"));
            let text = text("http://127.0.0.1:65535", pace, &directory);

            assert!(text.starts_with("http://127.0.0.1:65535\n\n"));
            assert!(text.lines().count() < 24, "{} lines", text.lines().count());
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{line}");
            }
        }
    }
}
