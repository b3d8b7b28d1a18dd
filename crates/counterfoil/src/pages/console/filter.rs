//! The filters of lists: parameters of the query, so that a view can be sent as a link.

use std::str::FromStr;

use crate::http::error::AppError;
use crate::http::redirect::encode;
use crate::pages::query::Query;

/// The text of a parameter, as the form shows it again.
pub(super) fn text(query: &Query, name: &str) -> String {
    query.get(name).unwrap_or_default().trim().to_owned()
}

/// The parsed value of a parameter. `expected` completes the sentence "must be …".
///
/// # Errors
///
/// If it cannot be parsed.
pub(super) fn parse<T: FromStr>(
    query: &Query,
    name: &'static str,
    expected: &str,
) -> Result<Option<T>, AppError> {
    let text = text(query, name);
    match text.is_empty() {
        true => Ok(None),
        false => text.parse().map(Some).map_err(|_| AppError::field(name, format!("must be {expected}"))),
    }
}

/// The path with these parameters, without those that are empty.
pub(super) fn with_query(path: &str, pairs: &[(&str, &String)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_parameters_that_are_set() {
        let (none, some) = (String::new(), "a&b".to_owned());

        assert_eq!(
            with_query("/admin/audit", &[("kind", &none), ("user", &some)]),
            "/admin/audit?user=a%26b"
        );
        assert_eq!(with_query("/admin/audit", &[("kind", &none)]), "/admin/audit");
    }
}
