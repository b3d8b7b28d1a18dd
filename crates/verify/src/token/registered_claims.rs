//! What is judged of a token's claims, whoever wrote them.

/// What a token says of whom it is of, whom it is for and when it is good.
pub(crate) struct RegisteredClaims<'a> {
    pub(crate) iss: Option<&'a str>,
    pub(crate) aud: &'a [String],
    /// In Unix seconds, as the others.
    pub(crate) iat: u64,
    pub(crate) nbf: Option<u64>,
    pub(crate) exp: u64,
}
