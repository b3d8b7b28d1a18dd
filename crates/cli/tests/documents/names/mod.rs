//! Every path, command, option, setting, item and file that a document, a message or a comment names exists.

mod commands;
mod files;
mod items;
mod markdown;
mod routes;
mod settings;
mod text;

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use crate::names::commands::Commands;
use crate::names::files::Files;
use crate::names::items::Items;
use crate::names::routes::Routes;
use crate::names::settings::Settings;
use crate::names::text::{Kind, Text};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// What exists.
struct Known {
    routes: Routes,
    commands: Commands,
    settings: Settings,
    items: Items,
    files: Files,
}

/// Read once for all tests.
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(|| Mutex::new(Known::read()));

/// What a text names and does not exist.
fn missing(text: &Text) -> Vec<String> {
    KNOWN.lock().unwrap().missing(text)
}

impl Known {
    fn read() -> Self {
        let root = root();
        Self {
            routes: Routes::read(),
            commands: Commands::read(),
            settings: Settings::read(&root),
            items: Items::read(&root),
            files: Files::read(&root),
        }
    }

    /// What the text names and does not exist, each with the place.
    fn missing(&self, text: &Text) -> Vec<String> {
        let mut missing = self.routes.missing(&text.content);
        missing.extend(self.settings.missing_variables(&text.content));
        match text.kind {
            Kind::Prose => missing.extend(self.commands.missing_options(&text.content)),
            // The items in comments are links, which rustdoc checks.
            Kind::Span | Kind::Comment => {
                missing.extend(self.commands.missing_in_span(&text.content));
                missing.extend(self.settings.missing_in_span(&text.content));
                missing.extend(self.files.missing_in_span(&text.content));
                if text.kind == Kind::Span {
                    missing.extend(self.items.missing(&text.content));
                }
            }
            Kind::Toml => missing.extend(self.settings.missing_in_toml(&text.content)),
            Kind::Shell => missing.extend(self.commands.missing_in_shell(&text.content)),
        }
        missing.into_iter().map(|what| format!("{}: {what}", text.place)).collect()
    }
}

fn assert_all_exist(texts: &[Text]) {
    let missing: Vec<String> = texts.iter().flat_map(missing).collect();
    assert!(missing.is_empty(), "named, but does not exist:\n{}", missing.join("\n"));
}

#[test]
fn documents_name_only_what_exists() {
    let texts = text::of_documents(&root());

    assert!(texts.len() > 2000, "only {} texts are read", texts.len());
    assert_all_exist(&texts);
}

#[test]
fn messages_and_comments_name_only_what_exists() {
    let texts = text::of_sources(&root());

    assert!(texts.len() > 1000, "only {} texts are read", texts.len());
    assert_all_exist(&texts);
}

#[test]
fn the_openapi_document_and_init_name_only_what_exists() {
    assert_all_exist(&text::of_output());
}

#[test]
fn links_between_documents_lead_somewhere() {
    let missing = markdown::broken_links(&root());

    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_name_that_does_not_exist_is_found() {
    let span =
        |content: &str| missing(&Text { place: "a.md:1".into(), kind: Kind::Span, content: content.into() });
    for exists in [
        "POST /v1/login",
        "GET, POST /v1/admin/users",
        "/v1/sessions/$id",
        "/v1/admin/…",
        "counterfoil user add NAME --role admin --store sqlite:auth.db",
        "counterfoil --data-dir DIR serve",
        "session list ada",
        "--data-dir",
        "COUNTERFOIL_REFRESH_REUSE_GRACE=0",
        "refresh.reuse_grace",
        "registration = \"closed\"",
        "Counterfoil::builder()",
        "counterfoil::serve(router, listener, limits, shutdown)",
        "docs/adr",
        "cargo xtask words",
    ] {
        assert!(span(exists).is_empty(), "{exists}: {:?}", span(exists));
    }
    for missing in [
        "POST /v1/signin",
        "GET /v1/login",
        "/oauth/unknown",
        "counterfoil user invent ada",
        "counterfoil user add NAME --rank admin",
        "session invent ada",
        "--data-folder",
        // In two parts, because this file is one of those that are searched for variables.
        concat!("COUNTERFOIL", "_GRACE"),
        "refresh.grace",
        "Counterfoil::invented()",
        "counterfoil::server",
        "docs/invented.md",
        "cargo xtask invented",
    ] {
        assert!(!span(missing).is_empty(), "{missing} is not found");
    }
}
