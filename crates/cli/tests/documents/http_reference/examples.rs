//! One example for each call: a command that the test runs, and whose answer is on the page.

mod administration;
mod public;
mod services;

/// An example of a call.
#[derive(Debug)]
pub(super) struct Example {
    /// The method and the path, as in the OpenAPI document.
    pub(super) call: &'static str,
    /// Shell commands that run before and are not on the page. They set the variables that the command uses.
    pub(super) prepare: &'static str,
    /// The command on the page.
    pub(super) command: &'static str,
}

/// A group of calls, in the order of the page.
pub(super) struct Group {
    /// The heading.
    pub(super) title: &'static str,
    /// The tags of its calls in the OpenAPI document.
    pub(super) tags: &'static [&'static str],
    /// The sentence below the heading.
    pub(super) introduction: &'static str,
    /// The calls.
    pub(super) examples: &'static [Example],
}

/// All groups.
pub(super) const GROUPS: [Group; 5] = [
    Group {
        title: "Public",
        tags: &["public", "protected"],
        introduction: "For the clients of your application: pages, mobile applications and programs of a user.",
        examples: public::EXAMPLES,
    },
    Group {
        title: "Standards",
        tags: &["standards", "oauth", "feed"],
        introduction: "Documents in standard formats, which pages of all origins may read, and \
                       [introspection](introspection.md) and [the feed of revocations](feed.md) for services with a \
                       verifier key, as from `counterfoil verifier add orders`.",
        examples: services::STANDARDS,
    },
    Group {
        title: "Proxies",
        tags: &["proxies"],
        introduction: "For reverse proxies, which ask before each request whether it may pass: \
                       [forward-auth.md](forward-auth.md). Only from the addresses in `[forward_auth] proxies`. The examples of the \
                       login at another host need `[forward_auth] hosts = [\"app.example\"]`.",
        examples: services::PROXIES,
    },
    Group {
        title: "Administration",
        tags: &["administration"],
        introduction: "For administrators: users with the role `admin`, and programs with an admin key, as from \
                       `counterfoil admin-key add deploy`.",
        examples: administration::EXAMPLES,
    },
    Group {
        title: "Operations",
        tags: &["operations"],
        introduction: "For orchestrators and load balancers. Metrics are on a listener of their own: see \
                       [operate.md](operate.md).",
        examples: services::OPERATIONS,
    },
];

/// All examples, in the order in which they run.
pub(super) fn all() -> impl Iterator<Item = &'static Example> {
    GROUPS.iter().flat_map(|group| group.examples)
}

/// What runs before all examples.
pub(super) const PREPARE: &str = r#"
base=http://127.0.0.1:3000
json='Content-Type: application/json'
post() { curl -s -H "$json" "$@"; }
pick() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
login() { post "$base/v1/login" -d '{"username":"ada","password":"seven lamps for the lighthouse","mode":"'"$1"'"}'; }
first_id() { sed 's/^{"[a-z_]*":\[{"id":"\([^"]*\)".*/\1/'; }
admin() { path=$1; shift; post -H "Authorization: Bearer $admin_key" "$base/v1/admin/$path" "$@"; }
"#;
