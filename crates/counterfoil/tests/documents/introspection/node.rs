//! `oauth4webapi` introspects and revokes, with the code of the page.

use std::io::Write as _;
use std::process::{Command, Stdio};

use counterfoil_test_support::interop_folder;
use serde_json::{Value, json};

use crate::introspection::{AUDIENCE, Issuer, code};
use crate::test_server::text;

/// Runs after the code of the page. Prints the answers as JSON.
const MAIN: &str = r#"
const discovered = await oauth.discoveryRequest(new URL(ISSUER), { algorithm: "oauth2", ...options });
const issuer = await oauth.processDiscoveryResponse(new URL(ISSUER), discovered);
const report = { access: await authenticate(issuer, ACCESS), refresh: await authenticate(issuer, REFRESH) };
report.unknown = await authenticate(issuer, "unknown");
const wrong = oauth.ClientSecretPost(KEY.slice(0, -8) + "AAAAAAAA");
const refused = await oauth.introspectionRequest(issuer, client, wrong, ACCESS, options);
report.refused = await oauth.processIntrospectionResponse(issuer, client, refused).catch((error) => error.code);
const posted = await oauth.introspectionRequest(issuer, client, oauth.ClientSecretPost(KEY), ACCESS, options);
report.posted = (await oauth.processIntrospectionResponse(issuer, client, posted)).active;
await signOut(issuer, ACCESS);
report.revoked = await authenticate(issuer, ACCESS);
report.methods = [
  issuer.introspection_endpoint_auth_methods_supported,
  issuer.revocation_endpoint_auth_methods_supported,
];
console.log(JSON.stringify(report));
"#;

#[tokio::test]
async fn oauth4webapi_introspects_and_revokes_with_the_code_of_the_page() {
    let Some(folder) = interop_folder("documents-node") else { return };
    let issuer = Issuer::start().await;
    let login = issuer.login().await;
    let constants = [
        ("ISSUER", issuer.server.origin.as_str()),
        ("ID", &issuer.id),
        ("KEY", &issuer.key),
        ("AUDIENCE", AUDIENCE),
        ("ACCESS", text(&login, "access_token")),
        ("REFRESH", text(&login, "refresh_token")),
    ];
    let constants = constants.map(|(name, value)| format!("const {name} = {};\n", json!(value))).concat();
    let options = "const options = { [oauth.allowInsecureRequests]: true };\n";
    let program = format!("{constants}{options}{}{MAIN}", code("js"));

    let report: Value = serde_json::from_str(&run(program, folder).await).unwrap();

    assert_eq!(report["access"]["sub"], login["user"]["id"]);
    for refused in ["refresh", "unknown", "revoked"] {
        assert_eq!(report[refused], json!(null), "{refused}");
    }
    assert_eq!(report["posted"], true);
    let code = report["refused"].as_str().unwrap();
    assert!(code == "OAUTH_WWW_AUTHENTICATE_CHALLENGE" || code == "OAUTH_RESPONSE_BODY_ERROR", "{code}");
    let methods = json!([["client_secret_basic", "client_secret_post", "Bearer"], ["none"]]);
    assert_eq!(report["methods"], methods);
}

/// Runs a module that imports the packages of this folder. Returns what it prints.
async fn run(program: String, folder: std::path::PathBuf) -> String {
    let run = move || {
        let mut node = Command::new("node");
        node.args(["--input-type=module", "-"]).current_dir(folder);
        let mut node =
            node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        node.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
        let output = node.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}
