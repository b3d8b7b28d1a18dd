//! The shipped configuration of each proxy, in the form that a setup needs.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::proxy::kind::ProxyKind;
use crate::proxy::setup::{ProxySetup, make_certificate, without_block};

/// Where Debian installs the modules of Apache.
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

/// Writes the configuration of a proxy into `root`. Returns how `program` is started in the foreground.
///
/// # Errors
///
/// If a file cannot be read or written, or openssl makes no certificate.
pub(super) fn prepare(
    kind: ProxyKind,
    program: &Path,
    root: &Path,
    setup: &ProxySetup<'_>,
) -> io::Result<Command> {
    if setup.has_tls {
        make_certificate(root, setup.host)?;
    }
    let mut command = Command::new(program);
    Configuration { root, setup }.write(kind, &mut command)?;
    command.env("HOME", root).env("XDG_DATA_HOME", root).env("XDG_CONFIG_HOME", root).current_dir(root);
    Ok(command)
}

/// The folder of a proxy, with its setup.
struct Configuration<'a> {
    root: &'a Path,
    setup: &'a ProxySetup<'a>,
}

impl Configuration<'_> {
    /// Writes the files of the proxy, and adds the arguments that read them to `command`.
    fn write(&self, kind: ProxyKind, command: &mut Command) -> io::Result<()> {
        match kind {
            ProxyKind::Nginx => self.nginx(command),
            ProxyKind::DebianCaddy | ProxyKind::Caddy => self.caddy(command),
            ProxyKind::Traefik => self.traefik(command),
            ProxyKind::Haproxy => self.haproxy(command),
            ProxyKind::Apache => self.apache(command),
            ProxyKind::Envoy => self.envoy(command),
        }
    }

    fn nginx(&self, command: &mut Command) -> io::Result<()> {
        let listen = format!("listen {}{}", self.setup.proxy, self.setup.tls(" ssl"));
        let text = self
            .read("nginx.conf")?
            .replace("listen 443 ssl", &listen)
            .replace("$server_name;", &format!("$server_name:{};", self.port()))
            .replace("/v1/verify/nginx;", &format!("/v1/verify/nginx/{};", self.asked()));
        self.save("guard.conf", &self.setup.without(&text, &["auth_request /"], &["ssl_certificate"]))?;
        self.save("nginx.conf", &nginx_main(self.root))?;
        command.arg("-p").arg(self.root).arg("-c").arg(self.root.join("nginx.conf"));
        command.args(["-g", "daemon off;"]);
        Ok(())
    }

    fn caddy(&self, command: &mut Command) -> io::Result<()> {
        let scheme = if self.setup.has_tls { "" } else { "http://" };
        let text = self
            .read("Caddyfile")?
            .replace(&format!("{} {{", self.setup.host), &format!("{scheme}{} {{", self.authority()))
            .replace("uri /v1/verify/caddy", &format!("uri /v1/verify/caddy/{}", self.asked()));
        let mut text = self.setup.without(&text, &[], &["tls /"]);
        if self.setup.requirements.is_none() {
            text = without_block(&text, "forward_auth ");
        }
        self.save("Caddyfile", &format!("{{\n\tadmin off\n\tauto_https off\n}}\n{text}"))?;
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(self.root.join("Caddyfile"));
        Ok(())
    }

    fn traefik(&self, command: &mut Command) -> io::Result<()> {
        let text = self
            .read("traefik.yml")?
            .replace(":443", &self.setup.proxy.to_string())
            .replace("/etc/traefik/", &format!("{}/", self.root.display()));
        self.save("traefik.yml", &text)?;
        let asked = format!("/v1/verify/traefik/{}\"", self.asked());
        let mut text = self.read("traefik-dynamic.yml")?.replace("/v1/verify/traefik\"", &asked);
        if !self.setup.has_tls {
            // The certificates are the last section.
            text.truncate(text.find("\ntls:").unwrap_or(text.len()) + 1);
        }
        let text = self.setup.without(&text, &["middlewares: ["], &["tls: {}"]);
        self.save("traefik-dynamic.yml", &text)?;
        command.arg(format!("--configFile={}", self.root.join("traefik.yml").display()));
        Ok(())
    }

    fn haproxy(&self, command: &mut Command) -> io::Result<()> {
        let certificate = format!(" ssl crt {}", self.root.join("both.pem").display());
        let text = self
            .read("haproxy.cfg")?
            .replace(&format!("{}.pem", self.setup.host), "both.pem")
            .replace("bind :443", &format!("bind {}", self.setup.proxy))
            .replace(&certificate, self.setup.tls(&certificate))
            .replace(&format!("str({})", self.setup.host), &format!("str({})", self.authority()))
            .replace("/etc/haproxy/", &format!("{}/", self.root.display()))
            .replace("/v1/verify/haproxy if", &format!("/v1/verify/haproxy/{} if", self.asked()));
        let asking = ["http-request lua.counterfoil ", "http-request deny deny_status 503 "];
        self.save("haproxy.cfg", &self.setup.without(&text, &asking, &[]))?;
        self.save("haproxy.lua", &self.read("haproxy.lua")?)?;
        command.arg("-db").arg("-f").arg(self.root.join("haproxy.cfg"));
        Ok(())
    }

    fn apache(&self, command: &mut Command) -> io::Result<()> {
        let function = if self.asked() == "-" { "check" } else { "check_admin" };
        let (host, authority) = (self.setup.host, self.authority());
        let text = self
            .read("apache.conf")?
            .replace("*:443", &self.setup.proxy.to_string())
            .replace(&format!("ServerName {host}\n"), &format!("ServerName {authority}\n"))
            .replace(&format!("\"{host}\""), &format!("\"{authority}\""))
            .replace("/etc/apache2/", &format!("{}/", self.root.display()))
            .replace("apache.lua check\n", &format!("apache.lua {function}\n"));
        let text = self.setup.without(&text, &["LuaHookAccessChecker "], &["SSLEngine", "SSLCertificate"]);
        self.save("httpd.conf", &(apache_main(self.root, self.setup.proxy) + &text))?;
        self.save("apache.lua", &self.read("apache.lua")?)?;
        command.arg("-DFOREGROUND").arg("-d").arg(self.root).arg("-f").arg(self.root.join("httpd.conf"));
        Ok(())
    }

    fn envoy(&self, command: &mut Command) -> io::Result<()> {
        let address = format!("address: 127.0.0.1, port_value: {}", self.port());
        let mut text = self
            .read("envoy.yaml")?
            .replace("address: 0.0.0.0, port_value: 443", &address)
            .replace("/v1/verify/envoy/-", &format!("/v1/verify/envoy/{}", self.asked()));
        if self.setup.requirements.is_none() {
            let route = "route: { cluster: application }\n";
            let unguarded = format!("{route}{:26}typed_per_filter_config: *unguarded\n", "");
            text = text.replace(route, &unguarded);
        }
        if !self.setup.has_tls
            && let Some((start, rest)) = text.split_once("        - transport_socket:")
            && let Some((_, filters)) = rest.split_once("          filters:")
        {
            text = format!("{start}        - filters:{filters}");
        }
        self.save("envoy.yaml", &text)?;
        command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "error", "-c"]);
        command.arg(self.root.join("envoy.yaml"));
        Ok(())
    }

    fn read(&self, name: &str) -> io::Result<String> {
        self.setup.read(name, self.root)
    }

    fn save(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.root.join(name), text)
    }

    fn port(&self) -> u16 {
        self.setup.proxy.port()
    }

    /// The host and the port that clients name.
    fn authority(&self) -> String {
        format!("{}:{}", self.setup.host, self.port())
    }

    /// The requirements. What a proxy that asks nothing would ask makes no difference.
    fn asked(&self) -> &str {
        self.setup.requirements.unwrap_or("-")
    }
}

fn nginx_main(root: &Path) -> String {
    let root = root.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|kind| format!("{kind}_temp_path {root}/{kind};\n")).concat();
    // A load generator keeps its connections.
    format!(
        "user www-data;\nworker_processes 1;\npid {root}/pid;\nerror_log {root}/log;\nevents {{}}\n\
         http {{\naccess_log off;\nkeepalive_requests 100000000;\n{temporary}include {root}/guard.conf;\n}}\n"
    )
}

fn apache_main(root: &Path, address: SocketAddr) -> String {
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
    // One process with a thread for each connection of a load generator: a process that ends, or one without a free thread, closes
    // connections that are kept.
    format!(
        "{modules}ServerLimit 1\nStartServers 1\nThreadLimit 160\nThreadsPerChild 160\nMaxRequestWorkers 160\n\
         MinSpareThreads 1\nMaxSpareThreads 160\nServerName localhost\nListen {address}\nUser www-data\nGroup www-data\nPidFile {root}/pid\n\
         DefaultRuntimeDir {root}\nErrorLog {root}/log\nMaxKeepAliveRequests 0\n"
    )
}
