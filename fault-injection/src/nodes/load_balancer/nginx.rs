//! nginx with the shipped configuration for several nodes.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use crate::nodes::load_balancer::{Timing, replaced, with_nodes};

/// The configuration that is shipped.
const SHIPPED: &str = include_str!("../../../../dist/proxy/nodes/nginx.conf");

/// The shipped configuration with other addresses, and without TLS.
pub(super) fn site(address: SocketAddr, nodes: &[SocketAddr], timing: Timing) -> Result<String> {
    let without_tls: Vec<_> = SHIPPED.lines().filter(|line| !line.trim_start().starts_with("ssl_")).collect();
    let line = |number: usize, options: &str| format!("    server {}{options}\n", nodes[number]);
    let site = with_nodes(&without_tls.join("\n"), "server 10.0.0.", line, nodes.len())?;
    let site = replaced(&site, "listen 443 ssl;", &format!("listen {address};"))?;
    let keepalive_timeout = format!("keepalive_timeout {}ms;", timing.keepalive_timeout.as_millis());
    replaced(&site, "keepalive_timeout 5s;", &keepalive_timeout)
}

/// What Debian has in `/etc/nginx/nginx.conf`, with every file in `dir`.
pub(super) fn main_file(dir: &Path) -> String {
    let dir = dir.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|kind| format!("{kind}_temp_path {dir}/{kind};\n")).concat();
    format!(
        "user root;\nworker_processes 2;\npid {dir}/pid;\nerror_log {dir}/log;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}include {dir}/nodes.conf;\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_nodes_of_the_shipped_configuration_are_replaced_with_their_options() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let timing =
            Timing { keepalive_timeout: Duration::from_secs(1), check_interval: Duration::from_secs(1) };

        let site = site(address(1), &[address(2), address(3)], timing).unwrap();

        assert!(site.contains("    server 127.0.0.1:2 max_fails=1 fail_timeout=1s;\n"), "{site}");
        assert!(site.contains("    server 127.0.0.1:3 max_fails=1 fail_timeout=1s;\n"), "{site}");
        assert!(site.contains("listen 127.0.0.1:1;") && !site.contains("server 10.0.0."), "{site}");
        assert!(site.contains("keepalive_timeout 1000ms;") && !site.contains("    ssl_"), "{site}");
    }
}
