//! A JWT library of another language, run in its own process. Requests and responses are JSON objects, one a line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use counterfoil_jose::Algorithm;
use counterfoil_test_support::interop_folder;
use serde_json::{Value, json};

/// A JWT library of another language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    /// `jose` on npm.
    Jose,
    /// `jsonwebtoken` and `jwks-rsa` on npm.
    Jsonwebtoken,
    /// `PyJWT` on PyPI.
    PyJwt,
    /// `joserfc` on PyPI.
    JoseRfc,
}

impl Library {
    pub(crate) const ALL: [Self; 4] = [Self::Jose, Self::Jsonwebtoken, Self::PyJwt, Self::JoseRfc];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Jose => "jose",
            Self::Jsonwebtoken => "jsonwebtoken",
            Self::PyJwt => "pyjwt",
            Self::JoseRfc => "joserfc",
        }
    }

    /// Whether it supports `algorithm`. None supports ML-DSA; `jose` requires a Node.js of 2025 for it.
    pub(crate) fn supports(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::MlDsa44 | Algorithm::MlDsa65 => false,
            Algorithm::EdDsa => self != Self::Jsonwebtoken,
            Algorithm::Ed25519 => matches!(self, Self::Jose | Self::JoseRfc),
            _ => true,
        }
    }

    pub(crate) fn algorithms(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |&algorithm| self.supports(algorithm))
    }

    /// Starts every library. `None` if they are not installed: the test is skipped.
    pub(crate) fn start_all() -> Option<Vec<ForeignLibrary>> {
        let (node, python) = (interop_folder("node")?, interop_folder("python")?);
        Some(Self::ALL.map(|library| library.start(&node, &python)).into())
    }

    fn start(self, node_folder: &Path, python_folder: &Path) -> ForeignLibrary {
        let command = match self {
            Self::Jose | Self::Jsonwebtoken => {
                let mut node = Command::new("node");
                node.args(["--import", "./webcrypto.mjs", "driver.mjs"]).current_dir(node_folder);
                node
            }
            Self::PyJwt | Self::JoseRfc => python(python_folder, "driver.py"),
        };
        ForeignLibrary::start(self, command)
    }
}

fn python(folder: &Path, program: &str) -> Command {
    let mut python = Command::new(folder.join("venv/bin/python"));
    python.arg(program).current_dir(folder);
    python
}

/// Runs `unknown_kid_requests.py`: the documented PyJWT verifier receives tokens with invented key ids while the issuer
/// is unavailable. Returns its report.
pub(crate) fn unknown_kid_requests() -> Option<Value> {
    let output = python(&interop_folder("python")?, "unknown_kid_requests.py").output().unwrap();
    Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}")))
}

/// A running library. Dropping it ends the process.
pub(crate) struct ForeignLibrary {
    pub(crate) library: Library,
    process: Child,
    requests: ChildStdin,
    responses: BufReader<ChildStdout>,
}

impl ForeignLibrary {
    fn start(library: Library, mut command: Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (requests, responses) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { library, process, requests, responses: BufReader::new(responses) }
    }

    /// Sends a request. Returns the library's result, or the text of its error.
    fn call(&mut self, mut request: Value) -> Result<Value, String> {
        request["library"] = json!(self.library.name());
        let mut line = String::new();
        // The library fetches keys from the server of this process, so this thread must not block its tasks.
        tokio::task::block_in_place(|| {
            writeln!(self.requests, "{request}").unwrap();
            self.responses.read_line(&mut line).unwrap();
        });
        let mut response: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{request}: {line:?}"));
        match response.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(response["result"].take()),
        }
    }

    /// Verifies a token with the keys that `issuer` publishes, and returns its claims.
    pub(crate) fn verify(
        &mut self,
        issuer: &str,
        algorithm: Algorithm,
        token: &str,
    ) -> Result<Value, String> {
        let (alg, audience) = (algorithm.as_str(), issuer);
        self.call(json!({"operation": "verify", "issuer": issuer, "audience": audience, "alg": alg, "token": token}))
    }

    /// Verifies a token with a shared secret, given as base64url, and returns its claims.
    pub(crate) fn verify_by_secret(
        &mut self,
        issuer: &str,
        algorithm: Algorithm,
        token: &str,
        secret: &str,
    ) -> Result<Value, String> {
        let alg = algorithm.as_str();
        self.call(json!({
            "operation": "verify", "issuer": issuer, "audience": issuer, "alg": alg, "token": token, "secret": secret,
        }))
    }

    /// Signs `claims` with a new key. Returns the `token`, and the key as `jwk`, `pem`, `private` or `secret`.
    pub(crate) fn sign(&mut self, algorithm: Algorithm, kid: &str, claims: &Value) -> Value {
        let alg = algorithm.as_str();
        self.call(json!({"operation": "sign", "alg": alg, "kid": kid, "claims": claims})).unwrap()
    }
}

impl Drop for ForeignLibrary {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
