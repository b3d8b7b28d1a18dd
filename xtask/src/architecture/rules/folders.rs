//! Which folders of a crate do not import which others.

use crate::architecture::restriction::Refused::Path;
use crate::architecture::restriction::Restriction;

pub(super) const RESTRICTIONS: &[Restriction] = &[
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
        rule: "11: the routes do not import another entrance",
        within: &["crates/counterfoil/src/routes"],
        // It puts the routes and the pages together.
        except: &["crates/counterfoil/src/routes/site.rs"],
        refused: &[Path("crate::admin"), Path("crate::pages"), Path("crate::embed")],
        existing: &["admin", "pages", "embed"],
        planted: ("crates/counterfoil/src/routes/admin/users.rs", "use crate::admin::AdminError;"),
    },
    Restriction {
        rule: "11: the pages do not import another entrance",
        within: &["crates/counterfoil/src/pages"],
        except: &[],
        refused: &[Path("crate::admin"), Path("crate::routes"), Path("crate::embed")],
        existing: &["admin", "routes", "embed"],
        planted: ("crates/counterfoil/src/pages/login.rs", "use crate::routes::login::LoginRequest;"),
    },
    Restriction {
        rule: "11: the admin socket does not import another entrance",
        within: &["crates/counterfoil/src/admin"],
        except: &[],
        refused: &[Path("crate::pages"), Path("crate::routes"), Path("crate::embed")],
        existing: &["pages", "routes", "embed"],
        planted: ("crates/counterfoil/src/admin/users.rs", "use crate::routes::responses::LoginResponse;"),
    },
    Restriction {
        rule: "11: the embedding API does not import another entrance",
        within: &["crates/counterfoil/src/embed"],
        except: &[],
        refused: &[Path("crate::admin"), Path("crate::pages"), Path("crate::routes")],
        existing: &["admin", "pages", "routes"],
        planted: ("crates/counterfoil/src/embed/mod.rs", "use crate::pages::login::show;"),
    },
];
