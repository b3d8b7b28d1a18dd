//! Apache with `mod_auth_openidc`, as the page configures it, guards a path.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use counterfoil_test_support::self_signed_certificate;
use tempfile::TempDir;

use crate::client::Request;
use crate::introspection::{Issuer, code};
use crate::programs::output;
use crate::test_server::text;

/// Where Debian installs the modules.
const MODULES: &str = "/usr/lib/apache2/modules";

/// Far longer than the start takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// Apache with one site, in a process of its own.
struct Apache {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Apache {
    /// Starts it with the configuration of the page. It asks the issuer over TLS, which it terminates itself. `None` if it is
    /// not installed: the test is skipped.
    fn start(issuer: &Issuer) -> Option<Self> {
        if !Path::new(MODULES).join("mod_auth_openidc.so").exists() {
            counterfoil_test_support::skip("apache2 and libapache2-mod-auth-openidc are not installed");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("site")).unwrap();
        fs::write(root.join("site/orders"), "the orders").unwrap();
        // Apache gives up the rights of root.
        fs::set_permissions(root, Permissions::from_mode(0o755)).unwrap();
        self_signed_certificate(root, "tls", "localhost");
        let [address, tls] = free_addresses();
        fs::write(root.join("httpd.conf"), configuration(root, [address, tls], issuer)).unwrap();
        let mut apache = Command::new("apache2");
        apache.arg("-X").arg("-d").arg(root).arg("-f").arg(root.join("httpd.conf")).stdin(Stdio::null());
        let log = fs::File::create(root.join("log")).unwrap();
        let process = apache.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut apache = Self { process, address, folder };
        apache.wait_until_it_listens();
        Some(apache)
    }

    fn wait_until_it_listens(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            assert!(self.process.try_wait().unwrap().is_none(), "Apache has ended: {}", self.log());
            assert!(started.elapsed() < DEADLINE, "Apache does not listen: {}", self.log());
            sleep(Duration::from_millis(20));
        }
    }

    /// The status and the user of a request with this bearer token.
    async fn get(&self, token: Option<&str>) -> (String, String) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code} %header{x-user}"]);
        curl.args(token.iter().flat_map(|token| ["-H".to_owned(), format!("Authorization: Bearer {token}")]));
        curl.arg(format!("http://{}/orders", self.address));
        let printed = output(curl).await;
        let (status, user) = printed.split_once(' ').unwrap();
        (status.to_owned(), user.trim().to_owned())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two addresses with different ports that were free a moment ago.
fn free_addresses() -> [SocketAddr; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

/// The site that the page guards, and a TLS proxy in front of the issuer.
fn configuration(root: &Path, [address, tls]: [SocketAddr; 2], issuer: &Issuer) -> String {
    let modules = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "authz_user",
        "headers",
        "ssl",
        "proxy",
        "proxy_http",
        "auth_openidc",
    ];
    let modules = modules.map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n")).concat();
    let endpoint = format!("https://localhost:{}", tls.port());
    let site = issuer.fill_in(&code("apache")).replace("https://auth.example", &endpoint);
    let (root, issuer) = (root.display(), &issuer.server.origin);
    format!(
        "{modules}ServerName localhost\nListen {address}\nListen {tls}\nUser www-data\nGroup www-data\n\
         PidFile {root}/pid\nDefaultRuntimeDir {root}\nErrorLog {root}/log\nOIDCCABundlePath {root}/tls.pem\n\
         <VirtualHost {tls}>\nSSLEngine on\nSSLCertificateFile {root}/tls.pem\nSSLCertificateKeyFile {root}/tls.key\n\
         ProxyPass / {issuer}/\n</VirtualHost>\n\
         <VirtualHost {address}>\nDocumentRoot {root}/site\n\
         Header always set X-User \"expr=%{{REMOTE_USER}}\"\n{site}</VirtualHost>\n"
    )
}

#[tokio::test]
async fn apache_lets_active_tokens_for_it_through_and_nothing_else() {
    let issuer = Issuer::start().await;
    let Some(apache) = Apache::start(&issuer) else { return };
    let (login, session) = (issuer.login().await, issuer.server.login("ada", "session").await);
    let token = text(&login, "access_token");

    let user = text(&login["user"], "id").to_owned();
    assert_eq!(apache.get(Some(token)).await, ("200".to_owned(), user), "{}", apache.log());
    for refused in
        [None, Some("unknown"), Some(text(&login, "refresh_token")), Some(text(&session, "session_token"))]
    {
        let (status, _) = apache.get(refused).await;
        assert!(status == "401" || status == "403", "{status}: {refused:?}");
    }
    let form = format!("token={token}");
    let revoked = Request::post("/oauth/revoke").body("application/x-www-form-urlencoded", form);
    assert_eq!(revoked.send(&issuer.server).await.status, 200);
    assert_eq!(apache.get(Some(token)).await.0, "401");
}

#[tokio::test]
async fn apache_with_a_wrong_key_lets_no_token_through() {
    let mut issuer = Issuer::start().await;
    let login = issuer.login().await;
    issuer.key = format!("cfv_{}.{}", issuer.id, "A".repeat(43));
    let Some(apache) = Apache::start(&issuer) else { return };

    let (status, _) = apache.get(Some(text(&login, "access_token"))).await;

    assert_ne!(status, "200");
}
