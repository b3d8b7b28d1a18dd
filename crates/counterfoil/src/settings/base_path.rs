//! The path below which the routes are served.

use std::fmt;
use std::str::FromStr;

/// The path below which Counterfoil's routes are served; empty for the root.
///
/// ```
/// use counterfoil::BasePath;
///
/// let path: BasePath = "/auth".parse()?;
/// assert_eq!(path.as_str(), "/auth");
/// assert_eq!("/".parse::<BasePath>()?, BasePath::ROOT);
/// assert!("auth/".parse::<BasePath>().is_err());
/// # Ok::<(), counterfoil::BasePathError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// A text is not a base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the base path must be like `/auth`: segments of letters, digits, `-`, `.`, `_` or `~`, each after a slash, without a slash at the end"
)]
pub struct BasePathError;

impl BasePath {
    /// The root: routes such as `/v1/login`.
    pub const ROOT: Self = Self(String::new());

    /// The path without a slash at the end; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        if text.is_empty() || text == "/" {
            return Ok(Self::ROOT);
        }
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        // Clients resolve `.` and `..`, so that no request would have such a path.
        let is_segment =
            |segment: &str| !["", ".", ".."].contains(&segment) && segment.bytes().all(is_unreserved);
        let segments = text.strip_prefix('/').ok_or(BasePathError)?;
        if segments.split('/').all(is_segment) { Ok(Self(text.to_owned())) } else { Err(BasePathError) }
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_segments_without_characters_that_a_router_interprets() {
        for good in ["/auth", "/a/b", "/v1.2_x~y-z"] {
            assert_eq!(good.parse::<BasePath>().unwrap().as_str(), good);
        }
        for bad in [
            "auth", "/auth/", "//auth", "/a//b", "/{x}", "/*x", "/a b", "/a?b", "/a%2fb", "/..", "/a/./b",
            "/ü",
        ] {
            assert_eq!(bad.parse::<BasePath>(), Err(BasePathError), "{bad}");
        }
    }
}
