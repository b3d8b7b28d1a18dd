//! The script that `counterfoil dev` prints: it shows the three modes with curl, in a POSIX shell.

use std::path::Path;

/// The demo user. Its password is public, which is why `dev` listens only on loopback.
pub(crate) const USERNAME: &str = "demo";
/// The password of the demo user.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The script for a server at `base` with the temporary directory `dir`. The whole text is a shell script; explanations
/// are comments.
pub(crate) fn text(base: &str, dir: &Path) -> String {
    [setup(base, dir).as_str(), logins(), sessions()].join("\n")
}

fn setup(base: &str, dir: &Path) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let dir = dir.display();
    format!(
        r##"# Counterfoil {version}, for development: plain HTTP on loopback, temporary store.
#   issuer  {base}
#   login   {USERNAME} / {PASSWORD}
#   data    {dir} (removed at the end; Ctrl-C stops the server)
# Paste the following lines into another terminal, one by one or all at once.

base='{base}'
jar='{dir}/cookies'
json='Content-Type: application/json'
demo='"username":"{USERNAME}","password":"{PASSWORD}"'
pick() {{ sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }}
"##
    )
}

fn logins() -> &'static str {
    r##"# 1. Session: the client keeps an opaque token in a cookie, the server keeps the session.
curl -s -c "$jar" -H "$json" -d "{$demo,\"transport\":\"cookie\"}" "$base/v1/login"; echo
curl -s -b "$jar" "$base/v1/me"; echo

# 2. JWT: the client keeps a signed token, which any service can verify with the public key.
jwt=$(curl -s -H "$json" -d "{$demo,\"mode\":\"jwt\"}" "$base/v1/login" | pick access_token)
curl -s -H "Authorization: Bearer $jwt" "$base/v1/me"; echo

# 3. Hybrid: a short-lived JWT, and a refresh token that gets the next pair.
pair=$(curl -s -H "$json" -d "{$demo,\"mode\":\"hybrid\"}" "$base/v1/login")
access=$(printf '%s' "$pair" | pick access_token)
refresh=$(printf '%s' "$pair" | pick refresh_token)
curl -s -H "Authorization: Bearer $access" "$base/v1/me"; echo
curl -s -H "$json" -d "{\"refresh_token\":\"$refresh\"}" "$base/v1/refresh"; echo
"##
}

fn sessions() -> &'static str {
    r##"# One list shows the sessions of all three modes.
curl -s -H "Authorization: Bearer $jwt" "$base/v1/sessions"; echo

# End the session of the JWT: its token is rejected at once.
sid=$(curl -s -H "Authorization: Bearer $jwt" "$base/v1/me" | sed -n 's/.*"session":{"id":"\([^"]*\)".*/\1/p')
curl -s -X DELETE -H "Authorization: Bearer $access" -w '%{http_code}\n' "$base/v1/sessions/$sid"
curl -s -H "Authorization: Bearer $jwt" "$base/v1/me"; echo

# End of the script. Ctrl-C in the first terminal stops the server."##
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_uses_the_address_of_the_server() {
        let text = text("http://127.0.0.1:41234", Path::new("/tmp/x"));

        assert!(text.contains("base='http://127.0.0.1:41234'\n"));
        assert!(!text.contains(":3000"));
    }
}
