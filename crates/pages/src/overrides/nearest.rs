//! The name that was probably meant.

/// The known name that is like `name`: with another directory before it, or a few letters different.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let file = |path: &str| path.rsplit('/').next() == Some(name);
    if let Some(elsewhere) = known.clone().find(|known| file(known)) {
        return Some(elsewhere);
    }
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    let nearest = known.min_by_key(|known| distance(known))?;
    (distance(nearest) <= 1 + nearest.len() / 4).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_like_another_one_if_few_letters_differ_or_it_is_in_a_directory() {
        let known = ["login.html", "logout.html", "console/users.html"];
        for (name, expected) in [
            ("logn.html", Some("login.html")),
            ("login.htm", Some("login.html")),
            ("Logout.html", Some("logout.html")),
            ("users.html", Some("console/users.html")),
            ("consol/users.html", Some("console/users.html")),
            ("README.md", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
        assert_eq!(nearest("login.html", std::iter::empty()), None);
    }
}
