//! The table of settings. File keys, variables, documents and judgements all come from it: a setting that is not
//! here does not exist.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use counterfoil::{LogoutClears, PasswordRules, Registration};
use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_jose::Algorithm;

use crate::common::LogFormat;
use crate::configuration::draft::{address, number, one, path, seconds, word};
use crate::configuration::guessing;
use crate::configuration::limits;
use crate::configuration::setting::{Form, Setting};
use crate::configuration::wrong::Wrong;
use crate::logging;

/// Every setting, in the order in which the documents tell them.
pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(guessing::SETTINGS).chain(limits::SETTINGS)
}

/// Those of the installation itself, of logins and of passwords.
const SETTINGS: &[Setting] = &[
    Setting {
        key: "issuer",
        form: Form::Text,
        default: "the address listened on, if that is loopback",
        meaning: "In whose name tokens are issued: the https URL that clients use, without a slash at its end; http on \
                  loopback only.",
        take: |draft, texts| {
            let fault = |fault: counterfoil::IssuerFault| Wrong::new(fault.to_string()).hint(fault.hint());
            draft.issuer = Some(one(texts)?.parse().map_err(fault)?);
            Ok(())
        },
    },
    Setting {
        key: "listen",
        form: Form::Text,
        default: "127.0.0.1:3000",
        meaning: "Address and port to listen on; port 0 takes any free one.",
        take: |draft, texts| address(texts).map(|address| draft.listen = address),
    },
    Setting {
        key: "metrics_listen",
        form: Form::Text,
        default: "none: no metrics are served",
        meaning: "Address and port where `/metrics` is served, and nothing else: loopback, or a network of those who watch.",
        take: |draft, texts| address(texts).map(|address| draft.metrics_listen = Some(address)),
    },
    Setting {
        key: "data_dir",
        form: Form::Text,
        default: "counterfoil-data",
        meaning: "Directory of the store, the master key and the operator's socket; made with mode 0700 if its parent \
                  is there.",
        take: |draft, texts| path(texts).map(|dir| draft.data_dir = dir),
    },
    Setting {
        key: "store",
        form: Form::Text,
        default: "sqlite:DATA_DIR/counterfoil.db",
        meaning: "The store: `sqlite:FILE`.",
        take: |draft, texts| {
            let wrong = |fault: counterfoil::StoreUrlFault| Wrong::new(fault.to_string());
            draft.store = Some(one(texts)?.parse().map_err(wrong)?);
            Ok(())
        },
    },
    Setting {
        key: "master_key_file",
        form: Form::Text,
        default: "DATA_DIR/master-key, made at the first start",
        meaning: "File of the master key, 32 bytes as base64url, readable for its owner alone.",
        take: |draft, texts| path(texts).map(|file| draft.master_key.file = Some(file)),
    },
    Setting {
        key: "tls_certificate",
        form: Form::Text,
        default: "none: plain HTTP, for loopback or behind a proxy that ends TLS",
        meaning: "PEM file of the certificate chain, the server's own first. Read again when it changes.",
        take: |draft, texts| path(texts).map(|file| draft.tls_certificate = Some(file)),
    },
    Setting {
        key: "tls_key",
        form: Form::Text,
        default: "none",
        meaning: "PEM file of the key that belongs to the certificate. Others must not be able to read it.",
        take: |draft, texts| path(texts).map(|file| draft.tls_key = Some(file)),
    },
    Setting {
        key: "log",
        form: Form::Text,
        default: "text",
        meaning: "How log lines look: `text` for people, `json` for programs.",
        take: |draft, texts| {
            let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
            word(texts, &words).map(|format| draft.log = format)
        },
    },
    Setting {
        key: "log_level",
        form: Form::Text,
        default: "what `RUST_LOG` says, or info",
        meaning: "How much is logged: a level, or several by their origin, like `warn,counterfoil::requests=info`.",
        take: |draft, texts| {
            let text = one(texts)?;
            logging::levels(text)
                .map_err(|error| Wrong::new(format!("{text:?} names no levels: {error}")))?;
            draft.log_level = Some(text.to_owned());
            Ok(())
        },
    },
    Setting {
        key: "registration",
        form: Form::Text,
        default: "open",
        meaning: "Whether strangers may register: `open` or `closed`.",
        take: |draft, texts| {
            let words = [("open", Registration::Open), ("closed", Registration::Closed)];
            word(texts, &words).map(|who| draft.rest.registration = who)
        },
    },
    Setting {
        key: "logout_clears",
        form: Form::Text,
        default: "cookies",
        meaning: "What a browser forgets at a logout: `cookies`, ours; `site`, every cookie of the host and all that its \
                  pages have stored (`Clear-Site-Data`), for a host that serves one application.",
        take: |draft, texts| {
            let words = [("cookies", LogoutClears::OurCookies), ("site", LogoutClears::Site)];
            word(texts, &words).map(|cleared| draft.rest.logout_clears = cleared)
        },
    },
    Setting {
        key: "algorithm",
        form: Form::Text,
        default: "ES256",
        meaning: "What signs access tokens: `ES256`, `ES384`, `ES512`, `Ed25519` (or `EdDSA`, its old name), `RS256` to \
                  `RS512`, `PS256` to `PS512`, `ML-DSA-44`, `ML-DSA-65`, or `HS256` to `HS512`, whose verifiers can \
                  also sign. A store that has keys takes another one up by a rotation; from `HS…` to the others or \
                  back none leads.",
        take: |draft, texts| {
            let words = Algorithm::ALL.map(|algorithm| (algorithm.as_str(), algorithm));
            word(texts, &words).map(|algorithm| draft.rest.algorithm = algorithm)
        },
    },
    Setting {
        key: "key_rotation",
        form: Form::Text,
        default: "90d",
        meaning: "How long a key signs until the next one takes its place, in days like `90d`; `off`: until somebody \
                  asks for it.",
        take: |draft, texts| rotation(one(texts)?).map(|every| draft.rest.key_rotation = every),
    },
    Setting {
        key: "jwks_max_age",
        form: Form::Number,
        default: "300",
        meaning: "For how many seconds services may keep the public keys. A new key signs nothing before it has been \
                  published for so long, and two minutes more.",
        take: |draft, texts| seconds(texts, 60, 86_400).map(|age| draft.rest.jwks_max_age = age),
    },
    Setting {
        key: "refresh_grace",
        form: Form::Number,
        default: "10",
        meaning: "For how many seconds a spent refresh token is answered again; 0 closes the window.",
        take: |draft, texts| seconds(texts, 0, 86_400).map(|grace| draft.rest.refresh_grace = grace),
    },
    Setting {
        key: "max_sessions",
        form: Form::Number,
        default: "none",
        meaning: "How many live sessions a user may have; at the cap a login takes the place of the oldest.",
        take: |draft, texts| {
            number(texts, 1, u32::MAX.into()).map(|most| draft.rest.max_sessions = NonZeroU32::new(most))
        },
    },
    Setting {
        key: "trusted_origins",
        form: Form::Texts,
        default: "none",
        meaning: "Origins whose pages may write to us, like `https://shop.example`, each exactly.",
        take: |draft, texts| {
            let origin = |text: &String| {
                let wrong = |fault| Wrong::new(format!("{text:?} is not an origin: {fault}"));
                text.parse().map_err(wrong)
            };
            draft.rest.trusted_origins = texts.iter().map(origin).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        key: "trusted_proxies",
        form: Form::Texts,
        default: "none",
        meaning: "Networks of proxies whose `X-Forwarded-For` or `Forwarded` is believed, like `10.0.0.0/8`. Each has to \
                  set that header itself, or to append to it.",
        take: |draft, texts| {
            let network = |text: &String| {
                let wrong = |fault| Wrong::new(format!("{text:?} is not a network: {fault}"));
                text.parse().map_err(wrong)
            };
            draft.rest.trusted_proxies = texts.iter().map(network).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        key: "password_rules",
        form: Form::Text,
        default: "standard",
        meaning: "What new passwords must be like: `standard` (at least 8 characters) or `nist` (at least 15).",
        take: |draft, texts| {
            let words = [("standard", PasswordRules::Standard), ("nist", PasswordRules::Nist)];
            word(texts, &words).map(|rules| draft.rest.password_rules = rules)
        },
    },
    Setting {
        key: "breached_passwords",
        form: Form::Text,
        default: "none",
        meaning: "A list of breached passwords, made by `counterfoil passwords build-filter`; none may be set.",
        take: |draft, texts| path(texts).map(|file: PathBuf| draft.rest.breached_passwords = Some(file)),
    },
    Setting {
        key: "password_memory",
        form: Form::Number,
        default: "19456",
        meaning: "Argon2id: memory of one password hash, in KiB.",
        take: |draft, texts| {
            number(texts, LEAST_MEMORY, Argon2Cost::CEILING.memory.into())
                .map(|memory| draft.rest.password_cost.memory = memory)
        },
    },
    Setting {
        key: "password_passes",
        form: Form::Number,
        default: "2",
        meaning: "Argon2id: passes over that memory.",
        take: |draft, texts| {
            number(texts, 1, Argon2Cost::CEILING.passes.into())
                .map(|passes| draft.rest.password_cost.passes = passes)
        },
    },
    Setting {
        key: "password_lanes",
        form: Form::Number,
        default: "1",
        meaning: "Argon2id: lanes.",
        take: |draft, texts| {
            number(texts, 1, Argon2Cost::CEILING.lanes.into())
                .map(|lanes| draft.rest.password_cost.lanes = lanes)
        },
    },
    Setting {
        key: "hashing_threads",
        form: Form::Number,
        default: "as many as there are cores",
        meaning: "How many passwords are hashed at a time.",
        take: |draft, texts| number(texts, 1, 1024).map(|threads| draft.rest.hashing_threads = threads),
    },
    Setting {
        key: "hashing_waiting",
        form: Form::Number,
        default: "64",
        meaning: "How many more may wait for that; beyond, logins are told to come back.",
        take: |draft, texts| number(texts, 0, 1_000_000).map(|waiting| draft.rest.hashing_waiting = waiting),
    },
    Setting {
        key: "hashing_deadline",
        form: Form::Number,
        default: "5",
        meaning: "For how many seconds one may wait; a password that waited longer is not hashed at all.",
        take: |draft, texts| seconds(texts, 1, 600).map(|most| draft.rest.hashing_deadline = most),
    },
    Setting {
        key: "remembered_sessions",
        form: Form::Number,
        default: "1048576",
        meaning: "How many cookie sessions are judged from memory, about 300 bytes each.",
        take: |draft, texts| {
            number(texts, 0, 1 << 30).map(|sessions| draft.rest.remembered_sessions = sessions)
        },
    },
];

/// Eight KiB for each lane is what Argon2 wants (RFC 9106, section 3.1): this is enough for the most lanes.
const LEAST_MEMORY: u64 = 8 * Argon2Cost::CEILING.lanes as u64;

/// The setting called `key`.
pub(crate) fn setting(key: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.key == key)
}

/// The key that somebody may have meant who wrote `key`.
pub(crate) fn nearest(key: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::damerau_levenshtein(known, key);
    let nearest = settings().map(|setting| setting.key).min_by_key(|known| distance(known))?;
    (distance(nearest) <= 1 + nearest.len() / 4).then_some(nearest)
}

/// Days, or never.
fn rotation(text: &str) -> Result<Option<Duration>, Wrong> {
    const DAY: u64 = 86_400;
    if text == "off" {
        return Ok(None);
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    let days = days.filter(|days| (1..=3650).contains(days));
    let wrong =
        || Wrong::new(format!("{text:?} is neither off nor a number of days like 90d, at most 3650d"));
    days.map(|days| Some(Duration::from_secs(days * DAY))).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::{env, fs};

    use super::*;
    use crate::configuration::draft::Draft;

    /// Where the documents have the table, between two lines.
    const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    const BEGIN: &str = "<!-- table of settings: written by a test -->\n";
    const END: &str = "<!-- end of the table -->\n";

    fn table() -> String {
        let rows = settings().map(|setting| {
            let form = match setting.form {
                Form::Text => "text",
                Form::Number => "number",
                Form::Texts => "list of texts",
            };
            let Setting { key, default, meaning, .. } = setting;
            format!("| `{key}` | `{}` | {form} | {default} | {meaning} |\n", setting.variable())
        });
        let rows: String = rows.collect();
        format!("| key | variable | form | default | meaning |\n|---|---|---|---|---|\n{rows}")
    }

    #[test]
    fn the_documents_tell_every_setting() {
        let text = fs::read_to_string(DOCUMENT).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let expected = format!("{before}{BEGIN}{}{END}{after}", table());
        if env::var_os("COUNTERFOIL_WRITE_DOCS").is_some() {
            fs::write(DOCUMENT, &expected).unwrap();
        } else {
            assert!(
                text == expected,
                "COUNTERFOIL_WRITE_DOCS=1 cargo test -p counterfoil-cli writes the table"
            );
        }
    }

    #[test]
    fn no_two_settings_have_one_name() {
        let keys: BTreeSet<_> = settings().map(|setting| setting.key).collect();

        assert_eq!(keys.len(), settings().count());
    }

    #[test]
    fn a_slip_of_the_pen_is_told_what_was_meant() {
        assert_eq!(nearest("refresh_grce"), Some("refresh_grace"));
        assert_eq!(nearest("isuer"), Some("issuer"));
        assert_eq!(nearest("datadir"), Some("data_dir"));
        assert_eq!(nearest("colour_of_the_sky"), None);
    }

    #[test]
    fn the_defaults_that_are_told_are_those_that_hold() {
        for setting in settings().filter(|setting| setting.form == Form::Number) {
            if setting.default.parse::<u64>().is_err() {
                continue;
            }
            let mut draft = Draft::default();

            (setting.take)(&mut draft, &[setting.default.to_owned()]).unwrap();

            assert_eq!(format!("{draft:?}"), format!("{:?}", Draft::default()), "{}", setting.key);
        }
    }
}
