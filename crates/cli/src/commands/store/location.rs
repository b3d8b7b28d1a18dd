//! The argument that names a store: its URL, or a file with the URL.

use std::path::Path;

use counterfoil::StoreUrl;

use crate::error::CliError;

/// The store that an argument names by its URL, or as `@FILE` with a file that contains the URL.
///
/// It is parsed here and not with the other arguments: those are shown in errors, and this one may have a password.
///
/// # Errors
///
/// If it names no store, or the URL has a password: other users see it in the list of processes. Usage.
pub(crate) fn parse(text: &str) -> Result<StoreUrl, CliError> {
    if let Some(file) = text.strip_prefix('@') {
        return StoreUrl::read_file(Path::new(file))
            .map_err(|error| CliError::from_error(&error).with_hint(error.hint()));
    }
    let parsed = text.parse::<StoreUrl>();
    let url = parsed.map_err(|error| CliError::usage(error.to_string()).with_hint(error.hint()))?;
    if url.has_password() {
        return Err(CliError::usage("other users see the password of the URL in the list of processes")
            .with_hint("write the URL into a file with mode 600, and name it as @FILE"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_accepted_in_a_file_alone() {
        for text in ["postgres://auth:swordfish@db/auth", "swordfish"] {
            let refused = format!("{:?}", parse(text).unwrap_err());
            assert!(!refused.contains("swordfish"), "{refused}");
        }
        assert!(parse("@/absent").is_err());
        assert_eq!(parse("postgres://auth@db/auth").unwrap().to_string(), "postgres://auth@db/auth");
    }
}
