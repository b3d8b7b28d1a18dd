//! HAProxy with the shipped configuration for several nodes.

use std::net::SocketAddr;

use anyhow::Result;

use crate::nodes::load_balancer::{Timing, replaced, with_nodes};

/// The configuration that is shipped.
const SHIPPED: &str = include_str!("../../../../dist/proxy/nodes/haproxy.cfg");

/// The shipped configuration with other addresses, and without TLS.
pub(super) fn configuration(address: SocketAddr, nodes: &[SocketAddr], timing: Timing) -> Result<String> {
    let line =
        |number: usize, options: &str| format!("    server node{} {}{options}\n", number + 1, nodes[number]);
    let text = with_nodes(SHIPPED, "server node", line, nodes.len())?;
    let text = replaced(&text, "bind :443 ssl crt /etc/ssl/auth.example.pem", &format!("bind {address}"))?;
    replaced(&text, "inter 1s", &format!("inter {}ms", timing.check_interval.as_millis()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_nodes_of_the_shipped_configuration_are_replaced() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let timing =
            Timing { keepalive_timeout: Duration::from_secs(1), check_interval: Duration::from_millis(300) };

        let text = configuration(address(1), &[address(2), address(3), address(4)], timing).unwrap();

        assert!(text.contains("    server node1 127.0.0.1:2\n    server node2 127.0.0.1:3\n"), "{text}");
        assert!(text.contains("    server node3 127.0.0.1:4\n") && !text.contains("10.0.0.1"), "{text}");
        assert!(text.contains("    bind 127.0.0.1:1\n") && !text.contains(" ssl "), "{text}");
        assert!(text.contains("check inter 300ms fall 2 rise 1"), "{text}");
    }
}
