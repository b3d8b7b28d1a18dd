//! Names and addresses in different spellings: one user, one limit, and no second user.

use std::net::IpAddr;
use std::sync::Arc;

use counterfoil_core::ClientError;
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::Credentials;
use counterfoil_core::services::administration::UserChange;
use counterfoil_core::services::user_import::{ImportMode, ImportOutcome, ImportedUser, UserImporter};
use counterfoil_core::services::username_policy::{LookAlikes, UsernamePolicy};
use counterfoil_jose::Secret;
use counterfoil_verify::ClientId;

use crate::harness::{Engine, NOON, PASSWORD, revocation_context};

const BCRYPT_HASH: &str = "$2b$06$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";

fn imported(username: &str, email: Option<&str>) -> ImportedUser {
    ImportedUser {
        username: Some(username.into()),
        external_id: None,
        email: email.map(str::to_owned),
        email_verified: email.is_some(),
        password_hash: Some(BCRYPT_HASH.into()),
        password_change_required: false,
        roles: Vec::new(),
        created_at: None,
        disabled: false,
    }
}

async fn import(engine: &Engine, users: &[ImportedUser]) -> Vec<Result<ImportOutcome, ClientError>> {
    UserImporter::new(Arc::clone(&engine.store)).import(users, ImportMode::Commit, NOON).await.unwrap()
}

fn field(outcome: &Result<ImportOutcome, ClientError>) -> Option<&'static str> {
    match outcome {
        Err(ClientError::Field { field, .. }) => Some(field),
        Err(_) | Ok(_) => None,
    }
}

#[tokio::test]
async fn a_user_logs_in_with_each_spelling_of_name_and_address() {
    let engine = Engine::start().await;
    let outcomes = import(&engine, &[imported("Zo\u{eb}", Some("Zoe@b\u{fc}cher.example"))]).await;
    assert_eq!(outcomes, [Ok(ImportOutcome::Added)]);

    for typed in [
        "Zo\u{eb}",
        "ZO\u{cb}",
        "zoe\u{308}",
        "\u{ff3a}\u{ff4f}e\u{308}",
        "zoe@b\u{fc}cher.example",
        "Zoe@bu\u{308}cher.example",
        "zoe@xn--bcher-kva.example",
        "ZOE@XN--BCHER-KVA.EXAMPLE",
        "zoe\u{ff20}b\u{fc}cher\u{3002}example",
    ] {
        assert!(engine.authenticate(typed, PASSWORD, NOON).await.is_ok(), "{typed:?}");
    }
    for typed in ["zoe", "Zo\u{eb}\u{200b}", "zoe@b\u{fc}cher\u{200b}.example", "zoe@bucher.example"] {
        assert!(engine.authenticate(typed, PASSWORD, NOON).await.is_err(), "{typed:?}");
    }
}

#[tokio::test]
async fn all_spellings_of_a_name_and_an_address_have_one_limit() {
    let engine = Engine::start().await;
    import(&engine, &[imported("ada", Some("ada@b\u{fc}cher.example"))]).await;
    for spellings in [
        ["ada", "ADA", "\u{ff41}da", "a\u{ff24}a"],
        [
            "ada@b\u{fc}cher.example",
            "Ada@bu\u{308}cher.example",
            "ada@xn--bcher-kva.example",
            "\u{ff41}da\u{ff20}b\u{fc}cher\u{3002}example",
        ],
    ] {
        let attempt = async |typed: &str| {
            let presented = Credentials {
                username: typed.into(),
                password: Secret::new("wrong horse battery".into()),
                client: ClientId::default(),
                mode: Mode::Session,
            };
            let client_info =
                ClientInfo { ip: Some("192.0.2.1".parse::<IpAddr>().unwrap()), user_agent: None };
            engine.accounts.authenticate(&presented, &client_info, NOON).await.map(drop)
        };
        for typed in spellings.iter().cycle().take(20) {
            let outcome = attempt(typed).await;
            assert!(matches!(outcome, Err(ServiceError::Client(ClientError::LoginFailed(_)))), "{typed:?}");
        }
        for typed in spellings {
            let outcome = attempt(typed).await;
            assert!(matches!(outcome, Err(ServiceError::Client(ClientError::RateLimited(_)))), "{typed:?}");
        }
    }
}

#[tokio::test]
async fn no_import_adds_a_second_user_for_a_name_or_an_address() {
    let engine = Engine::start().await;
    import(&engine, &[imported("alice", Some("ada@b\u{fc}cher.example"))]).await;

    for email in ["ada@xn--bcher-kva.example", "ada@bu\u{308}cher.example", "ada@\u{ff42}\u{fc}cher.example"]
    {
        let outcomes = import(&engine, &[imported("bob", Some(email))]).await;
        assert_eq!(field(&outcomes[0]), Some("email"), "{email:?}");
    }
    assert_eq!(import(&engine, &[imported("\u{ff41}lice", None)]).await, [Err(ClientError::UsernameTaken)]);
    for name in ["aIice", "\u{430}lice", "user\u{a0}name", "\u{2800}"] {
        let target = imported(name, None);
        let is_refused = match target.validate(NOON) {
            Ok(_) => field(&import(&engine, &[target]).await[0]) == Some("username"),
            Err(error) => matches!(error, ClientError::Field { field: "username", .. }),
        };
        assert!(is_refused, "{name:?}");
    }
    let outcomes = import(&engine, &[imported("bob", None), imported("b0b", None)]).await;
    assert_eq!((&outcomes[0], field(&outcomes[1])), (&Ok(ImportOutcome::Added), Some("username")));
}

#[tokio::test]
async fn an_import_can_allow_names_that_look_alike() {
    let engine = Engine::start().await;
    let policy = UsernamePolicy::default().with(|policy| policy.look_alikes = LookAlikes::Allow);
    let importer = UserImporter::new(Arc::clone(&engine.store)).with_username_policy(policy);

    let users = [imported("bob", None), imported("b0b", None)];
    let outcomes = importer.import(&users, ImportMode::Commit, NOON).await.unwrap();

    assert_eq!(outcomes, [Ok(ImportOutcome::Added), Ok(ImportOutcome::Added)]);
}

#[tokio::test]
async fn an_administrator_gives_an_address_in_its_canonical_form_to_one_user_only() {
    let engine = Engine::start().await;
    let (ada, bob) = (engine.ada().await, engine.register("bob").await);
    let change = |email: &str| UserChange {
        email: Some(Some(email.to_owned())),
        email_verified: Some(true),
        ..UserChange::default()
    };
    let context = revocation_context(EndReason::ByAdmin);

    let changed =
        engine.administration.change_user(ada.id, &change("Ada@B\u{dc}CHER.example"), &context, NOON).await;
    assert_eq!(changed.unwrap().email.as_deref(), Some("ada@xn--bcher-kva.example"));

    for email in ["ada@xn--bcher-kva.example", "ada@bu\u{308}cher.example", "a\u{202e}da@example.org"] {
        let refused = engine.administration.change_user(bob.id, &change(email), &context, NOON).await;
        let is_field =
            matches!(refused, Err(ServiceError::Client(ClientError::Field { field: "email", .. })));
        assert!(is_field, "{email:?}");
    }
}
