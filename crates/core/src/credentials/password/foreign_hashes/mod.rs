//! Password hashes of other systems: they are parsed, limited in cost and verified, but never created.
//!
//! | written by | text |
//! |---|---|
//! | WordPress | `$P$`, `$wp$2y$` |
//! | phpBB | `$H$`; `phpbb:` before any hash that it wrote |
//! | Werkzeug (Flask) | `pbkdf2:sha256:..$`, `scrypt:..$` |
//! | ASP.NET Core Identity, versions 2 and 3 | base64 |
//! | LDAP directories | `{SSHA}`, `{SSHA256}`, `{SSHA512}` |
//! | Better Auth | `salt:hash`, both hexadecimal |
//! | bcrypt libraries | `$2a$`, `$2b$`, `$2y$` |
//! | passlib, libsodium wrappers, PHC | `$scrypt$ln=..`, `$pbkdf2-sha256$..` (also `-sha512`, `-sha1`) |
//! | Django | `pbkdf2_sha256$`, `pbkdf2_sha1$`, `scrypt$`, `bcrypt$`, `bcrypt_sha256$`, `argon2$` |
//! | Firebase, through its exporters | `$fbscrypt$v=1,n=..,r=..,p=..,ss=..,sk=..$` |
//!
//! Argon2 hashes of other systems have the same form as ours and need no code here. Each scheme has a limit
//! for work and memory, which is checked before any work is done, so that an attacker who can write a hash
//! cannot stop the server with it.

mod bcrypt;
mod error;
mod firebase;
mod form_text;
mod lengths;
mod pbkdf2;
mod phpass;
mod salted_digest;
mod scrypt;
mod text;

use crate::credentials::password::plaintext::PlaintextPassword;

use self::bcrypt::Bcrypt;
use self::firebase::Firebase;
use self::pbkdf2::{HashFunction, Pbkdf2};
use self::phpass::Phpass;
use self::salted_digest::SaltedDigest;
use self::scrypt::Scrypt;

pub use self::error::ForeignHashError;
pub(super) use self::form_text::FormText;

/// The longest text of a hash in bytes.
pub(super) const MAX_TEXT_LENGTH: usize = 1024;

/// A parsed hash of another system whose cost is within the limit.
#[derive(PartialEq, Eq)]
pub(super) enum ForeignHash {
    Bcrypt(Bcrypt),
    Pbkdf2(Pbkdf2),
    Scrypt(Scrypt),
    Firebase(Firebase),
    SaltedDigest(SaltedDigest),
    /// Of the password as the application reads it from a form.
    Phpass(Phpass, FormText),
    /// As WordPress reads it from a form.
    WordPress(Bcrypt),
    /// Of the password in NFKC.
    BetterAuth(Scrypt),
}

impl ForeignHash {
    /// Detects the scheme and checks the cost.
    pub(super) fn parse(text: &str) -> Result<Self, ForeignHashError> {
        if text.len() > MAX_TEXT_LENGTH {
            return Err(ForeignHashError::Unknown);
        }
        if let Some(rest) = text.strip_prefix('$') {
            return parse_modular_crypt(text, rest.split_once('$').ok_or(ForeignHashError::Unknown)?);
        }
        if let Some(rest) = text.strip_prefix('{') {
            return SaltedDigest::parse(rest).map(Self::SaltedDigest);
        }
        if let Some(parts) = text.split_once('$') {
            return parse_django(parts);
        }
        if let Some((salt, hash)) = text.split_once(':') {
            return Scrypt::from_better_auth(salt, hash).map(Self::BetterAuth);
        }
        let bytes = text::bytes(text).filter(|bytes| bytes.first().is_some_and(|version| *version <= 1));
        Pbkdf2::from_identity(&bytes.ok_or(ForeignHashError::Unknown)?).map(Self::Pbkdf2)
    }

    /// Whether `password` matches. The comparison takes the same time either way.
    pub(super) fn verify(&self, password: &PlaintextPassword) -> bool {
        match self {
            Self::Bcrypt(hash) => any_spelling(password, |text| hash.verify(text)),
            Self::Pbkdf2(hash) => any_spelling(password, |text| hash.verify(text)),
            Self::Scrypt(hash) => any_spelling(password, |text| hash.verify(text)),
            Self::Firebase(hash) => any_spelling(password, |text| hash.verify(text)),
            Self::SaltedDigest(hash) => any_spelling(password, |text| hash.verify(text)),
            Self::Phpass(hash, form) => form.any_spelling(password, |text| hash.verify(text)),
            Self::WordPress(hash) => FormText::Slashes.any_spelling(password, |text| hash.verify(text)),
            Self::BetterAuth(hash) => hash.verify(password.nfkc().expose().as_bytes()),
        }
    }
}

/// Whether the password matches in NFC, or as it was typed: most systems hash what was typed.
fn any_spelling(password: &PlaintextPassword, matches: impl Fn(&[u8]) -> bool) -> bool {
    password.spellings().any(|text| matches(text.as_bytes()))
}

/// Parses `$scheme$...`, the form of crypt(3) and of PHC strings.
fn parse_modular_crypt(text: &str, (scheme, rest): (&str, &str)) -> Result<ForeignHash, ForeignHashError> {
    match scheme {
        "2a" | "2b" | "2y" => Bcrypt::from_password_hash(text).map(ForeignHash::Bcrypt),
        "P" => Phpass::parse(rest).map(|hash| ForeignHash::Phpass(hash, FormText::Slashes)),
        "H" => Phpass::parse(rest).map(|hash| ForeignHash::Phpass(hash, FormText::HtmlEntities)),
        "wp" => Bcrypt::from_wordpress_hash(rest).map(ForeignHash::WordPress),
        "scrypt" => Scrypt::from_phc(rest).map(ForeignHash::Scrypt),
        "pbkdf2-sha512" => Pbkdf2::from_phc(HashFunction::Sha512, rest).map(ForeignHash::Pbkdf2),
        "pbkdf2-sha256" => Pbkdf2::from_phc(HashFunction::Sha256, rest).map(ForeignHash::Pbkdf2),
        "pbkdf2-sha1" | "pbkdf2" => Pbkdf2::from_phc(HashFunction::Sha1, rest).map(ForeignHash::Pbkdf2),
        "fbscrypt" => Firebase::parse(rest).map(ForeignHash::Firebase),
        _ => Err(ForeignHashError::Unknown),
    }
}

/// Parses `scheme$...`, the form of Django, and `scheme:parameters$...`, that of Werkzeug.
fn parse_django((scheme, rest): (&str, &str)) -> Result<ForeignHash, ForeignHashError> {
    if let Some((name, params)) = scheme.split_once(':') {
        let text = format!("{params}${rest}");
        return match name {
            "pbkdf2" => Pbkdf2::from_werkzeug(&text).map(ForeignHash::Pbkdf2),
            "scrypt" => Scrypt::from_werkzeug(&text).map(ForeignHash::Scrypt),
            _ => Err(ForeignHashError::Unknown),
        };
    }
    match scheme {
        "bcrypt" => Bcrypt::from_password_hash(rest).map(ForeignHash::Bcrypt),
        "bcrypt_sha256" => Bcrypt::from_sha256_hash(rest).map(ForeignHash::Bcrypt),
        "pbkdf2_sha256" => Pbkdf2::from_django(HashFunction::Sha256, rest).map(ForeignHash::Pbkdf2),
        "pbkdf2_sha1" => Pbkdf2::from_django(HashFunction::Sha1, rest).map(ForeignHash::Pbkdf2),
        "scrypt" => Scrypt::from_django(rest).map(ForeignHash::Scrypt),
        _ => Err(ForeignHashError::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::Secret;

    use super::*;

    const FIREBASE_KEY: &str =
        "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";

    /// Known answers, made with Python's `hashlib`, `bcrypt`, `passlib` 1.7.4, Django 5.2 and Werkzeug, and Node's
    /// `crypto` (Better Auth).
    const HORSE: [&str; 31] = [
        "$2b$06$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS",
        "$2a$06$vyOFyVoP4ghRv9CiCQbEze7iPmDqK9hufvI.iezVOWr/St4TEezDm",
        "$2y$06$27C2nB.X.MzXoDEPnnEIWuVD8CEGpgKbgAKFgJu.6Mca78Cwv3Gzy",
        "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$hKGWL22WtdGfIbxEPAZ06BS2bWyYKuZIKvypfAlYOWk",
        "$scrypt$ln=9,r=4,p=2$AAECAwQFBgcICQoLDA0ODw$kdXHRy2PYW4rArtgxSg2rV2J78M9CH6m8cnp6oCuGw2WuqpTl+SUY/QAiA0x7smKU+oH/YfVFyZG74mVHzU6sA",
        "$scrypt$ln=10,r=8,p=1$q1UqBSAkBKA0JmQMQUjpnQ$rAJIFpV+8HuY5+xVfb7I4/IARKNTJGEZOz59bEQlTFk",
        "$pbkdf2-sha1$i=1000,l=20$AAECAwQFBgcICQoLDA0ODw$yr+bZKkEnTtGf3f18VjXM5CIxT8",
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I0",
        "$pbkdf2-sha512$i=1000,l=64$AAECAwQFBgcICQoLDA0ODw$ToxFUi5y3fprZRW/V6CupR2uIDYfuy5rlsF9Z4E648lE68lw5lzmucru/HdPvmBJDSLroVh1Q2xCvjqd8NI/6Q",
        "$pbkdf2-sha256$1000$//8/R6iV0lqr1ZrzHsMYIw$rwmvXG6lq8wG.HZ.ZrFV2iR.Aq2iNNPly/arWANYiio",
        "$pbkdf2$1000$NCZkbM1Zy5lzzlkrZax1Tg$EjcgZbc9LFWK3LOhuMLr5jaoRFA",
        "pbkdf2_sha256$1000$seasalt0seasalt0$8mmgILweLi2oumW5jiu+tnZMhjoXFXxjDjKFOORSGMg=",
        "pbkdf2_sha1$1000$seasalt0seasalt0$epiMxUezGRHdlrGXBRl0DTaueg0=",
        "bcrypt_sha256$$2b$06$sjDcszbvCIG6yRT6IBm0EOItT3Lfd6BuHkFkYArflrKmMCS.t5R3q",
        "bcrypt$$2b$06$GSCzXOGJnHX510QtYiwi5er5c9VJDIaXLrJtaXGZtsfq78L/Z66da",
        "scrypt$1024$seasalt0seasalt0$8$5$kQoj2jO7Ejim6LXOxmCa9StjeyZp/alp0NVRrouk61KeRL8pPz1nwwk02cD/AwIqSAGoHbUSZxP7qOmPx8Slpg==",
        "$wp$2y$06$2jqesExUa1pZkkLW.L5W8.T8Ga.9ga1F/B5vg23jT/csyJ.DKMrvS",
        "$P$6/LlADfFzGFiKqdGTAna8B0wFz.6iB/",
        "$H$6PN.xdoXMkEWcx6lM5pA7ipkT3zwz01",
        "pbkdf2:sha256:1000$3asJ8c7vH4bbwGOG$bec7d231bbab8fb2ca2b15f5e78e6cceba30ea0089154e3959c2c65aafe547c2",
        "pbkdf2:sha512:1000$alUlY9B2c22m3epW$659393fad85675ef6162975987b8854c9a18fc502dc4eefbb37f1459ad2e66e58df4a4d08c14858b9a035394fb79bef9ab026c96061eba6f6e10a21752671083",
        "pbkdf2:sha1:1000$obRnod5bQ1Ln4DGC$d6fc2632461146e413eca9dff34de73f86a3d7d2",
        "scrypt:1024:8:1$OAcGzu9ZoGFikFND$67605d708b960c041577da17fe0148c81ec3f2740a9481cc9b318a553e3672f4b7fed11ccd7f6c37bc1b421ea05a066e3883032a9d51c3607eb99600e76139aa",
        "{SSHA}0EZspRfK0+5/51zCA9QmzWJlY4guhZDy",
        "{SSHA256}AnKxPgy7nIty3MFCRHIOdnW8DFtUb6TbohOZoxgiBfloLcWYE+J8zw==",
        "{SSHA512}OKO/DcM+0f9t7kCZqlimr30lf44xnEvDV1Esu25x4NGRgwUKluVhioJYA8dQX7Wx4cY43c3aTPa37dEvPDMzq43xnvO+lxKi",
        "AQAAAAEAACcQAAAAEGbLWpzfq1s5J1bYo5fwpXzfzfuxztrDgLiH06tNXOfzc6hDs7sYXW01JIYkhT5ehA==",
        "AQAAAAIAAAPoAAAAEKlwkwoP+qVS4gFVMJrvpGt7xSSAIIVXucW0lqm881U8hxfzmSzt+PafY9My0FTbmA==",
        "AQAAAAAAAAPoAAAAEImxHk9PkMoVKamaUPB0weTyvSf8J34VRWzlXn580lTUn94emKIvYqNYJlzY5RdcTQ==",
        "AFIRSY3Z8BjWERjNn/j+CK268a5zrKl8OnBCRwMTK6c6DbIqpNb7FOAEafitAI9G6A==",
        "cfb071a0e7ebde5de6b5a9a681fd4a2b:c66b2d922a903bfe51d675446386338848fca0a32a34efd3288c63899c07fca9d492a0947deaf91b2c8a0d1b5fd1a43eebd58ef5d6a4d630c81464dd6a5ab7ae",
    ];

    /// Made with the same tools from a password outside ASCII.
    const KEY: [&str; 23] = [
        "$2b$06$V8PvXSqgkFenfjZz8Z0SDeD3T9R6GDDxs25MbgqR1apQOgIQsERZK",
        "$scrypt$ln=10,r=8,p=1$rZXy3ruXcm4N4XyvNQYAYA$HOZ5AQ4pgH0VfPOBGnT3IrPv7H82D/6QJGDKJWjttsY",
        "$pbkdf2-sha512$1000$IcTYOyckJIRwzhljzHmPcQ$afejQm/6HeUp6QFisw8hCsixrAKI3YjqWXjTQL/0xE/u4PIIpQIfvod8c803TZSO3zL0tJkSPkYfjg9klbopxA",
        "pbkdf2_sha256$1000$seasalt0seasalt0$Wgp8op/ZFV+10Ow3tmgL3x2VOwuy2iwDehiRUlvGzwU=",
        "pbkdf2_sha1$1000$seasalt0seasalt0$w1aW9xX/9cLJu9MuPCog/l6XGtc=",
        "bcrypt_sha256$$2b$06$NoZkOf6a65ov..nk4m3GRu5FRazZDXUFxjtOdR074BRa3ogovf2Xi",
        "scrypt$1024$seasalt0seasalt0$8$5$08Dy19F7A5LQvFD1g6Tt7SD7k6g75X3o9Y+8ixTCGiVACokhy/QysF9zcjz0QPxGaS+6BkkAwu3PmDo/mg6eYw==",
        "$fbscrypt$v=1,n=9,r=4,p=1,ss=Bw==,sk=KEY$c2Vhc2FsdA==$spbHXf4XSgjlGNnyDVnnyZ5clHX907OL2nnSh6XPbTNJcsmVgTjosOHQUdL6OAi49D0GyqCy40YIL2VeOMkXKw==",
        "$wp$2y$06$I3MupkHM5aRwZFV8am1UXO1QXHAnw1VgE1t8lnzkDxDu9lqwweX32",
        "$P$6ajKlxTHntf1Fm6p0Cfw./ukOeXBIn.",
        "$H$6eDiRaVveDEKD21UxCcNPGAGmzIh57/",
        "pbkdf2:sha256:1000$baVrnkdxQfenh9YW$25af643c20d35afd4ed8fe27019812c472cdad6315f234063c7f1f7317d3b97a",
        "pbkdf2:sha512:1000$9Is8meUgPefLita0$5b15446cd368fa8affb162b988288a0fbc8ec111cb71a5e716852800d0e672b2447ac3b9c9493dedc3c4b3146192414e9d5af01c427340b0f8f04474a1a93fe7",
        "pbkdf2:sha1:1000$iAnNnn3reKGj0YFx$3c994f108097eefb1e9ea59825673ba21e31a4b0",
        "scrypt:1024:8:1$PdN461T9t2RgAqPA$96bf513014bc3400e535b233843c3915194506e427d320f1caa4687d494ebbbaa24b239515e2bed8d1ac2dc7644dec65f23ad5ae1157a9054bab0e28b9baa6a5",
        "{SSHA}VUQZ3f17DbAHUM6K3rEQsSTY3doeA2Cs",
        "{SSHA256}f3OwmG/WjHGmjtUyrC+MZqhU0ekhoK0RX9UnrUUkUT4kZKz1vtcaww==",
        "{SSHA512}bPcIfDAV5QVPgyYz2s8/6aa+HBFqnFjn4JCNSkCRJchXq9nFWAMlsZsXxCejCXnK3/bfggBwmUyi3/aUf1JvkivlXOs9B8B4",
        "AQAAAAEAACcQAAAAEESjOQwF5Ub6Mpw57cOqyyNXGim+pZ6oiXFwBG/Wc5tiOb5B4f0nC+EhgS1+DcTRrw==",
        "AQAAAAIAAAPoAAAAENEq5lZJ+9WSsBRSUjuRVSE+X6BIADm4K1VGMsdpUhv9MSzJkvR0upy2SXzOJb/PXg==",
        "AQAAAAAAAAPoAAAAENvkqOgYgARwRgwbMKlei1livWw7DHXKf2ytVYku/iKLGnS56Its+Y9XlXQFuHEsbw==",
        "AERjRtK/ZWKmfKkRytoc1FrDlvkIbJb5NZP/2QJeQ5qqauu7Y212Azf/Mzm8cjrUsQ==",
        "ee94ea9855a25994d9e8585d5507a35c:f67164fc6c868128daccb731e0feaf192b2382a22cdfad3467867d766747abe2eebc6e0e0fafb769f7a108477cc1a2994be28e9c1bc15206a0dab4ab82fb82eb",
    ];

    fn parse(text: &str) -> Result<ForeignHash, ForeignHashError> {
        ForeignHash::parse(&text.replace("sk=KEY", &format!("sk={FIREBASE_KEY}")))
    }

    fn typed(password: &str) -> PlaintextPassword {
        PlaintextPassword::new(&Secret::new(password.to_owned()))
    }

    fn verify(text: &str, password: &str) -> bool {
        parse(text)
            .map(|hash| hash.verify(&typed(password)))
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_hash_of_every_scheme_matches_only_its_password() {
        for text in HORSE {
            assert!(verify(text, "correct horse battery"), "{text}");
            assert!(!verify(text, "correct horse batterz"), "{text}");
            let is_trimmed = ["$P$", "$H$", "$wp$"].iter().any(|prefix| text.starts_with(prefix));
            assert_eq!(verify(text, "correct horse battery "), is_trimmed, "{text}");
            assert!(!verify(text, ""), "{text}");
        }
        for text in KEY {
            assert!(verify(text, "пароль café 🔑"), "{text}");
            assert!(!verify(text, "пароль cafe 🔑"), "{text}");
        }
    }

    #[test]
    fn the_example_published_by_firebase_matches() {
        let text = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=KEY$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

        assert!(verify(text, "user1password"));
        assert!(!verify(text, "user1Password"));
    }

    #[test]
    fn a_password_is_hashed_in_the_form_of_the_other_system() {
        // Of the decomposed form, made with Python's bcrypt.
        let decomposed = "$2b$06$W/Tc4tj8PdEvNlS9nwiYY.TYWmdukTGpcQ6uRJOORyn8Xcot/vHFi";
        assert!(verify(decomposed, "cre\u{300}me bru\u{302}le\u{301}e a\u{300} la pe\u{302}che"));
        assert!(!verify(decomposed, "cr\u{e8}me br\u{fb}l\u{e9}e \u{e0} la p\u{ea}che"));
        // Of "ﬁancé" and "fiancé" in NFKC.
        let salted = "39e9c23e259995312b11f33995ad606b:1c28f7c7730b1b71c278e72401e35bd9eb3225dddf48ef84de9c9890679a4274bd02557aa5257a2878673bad39fbd37318895d270a2a6f4e10d67cf09c3870fc";
        for password in ["\u{fb01}anc\u{e9}", "fiance\u{301}", "fianc\u{e9}"] {
            assert!(verify(salted, password), "{password}");
        }
        assert!(!verify(salted, "fiance"));
    }

    #[test]
    fn a_changed_hash_does_not_match() {
        for text in HORSE {
            // The third character from the end, which has no unused bits and is not padding.
            let place = text.trim_end_matches('=').len() - 3;
            let other = if text.as_bytes()[place] == b'B' { "C" } else { "B" };
            let changed = [&text[..place], other, &text[place + 1..]].concat();
            assert!(
                !parse(&changed).is_ok_and(|hash| hash.verify(&typed("correct horse battery"))),
                "{changed}"
            );
        }
    }

    #[test]
    fn hashes_above_the_cost_limit_are_rejected_before_any_work() {
        let hash = "A".repeat(43);
        let costly = [
            "$2b$31$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS".to_owned(),
            "bcrypt_sha256$$2b$16$sjDcszbvCIG6yRT6IBm0EOItT3Lfd6BuHkFkYArflrKmMCS.t5R3q".to_owned(),
            format!("$scrypt$ln=30,r=8,p=1$c2FsdA${hash}"),
            format!("$scrypt$ln=63,r=8,p=1$c2FsdA${hash}"),
            format!("$scrypt$ln=17,r=8,p=16$c2FsdA${hash}"),
            format!("$scrypt$ln=1,r=4000000000,p=1$c2FsdA${hash}"),
            format!("$scrypt$ln=1,r=1,p=4000000000$c2FsdA${hash}"),
            format!("scrypt$1073741824$salt$8$1${hash}"),
            format!("$pbkdf2-sha256$i=4294967295$c2FsdA${hash}"),
            format!("pbkdf2_sha256$100000000$salt${hash}="),
            format!("pbkdf2:sha256:100000000$salt${}", "a".repeat(64)),
            format!("scrypt:1073741824:8:1$salt${}", "a".repeat(128)),
            format!("$P$Z{}", "a".repeat(30)),
            format!("AQAAAAH/////AAAAEA{}", "A".repeat(64)),
            // Each further block of output costs as much as the first.
            format!("$pbkdf2-sha1$i=2900000$c2FsdA${}", "A".repeat(160)),
            format!("$fbscrypt$v=1,n=30,r=8,p=1,ss=Bw==,sk={FIREBASE_KEY}$c2FsdA==${FIREBASE_KEY}"),
        ];
        for text in costly {
            assert!(matches!(parse(&text), Err(ForeignHashError::TooCostly(_))), "{text}");
        }
    }

    #[test]
    fn a_hash_that_is_too_short_is_rejected() {
        for text in [
            "$pbkdf2-sha256$i=1000$c2FsdA$",
            "$pbkdf2-sha256$i=1000$c2FsdA$AAAA",
            "$scrypt$ln=10,r=8,p=1$c2FsdA$AAAA",
            "pbkdf2_sha256$1000$salt$",
            "scrypt$1024$salt$8$1$",
            "pbkdf2:sha256:1000$salt$aabb",
            "scrypt:1024:8:1$salt$",
            "$P$6salt",
            "{SSHA}uKNrJseml05jukoV8Cdjd/xAClw=",
            "AQAAAAEAAAPoAAAAEAAAAAAAAAAAAAAAAAAAAAA=",
            "AQAAAAEAAAPo/////wAA",
            "$fbscrypt$v=1,n=9,r=4,p=1,ss=Bw==,sk=AAAA$c2FsdA==$AAAA",
            "$fbscrypt$v=1,n=9,r=4,p=1,ss=Bw==,sk=$c2FsdA==$",
        ] {
            assert!(matches!(parse(text), Err(ForeignHashError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            "$",
            "$$",
            "plain",
            "!unusable",
            "md5$salt$0123",
            "$1$salt$hash",
            "$2x$06$a",
            "$6$salt$hash",
            "{SHA}x",
            "{SSHA",
            ":",
            "a:b",
            "////",
        ] {
            assert_eq!(parse(text).err(), Some(ForeignHashError::Unknown), "{text}");
        }
        assert_eq!(parse(&"$2b$".repeat(1000)).err(), Some(ForeignHashError::Unknown));
        for text in [
            "$2b$06$é2345678901234567890123456789012345678901234567890123",
            "$2b$0é$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsP",
            "$2b$03$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS",
            "$2b$+6$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS",
            "$pbkdf2-sha256$i=0$c2FsdA$AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I0",
            "$pbkdf2-sha256$i=1000,l=31$c2FsdA$AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I0",
            "$pbkdf2-sha256$i=+1000$c2FsdA$AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I0",
            "$scrypt$ln=0,r=8,p=1$c2FsdA$AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I0",
            "$scrypt$ln=10,r=8$c2FsdA$AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I0",
            "scrypt$1000$salt$8$1$AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I0=",
        ] {
            assert!(matches!(parse(text), Err(ForeignHashError::Malformed(_))), "{text}");
        }
    }
}
