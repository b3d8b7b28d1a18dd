//! Tokens of other issuers: Keycloak, Auth0, an Express application; and what each relaxed check accepts.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_signer;

use std::time::Duration;

use serde_json::{Value, json};

use counterfoil_jose::{Algorithm, HmacKey, JwsError, KeySet, SigningKey, base64url};
use counterfoil_verify::{
    AuthError, InvalidReason, Principal, TokenVerifier, TokenVerifierBuilder, VerifierBuildError,
};

use test_signer::{ALICE, NOON, NOON_SECONDS, SESSION, SHOP, TestSigner, claims};

const KEYCLOAK: &str = "https://id.example/realms/shop";
const AUTH0: &str = "https://shop.eu.auth0.com/";

/// As Keycloak 26 writes it.
fn keycloak() -> Value {
    json!({
        "exp": NOON_SECONDS + 300, "iat": NOON_SECONDS, "auth_time": NOON_SECONDS - 60,
        "jti": "onrtac:3a1b3e8e-1c5e-4f0e-9f2b-6a8f3f1e9d11", "iss": KEYCLOAK, "aud": ["shop-api", "account"],
        "sub": "f3b0c1d2-9a4e-4b7c-8d11-0c2f5a6b7e88", "typ": "Bearer", "azp": "shop-web",
        "sid": "9e1c2f60-7a34-4d5b-b1f0-2d3c4e5f6a7b", "acr": "1", "allowed-origins": ["https://shop.example"],
        "realm_access": { "roles": ["offline_access", "clerk"] },
        "resource_access": { "account": { "roles": ["view-profile"] } },
        "scope": "openid profile email", "email_verified": true, "preferred_username": "alice",
    })
}

/// As Auth0 writes it for an API with RBAC and an action that adds roles.
fn auth0() -> Value {
    json!({
        "iss": AUTH0, "sub": "auth0|65f1c0ffee", "aud": ["https://api.shop.example", "https://shop.eu.auth0.com/userinfo"],
        "iat": NOON_SECONDS, "exp": NOON_SECONDS + 86_400, "scope": "openid read:orders", "azp": "aBcDeF012345",
        "permissions": ["read:orders"], "https://shop.example/roles": ["clerk"], "gty": "password",
    })
}

/// As `jwt.sign({ userId: 42, role: 'clerk' }, process.env.JWT_SECRET, { expiresIn: '15m' })` writes it.
fn express() -> Value {
    json!({ "userId": 42, "role": "clerk", "iat": NOON_SECONDS, "exp": NOON_SECONDS + 900 })
}

fn builder(issuer: &str, audience: &str, signer: &TestSigner) -> TokenVerifierBuilder {
    TokenVerifier::builder(issuer, audience, &[signer.key.algorithm()])
}

fn keycloak_verifier(signer: &TestSigner) -> TokenVerifierBuilder {
    builder(KEYCLOAK, "shop-api", signer)
        .danger_accept_foreign_claims()
        .danger_accept_untyped()
        .roles_claim(&["realm_access", "roles"])
}

fn express_verifier(signer: &TestSigner) -> TokenVerifierBuilder {
    builder("express", "express", signer)
        .danger_accept_foreign_claims()
        .danger_accept_untyped()
        .danger_accept_any_issuer()
        .danger_accept_any_audience()
        .subject_claim("userId")
        .roles_claim(&["role"])
}

fn verify(
    signer: &TestSigner,
    builder: TokenVerifierBuilder,
    typ: &str,
    claims: &Value,
) -> Result<Principal, AuthError> {
    builder.build(signer.keys()).unwrap().verify(&signer.sign_as(typ, claims), NOON)
}

fn rejection_reason(
    signer: &TestSigner,
    builder: TokenVerifierBuilder,
    typ: &str,
    claims: &Value,
) -> InvalidReason {
    match verify(signer, builder, typ, claims) {
        Err(AuthError::InvalidCredential(reason)) => reason,
        other => panic!("{other:?} for {claims}"),
    }
}

/// A token without `typ` and `kid`, as many libraries sign it.
fn sign_bare(key: &SigningKey, claims: &Value) -> String {
    let header = base64url::encode(json!({ "alg": "HS256" }).to_string());
    let signed = format!("{header}.{}", base64url::encode(claims.to_string()));
    let tag = HmacKey::new(key.to_secret_bytes().expose()).mac(&[signed.as_bytes()]);
    format!("{signed}.{}", base64url::encode(tag))
}

#[test]
fn a_keycloak_token_is_accepted_with_its_realm_roles() {
    let signer = TestSigner::with(Algorithm::Rs256);

    let principal = verify(&signer, keycloak_verifier(&signer), "JWT", &keycloak()).unwrap();

    assert_eq!(principal.subject(), "f3b0c1d2-9a4e-4b7c-8d11-0c2f5a6b7e88");
    assert_eq!((principal.user_id(), principal.session_id(), principal.token_id()), (None, None, None));
    assert_eq!(principal.client_id().unwrap().as_str(), "shop-web");
    assert!(principal.has_role("clerk") && !principal.has_role("view-profile"));
    assert!(principal.has_scope("email") && !principal.has_scope("mail"));
    assert_eq!(principal.claim("preferred_username"), Some(&json!("alice")));
    assert_eq!(principal.claim("sid"), Some(&json!("9e1c2f60-7a34-4d5b-b1f0-2d3c4e5f6a7b")));
    assert_eq!((principal.acr(), principal.claim("iss")), (Some("1"), None));
}

#[test]
fn an_auth0_token_with_a_lifetime_of_a_day_is_accepted() {
    let signer = TestSigner::with(Algorithm::Rs256);
    let auth0_verifier = || {
        builder(AUTH0, "https://api.shop.example", &signer)
            .danger_accept_foreign_claims()
            .roles_claim(&["https://shop.example/roles"])
    };
    let day_long_verifier = || auth0_verifier().max_lifetime(Duration::from_secs(86_400));

    // An API that Auth0 issues RFC 9068 tokens for needs no relaxed `typ`.
    let principal = verify(&signer, day_long_verifier(), "at+jwt", &auth0()).unwrap();
    assert_eq!((principal.subject(), principal.roles()), ("auth0|65f1c0ffee", &["clerk".to_owned()][..]));
    assert!(principal.has_scope("read:orders"));
    assert_eq!(principal.claim("permissions"), Some(&json!(["read:orders"])));

    assert!(verify(&signer, day_long_verifier().danger_accept_untyped(), "JWT", &auth0()).is_ok());
    assert_eq!(
        rejection_reason(&signer, auth0_verifier(), "at+jwt", &auth0()),
        InvalidReason::LifetimeNotAllowed
    );
}

#[test]
fn a_token_of_an_express_application_is_accepted() {
    let signer = TestSigner::with(Algorithm::Hs256);
    let verifier = express_verifier(&signer).build(signer.keys()).unwrap();

    for token in [signer.sign_as("JWT", &express()), sign_bare(&signer.key, &express())] {
        let principal = verifier.verify(&token, NOON).unwrap();
        assert_eq!((principal.subject(), principal.roles()), ("42", &["clerk".to_owned()][..]));
        assert!(verifier.verify(&token, NOON + Duration::from_secs(960)).is_err());
    }
}

/// The claims of `keycloak` with these texts of dates, which `json!` could not write.
fn with_dates(iat: &str, nbf: &str, exp: &str) -> Value {
    let mut claims = keycloak();
    for (name, text) in [("iat", iat), ("nbf", nbf), ("exp", exp)] {
        claims[name] = serde_json::from_str(text).unwrap();
    }
    claims
}

#[test]
fn dates_with_a_fraction_are_checked_as_they_are() {
    let signer = TestSigner::with(Algorithm::Rs256);
    let date = |offset: i64, fraction: &str| {
        format!("{}{fraction}", NOON_SECONDS.checked_add_signed(offset).unwrap())
    };
    let strict = || keycloak_verifier(&signer).leeway(Duration::ZERO);
    let at = |claims: &Value, now| {
        strict().build(signer.keys()).unwrap().verify(&signer.sign_as("JWT", claims), now)
    };

    for claims in [
        with_dates(&date(-1, ".325008"), &date(-1, ".325013"), &date(300, ".29966")),
        with_dates(&date(0, ".0"), &date(0, ".0"), &date(300, ".0")),
        with_dates(
            &format!("{:e}", NOON_SECONDS as f64),
            "0.0",
            &format!("{:.9}E9", (NOON_SECONDS + 300) as f64 / 1e9),
        ),
    ] {
        assert!(at(&claims, NOON).is_ok(), "{claims}");
    }

    let claims = with_dates(&date(0, ".5"), &date(0, ".5"), &date(300, ".5"));
    let after = |ms| NOON + Duration::from_millis(ms);
    assert_eq!(at(&claims, after(499)), Err(InvalidReason::NotYetValid.into()));
    let principal = at(&claims, after(500)).unwrap();
    assert_eq!(principal.expires_at(), after(300_500));
    assert!(at(&claims, after(300_499)).is_ok());
    assert_eq!(at(&claims, after(300_500)), Err(InvalidReason::Expired.into()));
}

#[test]
fn a_lifetime_may_exceed_the_maximum_by_a_fraction_of_a_second() {
    let signer = TestSigner::with(Algorithm::Rs256);
    let exp =
        |exp: u64, fraction: &str| with_dates(&format!("{NOON_SECONDS}.1"), "0", &format!("{exp}{fraction}"));

    assert!(verify(&signer, keycloak_verifier(&signer), "JWT", &exp(NOON_SECONDS + 3600, ".1999")).is_ok());
    for too_long in [exp(NOON_SECONDS + 3601, ".1"), exp(NOON_SECONDS, ".0")] {
        assert_eq!(
            rejection_reason(&signer, keycloak_verifier(&signer), "JWT", &too_long),
            InvalidReason::LifetimeNotAllowed
        );
    }
}

#[test]
fn a_date_that_is_no_number_of_seconds_is_refused() {
    let signer = TestSigner::with(Algorithm::Rs256);
    let valid = (NOON_SECONDS + 300).to_string();
    for invalid in
        ["\"1764000000.5\"", "null", "true", "[1764000000.5]", "-1.5", "-1", "1e17", "9007199254740992.0"]
    {
        for claims in [
            with_dates("0", "0", invalid),
            with_dates(invalid, "0", &valid),
            with_dates(&NOON_SECONDS.to_string(), invalid, &valid),
        ] {
            assert_eq!(
                rejection_reason(&signer, keycloak_verifier(&signer), "JWT", &claims),
                InvalidReason::MalformedClaims,
                "{claims}"
            );
        }
    }
}

#[test]
fn scope_is_a_string_or_a_list_and_must_not_be_given_twice() {
    let signer = TestSigner::new();
    let with = |name: &str, value: Value| {
        let mut claims = keycloak();
        claims.as_object_mut().unwrap().remove("scope");
        claims[name] = value;
        claims
    };
    let scope = |claims: &Value| {
        verify(&signer, keycloak_verifier(&signer), "JWT", claims)
            .map(|principal| principal.scopes().map(str::to_owned).collect::<Vec<_>>())
    };

    // Okta writes a list, Entra a text.
    assert_eq!(scope(&with("scp", json!(["a", "b"]))).unwrap(), ["a", "b"]);
    assert_eq!(scope(&with("scp", json!("a b"))).unwrap(), ["a", "b"]);
    assert_eq!(scope(&with("scope", json!(["a", "b"]))).unwrap(), ["a", "b"]);
    for bad in [json!(["a b"]), json!([1]), json!(1), json!({}), json!(null)] {
        assert!(scope(&with("scp", bad.clone())).is_err(), "{bad}");
    }
    let mut both = keycloak();
    both["scp"] = json!("admin");
    assert!(scope(&both).is_err());
}

#[test]
fn roles_are_read_only_at_the_configured_path() {
    let signer = TestSigner::new();
    let roles = |claims: Value| {
        verify(&signer, keycloak_verifier(&signer), "JWT", &claims)
            .map(|principal| principal.roles().to_vec())
    };
    let with = |value: Value| {
        let mut claims = keycloak();
        claims["realm_access"] = value;
        claims["roles"] = json!(["admin"]);
        claims
    };

    assert_eq!(roles(with(json!({ "roles": [] }))).unwrap(), [""; 0]);
    assert_eq!(roles(with(json!({}))).unwrap(), [""; 0]);
    assert_eq!(roles(with(json!("admin"))).unwrap(), [""; 0]);
    for bad in [json!({ "roles": [1] }), json!({ "roles": {"admin": true} }), json!({ "roles": null })] {
        assert!(roles(with(bad.clone())).is_err(), "{bad}");
    }
}

/// R23 and R24 hold whatever is relaxed.
#[test]
fn times_are_always_checked() {
    let signer = TestSigner::with(Algorithm::Hs256);
    for name in ["exp", "iat"] {
        let mut absent = express();
        absent.as_object_mut().unwrap().remove(name);
        assert_eq!(
            rejection_reason(&signer, express_verifier(&signer), "JWT", &absent),
            InvalidReason::MalformedClaims,
            "{name}"
        );
    }
    for bad in [json!("1764000900"), json!(null), json!(1e300_f64), json!(-0.5), json!(-1), json!(true)] {
        for name in ["exp", "iat", "nbf"] {
            let mut wrong = express();
            wrong[name] = bad.clone();
            assert_eq!(
                rejection_reason(&signer, express_verifier(&signer), "JWT", &wrong),
                InvalidReason::MalformedClaims,
                "{name}: {bad}"
            );
        }
    }
    let mut early = express();
    early["nbf"] = json!(NOON_SECONDS + 61);
    assert_eq!(
        rejection_reason(&signer, express_verifier(&signer), "JWT", &early),
        InvalidReason::NotYetValid
    );
    let mut long = express();
    long["exp"] = json!(NOON_SECONDS + 3601);
    assert_eq!(
        rejection_reason(&signer, express_verifier(&signer), "JWT", &long),
        InvalidReason::LifetimeNotAllowed
    );
}

/// Without `danger_accept_foreign_claims` a token that no revocation could reach is rejected.
#[test]
fn foreign_claims_are_rejected_by_default() {
    let signer = TestSigner::new();

    let strict = builder(KEYCLOAK, "shop-api", &signer).danger_accept_untyped();

    assert_eq!(rejection_reason(&signer, strict, "JWT", &keycloak()), InvalidReason::MalformedClaims);
}

/// Without `danger_accept_untyped` the attack of RFC 8725, section 2.8, is prevented.
#[test]
fn untyped_tokens_are_rejected_by_default() {
    let signer = TestSigner::new();
    let strict = || builder(KEYCLOAK, "shop-api", &signer).danger_accept_foreign_claims();
    let wrong = InvalidReason::Token(JwsError::WrongTyp);

    assert_eq!(rejection_reason(&signer, strict(), "JWT", &keycloak()), wrong);
    assert!(verify(&signer, strict(), "at+jwt", &keycloak()).is_ok());
    // A token with another `typ` is still rejected.
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "statuslist+jwt", "id_token+jwt"] {
        assert_eq!(rejection_reason(&signer, keycloak_verifier(&signer), typ, &keycloak()), wrong, "{typ}");
    }
    // So is one with a claim `typ` for another kind of token, as Keycloak writes it.
    for kind in ["ID", "PresentedRefreshToken", "Offline", "Logout"] {
        let mut other = keycloak();
        other["typ"] = json!(kind);
        assert_eq!(
            rejection_reason(&signer, keycloak_verifier(&signer), "JWT", &other),
            InvalidReason::MalformedClaims,
            "{kind}"
        );
    }
}

/// Without `danger_accept_any_audience` a token for another service is rejected.
#[test]
fn a_token_for_another_audience_is_rejected_by_default() {
    let signer = TestSigner::new();
    for aud in [json!("neighbour"), json!(["neighbour"]), json!([])] {
        let mut other = keycloak();
        other["aud"] = aud;
        assert_eq!(
            rejection_reason(&signer, keycloak_verifier(&signer), "JWT", &other),
            InvalidReason::WrongAudience
        );
        assert!(
            verify(&signer, keycloak_verifier(&signer).danger_accept_any_audience(), "JWT", &other).is_ok()
        );
    }
    let mut malformed = keycloak();
    malformed["aud"] = json!([SHOP, 5]);
    assert!(
        verify(&signer, keycloak_verifier(&signer).danger_accept_any_audience(), "JWT", &malformed).is_err()
    );
}

/// Without `danger_accept_any_issuer` a token of another tenant is rejected.
#[test]
fn a_token_of_another_issuer_is_rejected_by_default() {
    let signer = TestSigner::new();
    for iss in ["https://id.example/realms/evil", "https://id.example/realms/shop/", ""] {
        let mut other = keycloak();
        other["iss"] = json!(iss);
        assert_eq!(
            rejection_reason(&signer, keycloak_verifier(&signer), "JWT", &other),
            InvalidReason::WrongIssuer
        );
        assert!(
            verify(&signer, keycloak_verifier(&signer).danger_accept_any_issuer(), "JWT", &other).is_ok()
        );
    }
}

#[test]
fn a_foreign_subject_is_never_a_user_id() {
    let signer = TestSigner::new();
    let mut claims_like_ours = keycloak();
    claims_like_ours["sub"] = json!(ALICE);
    claims_like_ours["sid"] = json!(SESSION);

    let principal = verify(&signer, keycloak_verifier(&signer), "JWT", &claims_like_ours).unwrap();

    assert_eq!((principal.user_id(), principal.session_id()), (None, None));
    assert_eq!(principal.subject(), ALICE.to_string());
}

#[test]
fn a_subject_must_be_present_and_not_empty() {
    let signer = TestSigner::new();
    for bad in [json!(""), json!(null), json!(42), json!(["a"]), json!({})] {
        let mut claims = keycloak();
        claims["sub"] = bad.clone();
        assert_eq!(
            rejection_reason(&signer, keycloak_verifier(&signer), "JWT", &claims),
            InvalidReason::MalformedClaims,
            "{bad}"
        );
    }
    let mapped = keycloak_verifier(&signer).subject_claim("uid");
    assert_eq!(rejection_reason(&signer, mapped, "JWT", &keycloak()), InvalidReason::MalformedClaims);
}

#[test]
fn a_sender_constrained_foreign_token_is_rejected() {
    let signer = TestSigner::new();
    let mut bound = keycloak();
    bound["cnf"] = json!({ "jkt": "x" });

    assert_eq!(
        rejection_reason(&signer, keycloak_verifier(&signer), "JWT", &bound),
        InvalidReason::MalformedClaims
    );
}

#[test]
fn a_cached_foreign_token_is_checked_as_at_first() {
    let signer = TestSigner::new();
    let verifier = keycloak_verifier(&signer).build(signer.keys()).unwrap();
    let token = signer.sign_as("JWT", &keycloak());

    let first = verifier.verify(&token, NOON).unwrap();
    assert!(verifier.verify(&token, NOON).unwrap() == first);
    assert_eq!(verifier.verify(&token, NOON + Duration::from_secs(360)), Err(InvalidReason::Expired.into()));

    verifier.set_keys(KeySet::default());
    assert!(verifier.verify(&token, NOON).unwrap_err().is_unknown_key());
}

#[test]
fn native_tokens_are_checked_strictly_without_foreign_claims() {
    let signer = TestSigner::new();
    let mapping = builder(test_signer::ISSUER, SHOP, &signer).roles_claim(&["groups"]).build(signer.keys());
    assert_eq!(mapping.unwrap_err(), VerifierBuildError::ClaimMapping);

    let untyped = builder(test_signer::ISSUER, SHOP, &signer).danger_accept_untyped();
    assert!(verify(&signer, untyped.clone(), "JWT", &claims()).is_ok());
    assert_eq!(
        rejection_reason(&signer, untyped, "JWT", &test_signer::without("pos")),
        InvalidReason::MalformedClaims
    );
}
