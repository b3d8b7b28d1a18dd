//! A URL with several hosts: one of them is the primary.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, TargetSessionAttrs};

/// The time within which a connection to a host must be made.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Makes a connection use the host that accepts writes. They are tried in random order: a former primary that came back and
/// is refused must not keep the process from finding the other one.
pub(crate) fn select_primary(config: &mut Config) {
    if config.get_hosts().len() > 1 {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.load_balance_hosts(LoadBalanceHosts::Random);
    }
}

/// The time within which a connection must be made: every host has its own limit.
pub(crate) fn connect_timeout(config: &Config) -> Duration {
    let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX);
    CONNECT_TIMEOUT.saturating_mul(hosts.max(1))
}

/// A configuration for each host; none if there is only one.
pub(crate) fn each_host(config: &Config) -> Vec<Config> {
    let hosts = config.get_hosts();
    if hosts.len() < 2 {
        return Vec::new();
    }
    (0..hosts.len()).map(|index| of_host(config, index)).collect()
}

fn of_host(config: &Config, index: usize) -> Config {
    let mut single = Config::new();
    match &config.get_hosts()[index] {
        Host::Tcp(name) => single.host(name),
        Host::Unix(path) => single.host_path(path),
    };
    if let Some(address) = config.get_hostaddrs().get(index) {
        single.hostaddr(*address);
    }
    // One port is that of every host.
    let ports = config.get_ports();
    if let Some(port) = ports.get(index).or(ports.first()) {
        single.port(*port);
    }
    if let Some(user) = config.get_user() {
        single.user(user);
    }
    if let Some(password) = config.get_password() {
        single.password(password);
    }
    if let Some(database) = config.get_dbname() {
        single.dbname(database);
    }
    if let Some(options) = config.get_options() {
        single.options(options);
    }
    single.application_name("counterfoil");
    single.ssl_mode(config.get_ssl_mode());
    single.target_session_attrs(TargetSessionAttrs::ReadWrite);
    single.connect_timeout(CONNECT_TIMEOUT);
    single
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_its_port_and_its_time() {
        let config: Config = "postgres://auth:swordfish@one:1,two:2/auth".parse().unwrap();
        let hosts = each_host(&config);

        assert_eq!(connect_timeout(&config), CONNECT_TIMEOUT * 2);
        let ports: Vec<_> =
            hosts.iter().map(|host| (host.get_hosts().len(), host.get_ports().to_vec())).collect();
        assert_eq!(ports, [(1, vec![1]), (1, vec![2])]);
        assert_eq!(hosts[1].get_hosts(), [Host::Tcp("two".into())]);
        assert!(hosts.iter().all(|host| host.get_password() == Some(b"swordfish")));
        assert!(each_host(&"postgres://one/auth".parse().unwrap()).is_empty());
    }
}
