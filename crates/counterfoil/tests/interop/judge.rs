//! A foreign library, in a process of its own, that is asked about tokens line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use counterfoil_jose::Algorithm;
use serde_json::{Value, json};

/// A library of another language.
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

    /// Whether it knows `algorithm`. None knows ML-DSA: `jose` does with a Node of 2025 below it.
    pub(crate) fn knows(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::MlDsa44 | Algorithm::MlDsa65 => false,
            Algorithm::EdDsa => self != Self::Jsonwebtoken,
            Algorithm::Ed25519 => matches!(self, Self::Jose | Self::JoseRfc),
            _ => true,
        }
    }

    pub(crate) fn algorithms(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |&algorithm| self.knows(algorithm))
    }

    /// All of them, if they are installed; else says that the test is skipped.
    pub(crate) fn call_all(test: &str) -> Option<Vec<Judge>> {
        let folder = installed(test)?;
        Some(Self::ALL.map(|library| library.call(&folder)).into())
    }

    fn call(self, folder: &Path) -> Judge {
        let command = match self {
            Self::Jose | Self::Jsonwebtoken => {
                let mut node = Command::new("node");
                node.args(["--import", "./webcrypto.mjs", "judge.mjs"]).current_dir(folder.join("node"));
                node
            }
            Self::PyJwt | Self::JoseRfc => python(&folder.join("python"), "judge.py"),
        };
        Judge::start(self, command)
    }
}

/// Where the libraries are installed; else says that the test is skipped.
fn installed(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("COUNTERFOIL_INTEROP").map(PathBuf::from);
    if folder.is_none() {
        counterfoil_test_support::skip(&format!(
            "{test}: COUNTERFOIL_INTEROP is not set (cargo xtask test sets it)"
        ));
    }
    folder
}

fn python(folder: &Path, program: &str) -> Command {
    let mut python = Command::new(folder.join("venv/bin/python"));
    python.arg(program).current_dir(folder);
    python
}

/// What comes of strangers with made-up keys while the issuer is away, in the verifier that the documents show.
pub(crate) fn besieged(test: &str) -> Option<Value> {
    let said = python(&installed(test)?.join("python"), "besieged.py").output().unwrap();
    Some(serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}")))
}

/// A library that runs; it ends with the test.
pub(crate) struct Judge {
    pub(crate) library: Library,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Judge {
    fn start(library: Library, mut command: Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { library, process, questions, answers: BufReader::new(answers) }
    }

    /// What the library says: an answer, or why it refuses.
    fn ask(&mut self, mut question: Value) -> Result<Value, String> {
        question["library"] = json!(self.library.name());
        let mut line = String::new();
        // It asks our server for keys: whoever runs on this thread goes on elsewhere.
        tokio::task::block_in_place(|| {
            writeln!(self.questions, "{question}").unwrap();
            self.answers.read_line(&mut line).unwrap();
        });
        let mut said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{question}: {line:?}"));
        match said.get("refused") {
            Some(why) => Err(why.to_string()),
            None => Ok(said["answer"].take()),
        }
    }

    /// The claims of a token that the library accepts by the keys that `issuer` publishes.
    pub(crate) fn verify(
        &mut self,
        issuer: &str,
        algorithm: Algorithm,
        token: &str,
    ) -> Result<Value, String> {
        let (alg, audience) = (algorithm.as_str(), issuer);
        self.ask(json!({"ask": "verify", "issuer": issuer, "audience": audience, "alg": alg, "token": token}))
    }

    /// The same by a secret that both know, as base64url.
    pub(crate) fn verify_by_secret(
        &mut self,
        issuer: &str,
        algorithm: Algorithm,
        token: &str,
        secret: &str,
    ) -> Result<Value, String> {
        let alg = algorithm.as_str();
        self.ask(json!({
            "ask": "verify", "issuer": issuer, "audience": issuer, "alg": alg, "token": token, "secret": secret,
        }))
    }

    /// A token that the library signed with a new key: its `token`, and its `jwk`, `pem`, `private` or `secret`.
    pub(crate) fn mint(&mut self, algorithm: Algorithm, kid: &str, claims: &Value) -> Value {
        let alg = algorithm.as_str();
        self.ask(json!({"ask": "mint", "alg": alg, "kid": kid, "claims": claims})).unwrap()
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
