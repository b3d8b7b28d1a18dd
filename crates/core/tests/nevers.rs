//! The nevers of the house: which room must not know which, read off the lines of every crate.
//!
//! The manifests keep the crates apart; this keeps the rooms within them apart, and the few things that have
//! one place only. Comments and tests are not read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};

/// In files below `within`, but not in `except`, none of `words` stands.
struct Never {
    /// What architecture.md says.
    says: &'static str,
    within: &'static str,
    except: &'static [&'static str],
    words: &'static [&'static str],
}

const NEVERS: &[Never] = &[
    Never {
        says: "1: the ground knows no session, store or HTTP",
        within: "crates/jose/src",
        except: &[],
        words: &["counterfoil_", "Session", "Store", "http::", "hyper", "axum", "tokio"],
    },
    Never {
        says: "2: the core knows no HTTP, SQL, environment or clock",
        within: "crates/core/src",
        except: &["store/conformance"],
        words: &[
            "http::",
            "axum",
            "hyper",
            "tower",
            "rusqlite",
            "tokio",
            "counterfoil_sqlite",
            "std::env",
            "std::fs",
            "SystemTime",
            "Instant",
        ],
    },
    Never {
        says: "3: the client's half never knows ours, nor what is above",
        within: "crates/core/src/issued",
        except: &[],
        words: &["crate::kept", "crate::store", "crate::policy"],
    },
    Never {
        says: "4: a record never knows a store, nor who decides",
        within: "crates/core/src/kept",
        except: &[],
        words: &["crate::store", "crate::policy"],
    },
    Never {
        says: "4: a store knows nobody who decides",
        within: "crates/core/src/store",
        except: &["store/conformance"],
        words: &["crate::policy"],
    },
    Never {
        says: "5: a store never decides",
        within: "crates/sqlite/src",
        except: &[],
        words: &["policy", ".rotate(", ".is_live(", ".touch("],
    },
    Never {
        says: "6: a sibling knows neither its siblings nor the roof",
        within: "crates/sqlite/src",
        except: &[],
        words: &["counterfoil::", "axum", "hyper", "SystemTime"],
    },
    Never {
        says: "6: a verifier knows no store, no issuer and no clock",
        within: "crates/verify/src",
        // A service that follows an issuer from elsewhere has no other.
        except: &["verify/src/clock.rs"],
        words: &["counterfoil_core", "counterfoil_sqlite", "rusqlite", "argon2", "SystemTime", "Instant"],
    },
    Never {
        says: "7: only the file that builds the app names a back end",
        within: "crates/counterfoil/src",
        except: &["src/app.rs"],
        words: &["counterfoil_sqlite", "SqliteStore"],
    },
    Never {
        says: "7: nor does the command line",
        within: "crates/cli/src",
        except: &[],
        words: &["counterfoil_sqlite", "SqliteStore", "rusqlite"],
    },
    Never {
        says: "8: only verification makes a principal",
        within: "crates",
        except: &[
            "verify/src/",
            "policy/authenticator.rs",
            "core/tests/nevers.rs",
            "core/tests/engine/memory.rs",
        ],
        words: &["Principal::verified", "PrincipalParts", "PrincipalBuilder"],
    },
    Never {
        says: "8: nor gives one another end",
        within: "crates",
        except: &["verify/src/", "store/cached/live.rs", "core/tests/nevers.rs"],
        words: &[".ending_at("],
    },
    Never {
        says: "9: one file writes cookies",
        within: "crates",
        except: &["counterfoil/src/cookies.rs", "tests/", "examples/"],
        words: &["SET_COOKIE", "set-cookie", "Set-Cookie:"],
    },
    Never {
        says: "9: one file chooses the status of what goes wrong",
        within: "crates/counterfoil/src",
        except: &["src/failure.rs"],
        words: &[
            "Problem::new",
            "BAD_REQUEST",
            "UNAUTHORIZED",
            "FORBIDDEN",
            "NOT_FOUND",
            "CONFLICT",
            "UNPROCESSABLE",
            "TOO_MANY",
            "INTERNAL_SERVER",
            "SERVICE_UNAVAILABLE",
        ],
    },
    Never {
        says: "10: nobody reads the time of day but the clock",
        within: "crates",
        // The command line tells people how long ago something was; nothing is judged by it.
        except: &["counterfoil/src/clock.rs", "verify/src/clock.rs", "cli/src/when.rs", "tests/"],
        words: &["SystemTime", "clock_gettime"],
    },
    Never {
        says: "10: no handler reads any clock but through the app",
        within: "crates/counterfoil/src/routes",
        except: &[],
        words: &["Instant", "clock.", "elapsed"],
    },
];

/// Where a never is broken: the file with the number of the line, and the line.
fn broken(never: &Never, file: &Path, text: &str) -> Vec<String> {
    let path = file.to_string_lossy();
    if !path.contains(never.within) || never.except.iter().any(|except| path.contains(except)) {
        return Vec::new();
    }
    // Tests stand at a file's end.
    let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate();
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter(|(_, line)| never.words.iter().any(|word| line.contains(word)))
        .map(|(number, line)| format!("{path}:{}: {} (never {})", number + 1, line.trim(), never.says))
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_room_knows_only_those_below() {
    let files = rust_files(&root().join("crates"));

    let mut faults = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let file = file.strip_prefix(root()).unwrap();
        faults.extend(NEVERS.iter().flat_map(|never| broken(never, file, &text)));
    }

    println!("{} nevers held against {} files", NEVERS.len(), files.len());
    assert!(files.len() > 50, "the files were not found");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn each_never_is_about_files_that_are_there() {
    let files: Vec<_> = rust_files(&root().join("crates"));
    for never in NEVERS {
        let holds = |file: &PathBuf| file.to_string_lossy().contains(never.within);
        assert!(files.iter().any(holds), "nothing is within {}", never.within);
    }
}

#[test]
fn a_planted_fault_is_found() {
    for (file, line) in [
        ("crates/jose/src/jws.rs", "use counterfoil_core::Session;"),
        ("crates/core/src/policy/revoke.rs", "use std::time::SystemTime;"),
        ("crates/core/src/issued/session.rs", "use crate::kept::session::Session;"),
        ("crates/core/src/kept/user.rs", "    let user = crate::store::Store::user(store, id);"),
        ("crates/core/src/store/cached.rs", "use crate::policy::ring::Ring;"),
        ("crates/sqlite/src/sessions.rs", "    if session.is_live(now).is_ok() {"),
        ("crates/verify/src/verifier.rs", "use std::time::Instant;"),
        ("crates/counterfoil/src/routes/login.rs", "use counterfoil_sqlite::SqliteStore;"),
        ("crates/counterfoil/src/routes/me.rs", "    let principal = Principal::verified(parts);"),
        ("crates/counterfoil/src/routes/login.rs", "    headers.insert(SET_COOKIE, value);"),
        ("crates/counterfoil/src/routes/login.rs", "    return StatusCode::CONFLICT.into_response();"),
        ("crates/counterfoil/src/routes/login.rs", "    let now = app.clock.now();"),
    ] {
        let found = NEVERS.iter().flat_map(|never| broken(never, Path::new(file), line)).count();
        assert!(found > 0, "{file}: {line}");
    }
}

#[test]
fn a_comment_and_a_test_may_say_what_they_like() {
    let text =
        "// unlike crate::store\n/// [`crate::store`]\nfn f() {}\n#[cfg(test)]\nuse crate::store::Store;\n";

    let found =
        NEVERS.iter().flat_map(|never| broken(never, Path::new("crates/core/src/kept/user.rs"), text));

    assert_eq!(found.count(), 0);
}
