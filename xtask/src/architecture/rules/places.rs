//! What only some places may do.

use crate::architecture::restriction::Refused::{Member, Name, Path, Text};
use crate::architecture::restriction::Restriction;

pub(super) const RESTRICTIONS: &[Restriction] = &[
    Restriction {
        rule: "5: a store compares and writes, and decides nothing",
        within: &["crates/postgres/src", "crates/redis/src", "crates/sqlite/src"],
        except: &[],
        refused: &[
            Path("counterfoil_core::services"),
            Member("rotate"),
            Member("is_live"),
            Member("is_active"),
            Member("check_active"),
            Member("touch"),
        ],
        existing: &["services", "rotate"],
        planted: ("crates/sqlite/src/sessions.rs", "if session.is_active(now) {}"),
    },
    Restriction {
        rule: "8: only verification creates a principal",
        within: &["crates"],
        except: &[
            "crates/verify/src",
            "crates/core/src/services/authenticator.rs",
            "crates/core/tests/engine/session_cache.rs",
            "crates/verify/tests/testing.rs",
            // Exports them for tests.
            "crates/counterfoil/src/embed/testing.rs",
        ],
        refused: &[
            Path("Principal::from_verified"),
            Name("PrincipalParts"),
            Name("PrincipalBuilder"),
            Name("authenticate_request"),
            Name("FixedAuthenticator"),
        ],
        existing: &[
            "from_verified",
            "PrincipalParts",
            "PrincipalBuilder",
            "authenticate_request",
            "FixedAuthenticator",
        ],
        planted: ("crates/counterfoil/src/routes/me.rs", "let principal = Principal::from_verified(parts);"),
    },
    Restriction {
        rule: "8: only the session cache changes when a principal ends",
        within: &["crates"],
        except: &["crates/verify/src", "crates/core/src/store/session_cache/live_session.rs"],
        refused: &[Member("with_expires_at")],
        existing: &["with_expires_at"],
        planted: ("crates/counterfoil/src/routes/me.rs", "principal.with_expires_at(time);"),
    },
    Restriction {
        rule: "9: one file writes cookies",
        within: SOURCES,
        except: &[
            "crates/counterfoil/src/http/set_cookie/line.rs",
            // The doctor reads what a proxy has left of them.
            "crates/counterfoil/src/operations/doctor/browser.rs",
            "crates/cli/src/commands/doctor/examination.rs",
        ],
        refused: &[Name("SET_COOKIE"), Text("set-cookie")],
        existing: &["SET_COOKIE"],
        planted: ("crates/counterfoil/src/routes/login.rs", "headers.insert(SET_COOKIE, value);"),
    },
    Restriction {
        rule: "9: one file chooses the status of an error",
        within: &["crates/counterfoil/src"],
        except: &[
            "crates/counterfoil/src/http/error/document.rs",
            // The readiness check answers with plain JSON.
            "crates/counterfoil/src/http/error.rs",
            // The table of its problems.
            "crates/counterfoil/src/http/problem_types.rs",
        ],
        refused: &[
            Path("Problem::new"),
            Name("BAD_REQUEST"),
            Name("UNAUTHORIZED"),
            Name("FORBIDDEN"),
            Name("NOT_FOUND"),
            Name("CONFLICT"),
            Name("UNPROCESSABLE*"),
            Name("TOO_MANY*"),
            Name("INTERNAL_SERVER*"),
            Name("SERVICE_UNAVAILABLE"),
        ],
        existing: &["Problem"],
        planted: ("crates/counterfoil/src/routes/login.rs", "return StatusCode::CONFLICT.into_response();"),
    },
    Restriction {
        rule: "10: only a clock reads the system time",
        within: SOURCES,
        except: &[
            "crates/counterfoil/src/clock/source.rs",
            "crates/verify/src/clock",
            // It prints how long ago something was, and decides nothing.
            "crates/cli/src/datetime.rs",
        ],
        refused: &[Name("SystemTime"), Name("clock_gettime")],
        existing: &["SystemTime", "clock_gettime"],
        planted: ("crates/counterfoil/src/background.rs", "let now = std::time::SystemTime::now();"),
    },
    Restriction {
        rule: "10: a handler reads a clock only through the app",
        within: &["crates/counterfoil/src/routes"],
        except: &[],
        refused: &[Name("Instant"), Name("clock"), Member("clock"), Member("elapsed")],
        existing: &["clock"],
        planted: ("crates/counterfoil/src/routes/login.rs", "let now = app.clock.now();"),
    },
    Restriction {
        rule: "11: only operations call the services that change something, and commit",
        within: &[
            "crates/counterfoil/src/admin",
            "crates/counterfoil/src/embed",
            "crates/counterfoil/src/http",
            "crates/counterfoil/src/pages",
            "crates/counterfoil/src/routes",
        ],
        except: &[],
        refused: &[
            Member("accounts"),
            Member("administration"),
            Member("revoker"),
            Member("commit"),
            // Of `Issuer`: a setting has the same name as the service.
            Member("exchange"),
            Member("issue_access_token"),
            Member("issue_session"),
            Member("issue_token_pair"),
            Member("mint"),
            Member("refresh_within"),
            // Of `Keyring`, whose published keys and schedule are only read.
            Member("import"),
            Member("reseal"),
            Member("rotate"),
            Member("rotate_refresh_token_key"),
            Path("services::session_data"),
            Path("checkpoint::accept"),
        ],
        existing: &[
            "accounts",
            "administration",
            "revoker",
            "commit",
            "exchange",
            "issue_access_token",
            "issue_session",
            "issue_token_pair",
            "mint",
            "refresh_within",
            "import",
            "reseal",
            "rotate",
            "rotate_refresh_token_key",
            "session_data",
            "checkpoint",
        ],
        planted: ("crates/counterfoil/src/routes/token.rs", "app.parts.issuer.exchange(session);"),
    },
];

/// The code of every crate, without its tests.
const SOURCES: &[&str] = &[
    "crates/cli/src",
    "crates/core/src",
    "crates/counterfoil/src",
    "crates/files/src",
    "crates/jose/src",
    "crates/postgres/src",
    "crates/redis/src",
    "crates/sqlite/src",
    "crates/verify/src",
];
