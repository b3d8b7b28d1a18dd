//! Password hashes of other systems: they are parsed, limited in cost and verified, but never created.
//!
//! | written by | text |
//! |---|---|
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
mod lengths;
mod pbkdf2;
mod scrypt;
mod text;

use self::bcrypt::Bcrypt;
use self::firebase::Firebase;
use self::pbkdf2::{HashFunction, Pbkdf2};
use self::scrypt::Scrypt;

pub use self::error::ForeignHashError;

/// The longest text of a hash in bytes.
pub(super) const MAX_TEXT_LENGTH: usize = 1024;

/// A parsed hash of another system whose cost is within the limit.
#[derive(PartialEq, Eq)]
pub(super) enum ForeignHash {
    Bcrypt(Bcrypt),
    Pbkdf2(Pbkdf2),
    Scrypt(Scrypt),
    Firebase(Firebase),
}

impl ForeignHash {
    /// Detects the scheme and checks the cost.
    pub(super) fn parse(text: &str) -> Result<Self, ForeignHashError> {
        if text.len() > MAX_TEXT_LENGTH {
            return Err(ForeignHashError::Unknown);
        }
        match text.strip_prefix('$') {
            Some(rest) => parse_modular_crypt(text, rest.split_once('$').ok_or(ForeignHashError::Unknown)?),
            None => parse_django(text.split_once('$').ok_or(ForeignHashError::Unknown)?),
        }
    }

    /// Whether `password` matches. The comparison takes the same time either way.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt(hash) => hash.verify(password),
            Self::Pbkdf2(hash) => hash.verify(password),
            Self::Scrypt(hash) => hash.verify(password),
            Self::Firebase(hash) => hash.verify(password),
        }
    }
}

/// Parses `$scheme$...`, the form of crypt(3) and of PHC strings.
fn parse_modular_crypt(text: &str, (scheme, rest): (&str, &str)) -> Result<ForeignHash, ForeignHashError> {
    match scheme {
        "2a" | "2b" | "2y" => Bcrypt::from_password_hash(text).map(ForeignHash::Bcrypt),
        "scrypt" => Scrypt::from_phc(rest).map(ForeignHash::Scrypt),
        "pbkdf2-sha512" => Pbkdf2::from_phc(HashFunction::Sha512, rest).map(ForeignHash::Pbkdf2),
        "pbkdf2-sha256" => Pbkdf2::from_phc(HashFunction::Sha256, rest).map(ForeignHash::Pbkdf2),
        "pbkdf2-sha1" | "pbkdf2" => Pbkdf2::from_phc(HashFunction::Sha1, rest).map(ForeignHash::Pbkdf2),
        "fbscrypt" => Firebase::parse(rest).map(ForeignHash::Firebase),
        _ => Err(ForeignHashError::Unknown),
    }
}

/// Parses `scheme$...`, the form of Django.
fn parse_django((scheme, rest): (&str, &str)) -> Result<ForeignHash, ForeignHashError> {
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
    use super::*;

    const FIREBASE_KEY: &str =
        "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";

    /// Known answers, made with Python's `hashlib`, `bcrypt` 4.3, `passlib` 1.7.4 and Django 5.2.
    const HORSE: [&str; 16] = [
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
    ];

    /// Made with the same tools from a password outside ASCII.
    const KEY: [&str; 8] = [
        "$2b$06$V8PvXSqgkFenfjZz8Z0SDeD3T9R6GDDxs25MbgqR1apQOgIQsERZK",
        "$scrypt$ln=10,r=8,p=1$rZXy3ruXcm4N4XyvNQYAYA$HOZ5AQ4pgH0VfPOBGnT3IrPv7H82D/6QJGDKJWjttsY",
        "$pbkdf2-sha512$1000$IcTYOyckJIRwzhljzHmPcQ$afejQm/6HeUp6QFisw8hCsixrAKI3YjqWXjTQL/0xE/u4PIIpQIfvod8c803TZSO3zL0tJkSPkYfjg9klbopxA",
        "pbkdf2_sha256$1000$seasalt0seasalt0$Wgp8op/ZFV+10Ow3tmgL3x2VOwuy2iwDehiRUlvGzwU=",
        "pbkdf2_sha1$1000$seasalt0seasalt0$w1aW9xX/9cLJu9MuPCog/l6XGtc=",
        "bcrypt_sha256$$2b$06$NoZkOf6a65ov..nk4m3GRu5FRazZDXUFxjtOdR074BRa3ogovf2Xi",
        "scrypt$1024$seasalt0seasalt0$8$5$08Dy19F7A5LQvFD1g6Tt7SD7k6g75X3o9Y+8ixTCGiVACokhy/QysF9zcjz0QPxGaS+6BkkAwu3PmDo/mg6eYw==",
        "$fbscrypt$v=1,n=9,r=4,p=1,ss=Bw==,sk=KEY$c2Vhc2FsdA==$spbHXf4XSgjlGNnyDVnnyZ5clHX907OL2nnSh6XPbTNJcsmVgTjosOHQUdL6OAi49D0GyqCy40YIL2VeOMkXKw==",
    ];

    fn parse(text: &str) -> Result<ForeignHash, ForeignHashError> {
        ForeignHash::parse(&text.replace("sk=KEY", &format!("sk={FIREBASE_KEY}")))
    }

    fn verify(text: &str, password: &str) -> bool {
        parse(text)
            .map(|hash| hash.verify(password.as_bytes()))
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_hash_of_every_scheme_matches_only_its_password() {
        for text in HORSE {
            assert!(verify(text, "correct horse battery"), "{text}");
            assert!(!verify(text, "correct horse batterz"), "{text}");
            assert!(!verify(text, "correct horse battery "), "{text}");
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
    fn a_changed_hash_does_not_match() {
        for text in HORSE {
            // The third character from the end, which has no unused bits and is not padding.
            let place = text.trim_end_matches('=').len() - 3;
            let other = if text.as_bytes()[place] == b'B' { "C" } else { "B" };
            let changed = [&text[..place], other, &text[place + 1..]].concat();
            assert!(!parse(&changed).is_ok_and(|hash| hash.verify(b"correct horse battery")), "{changed}");
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
            "$fbscrypt$v=1,n=9,r=4,p=1,ss=Bw==,sk=AAAA$c2FsdA==$AAAA",
            "$fbscrypt$v=1,n=9,r=4,p=1,ss=Bw==,sk=$c2FsdA==$",
        ] {
            assert!(matches!(parse(text), Err(ForeignHashError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in
            ["", "$", "$$", "plain", "!unusable", "md5$salt$0123", "$1$salt$hash", "$2x$06$a", "$6$salt$hash"]
        {
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
