//! Five questions about sessions and JWTs, each answered by acts.

use crate::scenario::act::Act;

/// A question, by its number from 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question(u8);

impl Question {
    /// The question with this number, if there is one.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1..=5 => Some(Self(number)),
            _ => None,
        }
    }

    /// The question in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self.0 {
            1 => "What is the main difference between JWT and session?",
            2 => "How do you handle JWT expiration?",
            3 => "Why are JWTs considered stateless?",
            4 => "What are the security concerns with JWT?",
            _ => "How would you implement logout with JWT?",
        }
    }

    /// The answer in one or two sentences.
    #[must_use]
    pub const fn answer(self) -> &'static str {
        match self.0 {
            1 => {
                "A session token is looked up at its issuer. A JWT carries its claims and a signature, so that any \
                 service with the public key can verify it."
            }
            2 => {
                "An expired JWT is refused. With a refresh token the client gets a new one without the password, for as \
                 long as the session lives."
            }
            3 => {
                "A service verifies a JWT without the issuer. What it does not have is the end of the session: with the \
                 keys only it accepts the token until it expires, with the feed until its lease ends."
            }
            4 => {
                "A copied JWT works for the thief until it is revoked or expires, a script can read what is not in an \
                 HttpOnly cookie, and a verifier must not let the token choose how it is verified."
            }
            _ => {
                "A logout writes one entry to the revocation log. The issuer refuses the token at once, services that \
                 follow the feed a moment later, and a service with the keys only when the token expires."
            }
        }
    }

    /// The answer as guides usually give it.
    #[must_use]
    pub const fn usual_answer(self) -> &'static str {
        match self.0 {
            1 => {
                "Sessions store authentication state on the server, while JWT stores it in the token itself on the \
                 client side."
            }
            2 => "Use refresh tokens, implement token renewal, or require re-authentication.",
            3 => {
                "Because all necessary information is contained in the token itself, eliminating the need for \
                 server-side session storage."
            }
            4 => {
                "XSS attacks if stored in localStorage, token size, difficulty in revocation, and need for secure \
                 storage."
            }
            _ => {
                "Either use a blacklist/revocation list, implement short expiration with refresh tokens, or store JWT \
                 in httpOnly cookies and clear them."
            }
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// All of them.
    pub const ALL: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];

    /// The acts that show it.
    #[must_use]
    pub const fn acts(self) -> &'static [Act] {
        match self.0 {
            1 => &[Act::Login, Act::Call],
            2 => &[Act::Expire, Act::Refresh],
            3 => &[Act::IssuerDown],
            4 => &[Act::Steal, Act::Script, Act::Tamper],
            _ => &[Act::Logout, Act::Cut],
        }
    }
}
