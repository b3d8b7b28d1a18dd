//! What `dev` prints: a tour of the three modes, as lines for a POSIX shell.

use std::path::Path;

/// The demo user. Its password is no secret, which is why `dev` serves loopback only.
pub(crate) const USERNAME: &str = "demo";
/// The demo user's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The tour for a server at `base` whose throw-away data lie in `dir`. It is a shell script as a whole; what
/// is to be read stands in comments.
pub(crate) fn text(base: &str, dir: &Path) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let dir = dir.display();
    format!(
        r##"# Counterfoil {version}, for trying out: plain HTTP on loopback, a store that is thrown away.
#   issuer  {base}
#   login   {USERNAME} / {PASSWORD}
#   data    {dir} (removed at the end; Ctrl-C ends it)
# Paste what follows into another terminal, line by line or as a whole.

base='{base}'
jar='{dir}/cookies'
json='Content-Type: application/json'
demo='"username":"{USERNAME}","password":"{PASSWORD}"'
pick() {{ sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }}

# 1. A session: the client keeps a cookie, the server keeps the rest.
curl -s -c "$jar" -H "$json" -d "{{$demo,\"carrier\":\"cookie\"}}" "$base/v1/login"; echo
curl -s -b "$jar" "$base/v1/me"; echo

# 2. A JWT: the client keeps a signed token that is verified without looking anything up.
jwt=$(curl -s -H "$json" -d "{{$demo,\"mode\":\"jwt\"}}" "$base/v1/login" | pick access_token)
curl -s -H "Authorization: Bearer $jwt" "$base/v1/me"; echo

# 3. The hybrid: a JWT of a few minutes, and a refresh token that is good for the next pair.
pair=$(curl -s -H "$json" -d "{{$demo,\"mode\":\"hybrid\"}}" "$base/v1/login")
access=$(printf '%s' "$pair" | pick access_token)
refresh=$(printf '%s' "$pair" | pick refresh_token)
curl -s -H "Authorization: Bearer $access" "$base/v1/me"; echo
curl -s -H "$json" -d "{{\"refresh_token\":\"$refresh\"}}" "$base/v1/refresh"; echo

# One list for all three.
curl -s -H "Authorization: Bearer $jwt" "$base/v1/sessions"; echo

# The JWT's login is ended from the hybrid's, and its token is dead at once.
sid=$(curl -s -H "Authorization: Bearer $jwt" "$base/v1/me" | sed -n 's/.*"session":{{"id":"\([^"]*\)".*/\1/p')
curl -s -X DELETE -H "Authorization: Bearer $access" -w '%{{http_code}}\n' "$base/v1/sessions/$sid"
curl -s -H "Authorization: Bearer $jwt" "$base/v1/me"; echo

# That is all. Ctrl-C in the first terminal ends it."##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_real_one_everywhere() {
        let text = text("http://127.0.0.1:41234", Path::new("/tmp/x"));

        assert!(text.contains("base='http://127.0.0.1:41234'\n"));
        assert!(!text.contains(":3000"));
    }
}
