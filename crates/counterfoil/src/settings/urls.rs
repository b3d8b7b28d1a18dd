//! The URLs and paths at which clients reach the routes.

use crate::settings::Settings;

impl Settings {
    /// The URL below which clients reach the routes, without a slash at the end: the origin of the issuer with the
    /// base path. At the root it is the issuer itself, whose path a proxy then removes.
    pub(crate) fn api_url(&self) -> String {
        match self.base_path.is_root() {
            true => self.issuer.to_string(),
            false => format!("{}{}", self.issuer.origin().as_str(), self.base_path),
        }
    }

    /// The path at which clients reach a route with this path template, which contains the base path: at the root a proxy
    /// removes the path of the issuer.
    pub(crate) fn public_path(&self, route: &str) -> String {
        match self.base_path.is_root() {
            true => format!("{}{route}", self.issuer.path()),
            false => route.to_owned(),
        }
    }

    /// What the path of every route begins with, as browsers see it; empty at the root.
    pub(crate) fn public_prefix(&self) -> String {
        match self.base_path.is_root() {
            true => self.issuer.path().to_owned(),
            false => self.base_path.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_are_below_the_base_path_or_at_the_issuer() {
        let url = |issuer: &str, path: &str| {
            let settings = Settings::new(issuer.parse().unwrap(), "sqlite:auth.db".parse().unwrap());
            Settings { base_path: path.parse().unwrap(), ..settings }.api_url()
        };

        assert_eq!(url("https://shop.example", ""), "https://shop.example");
        assert_eq!(url("https://shop.example", "/auth"), "https://shop.example/auth");
        assert_eq!(url("https://shop.example/auth", ""), "https://shop.example/auth");
        assert_eq!(url("https://shop.example/auth", "/auth"), "https://shop.example/auth");
    }
}
