//! The shipped configurations, with the addresses and files of a test.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use counterfoil_test_support::interop_folder;

use crate::curl::HOST;
use crate::programs::repository_file;

/// Where Debian installs the modules of Apache.
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

/// A proxy in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    DebianCaddy,
    Caddy,
    Traefik,
    Haproxy,
    Apache,
    Envoy,
}

/// The addresses that a configuration names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) proxy: SocketAddr,
    pub(crate) counterfoil: SocketAddr,
    pub(crate) application: SocketAddr,
}

impl Kind {
    /// Its program. `None` if it is not installed: the test is skipped.
    fn program(self) -> Option<PathBuf> {
        let installed = |name: &str| {
            let folders = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
            let found = folders.into_iter().find(|file| file.exists());
            if found.is_none() {
                counterfoil_test_support::skip(&format!("{name} is not installed"));
            }
            found
        };
        let packaged = |path: &str| Some(interop_folder("proxies")?.join("venv").join(path));
        match self {
            Self::Nginx => installed("nginx"),
            Self::DebianCaddy => installed("caddy"),
            Self::Haproxy => installed("haproxy"),
            Self::Apache => installed("apache2"),
            Self::Caddy => packaged("bin/caddy"),
            Self::Traefik => packaged("bin/traefik"),
            Self::Envoy => packaged("bin/envoy"),
        }
    }

    /// Whether it can remove the cookies of Counterfoil from a request.
    pub(crate) const fn removes_cookies(self) -> bool {
        !matches!(self, Self::Traefik | Self::Envoy)
    }

    /// What it answers to a request for a host of which its configuration does not say anything.
    pub(crate) const fn status_of_unknown_hosts(self) -> u16 {
        match self {
            Self::Nginx | Self::Haproxy | Self::Apache | Self::Envoy => 421,
            Self::Traefik => 404,
            // Without a body.
            Self::DebianCaddy | Self::Caddy => 200,
        }
    }

    /// Writes its configuration into `root`, with these requirements. Returns how it is started; `None` if it is not installed.
    pub(crate) fn prepare(self, root: &Path, addresses: Addresses, requirements: &str) -> Option<Command> {
        let program = self.program()?;
        make_certificate(root);
        let mut command = Command::new(program);
        let file = |name: &str| root.join(name);
        match self {
            Self::Nginx => {
                let text = fill_in("nginx.conf", root, addresses)
                    .replace("listen 443 ssl", &format!("listen {} ssl", addresses.proxy))
                    .replace("$server_name;", &format!("$server_name:{};", addresses.proxy.port()))
                    .replace("/v1/verify/nginx;", &format!("/v1/verify/nginx/{requirements};"));
                fs::write(file("guard.conf"), text).unwrap();
                fs::write(file("nginx.conf"), nginx_main(root)).unwrap();
                command.arg("-p").arg(root).arg("-c").arg(file("nginx.conf"));
                command.args(["-g", "daemon off;"]);
            }
            Self::DebianCaddy | Self::Caddy => {
                let site = format!("{HOST}:{} {{", addresses.proxy.port());
                let text = fill_in("Caddyfile", root, addresses)
                    .replace(&format!("{HOST} {{"), &site)
                    .replace("uri /v1/verify/caddy", &format!("uri /v1/verify/caddy/{requirements}"));
                fs::write(file("Caddyfile"), format!("{{\n\tadmin off\n\tauto_https off\n}}\n{text}"))
                    .unwrap();
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file("Caddyfile"));
            }
            Self::Traefik => {
                let text =
                    fill_in("traefik.yml", root, addresses).replace(":443", &addresses.proxy.to_string());
                let text = text.replace("/etc/traefik/", &format!("{}/", root.display()));
                fs::write(file("traefik.yml"), text).unwrap();
                let text = fill_in("traefik-dynamic.yml", root, addresses)
                    .replace("/v1/verify/traefik\"", &format!("/v1/verify/traefik/{requirements}\""));
                fs::write(file("traefik-dynamic.yml"), text).unwrap();
                command.arg(format!("--configFile={}", file("traefik.yml").display()));
            }
            Self::Haproxy => {
                let text = fill_in("haproxy.cfg", root, addresses)
                    .replace("bind :443", &format!("bind {}", addresses.proxy))
                    .replace("str(app.example)", &format!("str({HOST}:{})", addresses.proxy.port()))
                    .replace("app.example.pem", "both.pem")
                    .replace("/etc/haproxy/", &format!("{}/", root.display()))
                    .replace("/v1/verify/haproxy if", &format!("/v1/verify/haproxy/{requirements} if"));
                fs::write(file("haproxy.cfg"), text).unwrap();
                fs::write(file("haproxy.lua"), fill_in("haproxy.lua", root, addresses)).unwrap();
                command.arg("-db").arg("-f").arg(file("haproxy.cfg"));
            }
            Self::Apache => {
                let function = if requirements == "-" { "check" } else { "check_admin" };
                let text = fill_in("apache.conf", root, addresses)
                    .replace("*:443", &addresses.proxy.to_string())
                    .replace(
                        "ServerName app.example\n",
                        &format!("ServerName {HOST}:{}\n", addresses.proxy.port()),
                    )
                    .replace("\"app.example\"", &format!("\"{HOST}:{}\"", addresses.proxy.port()))
                    .replace("/etc/apache2/", &format!("{}/", root.display()))
                    .replace("apache.lua check\n", &format!("apache.lua {function}\n"));
                fs::write(file("httpd.conf"), apache_main(root, addresses) + &text).unwrap();
                fs::write(file("apache.lua"), fill_in("apache.lua", root, addresses)).unwrap();
                command.arg("-X").arg("-d").arg(root).arg("-f").arg(file("httpd.conf"));
            }
            Self::Envoy => {
                let port = format!("address: 127.0.0.1, port_value: {}", addresses.proxy.port());
                let text = fill_in("envoy.yaml", root, addresses)
                    .replace("address: 0.0.0.0, port_value: 443", &port)
                    .replace("/v1/verify/envoy/-", &format!("/v1/verify/envoy/{requirements}"));
                fs::write(file("envoy.yaml"), text).unwrap();
                command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "error", "-c"]);
                command.arg(file("envoy.yaml"));
            }
        }
        command.env("HOME", root).env("XDG_DATA_HOME", root).env("XDG_CONFIG_HOME", root).current_dir(root);
        Some(command)
    }
}

/// The shipped file with the addresses and the certificate of a test.
fn fill_in(name: &str, root: &Path, addresses: Addresses) -> String {
    let text = fs::read_to_string(repository_file("dist/proxy").join(name)).unwrap();
    let port_of = |port: u16| format!("address: 127.0.0.1, port_value: {port}");
    text.replace("/etc/ssl/", &format!("{}/", root.display()))
        .replace("127.0.0.1:3000", &addresses.counterfoil.to_string())
        .replace("127.0.0.1:8080", &addresses.application.to_string())
        .replace(&port_of(3000), &port_of(addresses.counterfoil.port()))
        .replace(&port_of(8080), &port_of(addresses.application.port()))
}

fn nginx_main(root: &Path) -> String {
    let root = root.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|kind| format!("{kind}_temp_path {root}/{kind};\n")).concat();
    format!(
        "user www-data;\nworker_processes 1;\npid {root}/pid;\nerror_log {root}/log;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}include {root}/guard.conf;\n}}\n"
    )
}

fn apache_main(root: &Path, addresses: Addresses) -> String {
    let modules = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "alias",
        "headers",
        "ssl",
        "proxy",
        "proxy_http",
        "proxy_wstunnel",
        "lua",
    ];
    let modules =
        modules.map(|name| format!("LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n")).concat();
    let root = root.display();
    format!(
        "{modules}ServerName localhost\nListen {}\nUser www-data\nGroup www-data\nPidFile {root}/pid\n\
         DefaultRuntimeDir {root}\nErrorLog {root}/log\n",
        addresses.proxy
    )
}

/// `app.example.pem` and `app.example.key`, and both of them in `both.pem`.
fn make_certificate(folder: &Path) {
    let mut openssl = Command::new("openssl");
    let kind =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    openssl.args(kind).args(["-subj", "/CN=app.example", "-addext", "subjectAltName=DNS:app.example"]);
    openssl.args(["-keyout", "app.example.key", "-out", "app.example.pem"]).current_dir(folder);
    let made = openssl.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let [certificate, key] =
        ["app.example.pem", "app.example.key"].map(|name| fs::read(folder.join(name)).unwrap());
    fs::write(folder.join("both.pem"), [certificate, key].concat()).unwrap();
}
