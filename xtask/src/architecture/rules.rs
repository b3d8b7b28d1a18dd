//! The rules of the architecture, as data. If a file moves, change its path here.

use crate::architecture::layers::{Layered, ModuleLimit};
use crate::architecture::restriction::Refused::{Crate, Member, Name, Path, Text};
use crate::architecture::restriction::Restriction;

/// The modules of each layered crate, the lowest first.
pub(crate) const LAYERED: &[Layered] = &[
    Layered {
        folder: "crates/counterfoil/src",
        order: &[
            "runtime",
            "fs",
            "keys",
            "passwords",
            "settings",
            "clock",
            "limits",
            "counters",
            "store",
            "feed",
            "app",
            "operations",
            "http",
            "background",
            "admin",
            "pages",
            "routes",
            "server",
            "metrics",
            "embed",
        ],
    },
    Layered {
        folder: "crates/core/src",
        order: &["histogram", "value_fault", "client_error", "credentials", "model", "store", "services"],
    },
];

/// How many modules a `lib.rs` may declare.
pub(crate) const MODULE_LIMITS: &[ModuleLimit] =
    &[ModuleLimit { file: "crates/counterfoil/src/lib.rs", most: 21 }];

/// The names that some files must not use.
pub(crate) const RESTRICTIONS: &[Restriction] = &[
    Restriction {
        rule: "1: jose does not depend on sessions, stores or HTTP",
        within: &["crates/jose/src"],
        except: &[],
        refused: &[
            Crate("counterfoil_*"),
            Crate("http"),
            Crate("hyper*"),
            Crate("axum*"),
            Crate("tokio*"),
            Name("*Session*"),
            Name("*Store*"),
        ],
        existing: &[],
        planted: ("crates/jose/src/jws.rs", "use counterfoil_core::Session;"),
    },
    Restriction {
        rule: "2: the core does not depend on HTTP, SQL, the environment or a clock",
        within: &["crates/core/src"],
        except: &["crates/core/src/store/conformance"],
        refused: &[
            Crate("http"),
            Crate("axum*"),
            Crate("hyper*"),
            Crate("tower*"),
            Crate("rusqlite"),
            Crate("tokio*"),
            Crate("tokio_postgres"),
            Crate("counterfoil_postgres"),
            Crate("counterfoil_sqlite"),
            Path("std::env"),
            Path("std::fs"),
            Name("SystemTime"),
            Name("Instant"),
        ],
        existing: &[],
        planted: ("crates/core/src/services/revoker.rs", "use std::time::SystemTime;"),
    },
    Restriction {
        rule: "3: credentials depend neither on the model nor on the layers above it",
        within: &["crates/core/src/credentials"],
        except: &[],
        refused: &[Path("crate::model"), Path("crate::store"), Path("crate::services")],
        existing: &[],
        planted: ("crates/core/src/credentials/session_token.rs", "use crate::model::session::Session;"),
    },
    Restriction {
        rule: "4: the model depends neither on stores nor on services",
        within: &["crates/core/src/model"],
        except: &[],
        refused: &[Path("crate::store"), Path("crate::services")],
        existing: &[],
        planted: ("crates/core/src/model/user.rs", "let user = crate::store::Store::user(store, id);"),
    },
    Restriction {
        rule: "4: a store does not depend on services",
        within: &["crates/core/src/store"],
        except: &["crates/core/src/store/conformance"],
        refused: &[Path("crate::services")],
        existing: &[],
        planted: ("crates/core/src/store/session_cache/mod.rs", "use crate::services::keys::ActiveKeys;"),
    },
    Restriction {
        rule: "5: a store compares and writes, and decides nothing",
        within: &["crates/postgres/src", "crates/sqlite/src"],
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
        rule: "6: a store depends neither on another store nor on the server",
        within: &["crates/postgres/src"],
        except: &[],
        refused: &[
            Crate("counterfoil"),
            Crate("counterfoil_sqlite"),
            Crate("axum*"),
            Crate("hyper*"),
            Name("SystemTime"),
        ],
        existing: &[],
        planted: ("crates/postgres/src/schema.rs", "use counterfoil_sqlite::SqliteStore;"),
    },
    Restriction {
        rule: "6: a store depends neither on another store nor on the server",
        within: &["crates/sqlite/src"],
        except: &[],
        refused: &[
            Crate("counterfoil"),
            Crate("counterfoil_postgres"),
            Crate("axum*"),
            Crate("hyper*"),
            Name("SystemTime"),
        ],
        existing: &[],
        planted: ("crates/sqlite/src/open.rs", "use counterfoil::Settings;"),
    },
    Restriction {
        rule: "6: the verifier does not depend on a store, an issuer or a clock",
        within: &["crates/verify/src"],
        // A service that verifies the tokens of a remote issuer has no other clock.
        except: &["crates/verify/src/clock"],
        refused: &[
            Crate("counterfoil_core"),
            Crate("counterfoil_postgres"),
            Crate("counterfoil_sqlite"),
            Crate("rusqlite"),
            Crate("tokio_postgres"),
            Crate("argon2"),
            Name("SystemTime"),
            Name("Instant"),
        ],
        existing: &[],
        planted: ("crates/verify/src/principal.rs", "use std::time::Instant;"),
    },
    Restriction {
        rule: "7: only the composition root names a back end",
        within: &["crates/counterfoil/src"],
        except: &["crates/counterfoil/src/app/backend.rs"],
        refused: &[
            Crate("counterfoil_postgres"),
            Crate("counterfoil_sqlite"),
            Name("PostgresStore"),
            Name("SqliteStore"),
        ],
        existing: &["SqliteStore"],
        planted: ("crates/counterfoil/src/routes/login.rs", "use counterfoil_sqlite::SqliteStore;"),
    },
    Restriction {
        rule: "7: the command line names no back end",
        within: &["crates/cli/src"],
        except: &[],
        refused: &[
            Crate("counterfoil_postgres"),
            Crate("counterfoil_sqlite"),
            Crate("rusqlite"),
            Crate("tokio_postgres"),
            Name("PostgresStore"),
            Name("SqliteStore"),
        ],
        existing: &["SqliteStore"],
        planted: ("crates/cli/src/commands/backup.rs", "use rusqlite::Connection;"),
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
        except: &["crates/counterfoil/src/http/set_cookie.rs"],
        refused: &[Name("SET_COOKIE"), Text("set-cookie")],
        existing: &["SET_COOKIE"],
        planted: ("crates/counterfoil/src/routes/login.rs", "headers.insert(SET_COOKIE, value);"),
    },
    Restriction {
        rule: "9: one file chooses the status of an error",
        within: &["crates/counterfoil/src"],
        except: &[
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
        rule: "11: the routes and the admin socket meet in operations",
        within: &["crates/counterfoil/src/routes", "crates/counterfoil/src/operations"],
        except: &[],
        refused: &[Path("crate::admin")],
        existing: &["admin"],
        planted: ("crates/counterfoil/src/routes/admin/users.rs", "use crate::admin::AdminError;"),
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
    "crates/sqlite/src",
    "crates/verify/src",
];
