//! Tokens of other issuers: Keycloak, Auth0, an Express application; and what each loosening opens.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_issuer;

use std::time::Duration;

use serde_json::{Value, json};

use counterfoil_jose::{Algorithm, HmacKey, KeySet, Rejection, SigningKey, base64url};
use counterfoil_verify::{
    AuthError, InvalidReason, Principal, TokenVerifier, TokenVerifierBuilder, VerifierBuildError,
};

use test_issuer::{ALICE, Mint, NOON, NOON_SECONDS, SESSION, SHOP, claims};

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

fn builder(issuer: &str, audience: &str, mint: &Mint) -> TokenVerifierBuilder {
    TokenVerifier::builder(issuer, audience, &[mint.key.algorithm()])
}

fn of_keycloak(mint: &Mint) -> TokenVerifierBuilder {
    builder(KEYCLOAK, "shop-api", mint)
        .danger_accept_foreign_claims()
        .danger_accept_untyped()
        .roles_claim(&["realm_access", "roles"])
}

fn of_express(mint: &Mint) -> TokenVerifierBuilder {
    builder("express", "express", mint)
        .danger_accept_foreign_claims()
        .danger_accept_untyped()
        .danger_accept_any_issuer()
        .danger_accept_any_audience()
        .subject_claim("userId")
        .roles_claim(&["role"])
}

fn verify(
    mint: &Mint,
    builder: TokenVerifierBuilder,
    typ: &str,
    claims: &Value,
) -> Result<Principal, AuthError> {
    builder.build(mint.keys()).unwrap().verify(&mint.sign_as(typ, claims), NOON)
}

fn refused(mint: &Mint, builder: TokenVerifierBuilder, typ: &str, claims: &Value) -> InvalidReason {
    match verify(mint, builder, typ, claims) {
        Err(AuthError::InvalidCredential(reason)) => reason,
        other => panic!("{other:?} for {claims}"),
    }
}

/// A token without `typ` and `kid`, as many libraries sign it.
fn sign_bare(key: &SigningKey, claims: &Value) -> String {
    let header = base64url::encode(json!({ "alg": "HS256" }).to_string());
    let signed = format!("{header}.{}", base64url::encode(claims.to_string()));
    let tag = HmacKey::new(key.to_secret_bytes().expose()).tag(&[signed.as_bytes()]);
    format!("{signed}.{}", base64url::encode(tag))
}

#[test]
fn a_token_of_keycloak_is_a_principal_with_the_roles_of_its_realm() {
    let mint = Mint::with(Algorithm::Rs256);

    let principal = verify(&mint, of_keycloak(&mint), "JWT", &keycloak()).unwrap();

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
fn a_token_of_auth0_is_a_principal_for_a_day() {
    let mint = Mint::with(Algorithm::Rs256);
    let of_auth0 = || {
        builder(AUTH0, "https://api.shop.example", &mint)
            .danger_accept_foreign_claims()
            .roles_claim(&["https://shop.example/roles"])
    };
    let of_a_day = || of_auth0().max_lifetime(Duration::from_secs(86_400));

    // An API that Auth0 was told to write by RFC 9068 needs no looser type.
    let principal = verify(&mint, of_a_day(), "at+jwt", &auth0()).unwrap();
    assert_eq!((principal.subject(), principal.roles()), ("auth0|65f1c0ffee", &["clerk".to_owned()][..]));
    assert!(principal.has_scope("read:orders"));
    assert_eq!(principal.claim("permissions"), Some(&json!(["read:orders"])));

    assert!(verify(&mint, of_a_day().danger_accept_untyped(), "JWT", &auth0()).is_ok());
    assert_eq!(refused(&mint, of_auth0(), "at+jwt", &auth0()), InvalidReason::LifetimeNotAllowed);
}

#[test]
fn a_token_of_an_express_application_is_a_principal() {
    let mint = Mint::with(Algorithm::Hs256);
    let verifier = of_express(&mint).build(mint.keys()).unwrap();

    for token in [mint.sign_as("JWT", &express()), sign_bare(&mint.key, &express())] {
        let principal = verifier.verify(&token, NOON).unwrap();
        assert_eq!((principal.subject(), principal.roles()), ("42", &["clerk".to_owned()][..]));
        assert!(verifier.verify(&token, NOON + Duration::from_secs(960)).is_err());
    }
}

#[test]
fn a_scope_is_a_text_or_a_list_and_never_two_answers() {
    let mint = Mint::new();
    let with = |name: &str, value: Value| {
        let mut claims = keycloak();
        claims.as_object_mut().unwrap().remove("scope");
        claims[name] = value;
        claims
    };
    let scope = |claims: &Value| {
        verify(&mint, of_keycloak(&mint), "JWT", claims)
            .map(|who| who.scopes().map(str::to_owned).collect::<Vec<_>>())
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
fn roles_are_read_at_the_end_of_their_way_alone() {
    let mint = Mint::new();
    let roles =
        |claims: Value| verify(&mint, of_keycloak(&mint), "JWT", &claims).map(|who| who.roles().to_vec());
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

/// R23 and R24 hold whatever is loosened.
#[test]
fn times_are_never_loosened() {
    let mint = Mint::with(Algorithm::Hs256);
    for name in ["exp", "iat"] {
        let mut absent = express();
        absent.as_object_mut().unwrap().remove(name);
        assert_eq!(
            refused(&mint, of_express(&mint), "JWT", &absent),
            InvalidReason::MalformedClaims,
            "{name}"
        );
    }
    for bad in
        [json!("1764000900"), json!(null), json!(1e300_f64), json!(1764000900.5), json!(-1), json!(true)]
    {
        for name in ["exp", "iat", "nbf"] {
            let mut wrong = express();
            wrong[name] = bad.clone();
            assert_eq!(
                refused(&mint, of_express(&mint), "JWT", &wrong),
                InvalidReason::MalformedClaims,
                "{name}: {bad}"
            );
        }
    }
    let mut early = express();
    early["nbf"] = json!(NOON_SECONDS + 61);
    assert_eq!(refused(&mint, of_express(&mint), "JWT", &early), InvalidReason::NotYetValid);
    let mut long = express();
    long["exp"] = json!(NOON_SECONDS + 3601);
    assert_eq!(refused(&mint, of_express(&mint), "JWT", &long), InvalidReason::LifetimeNotAllowed);
}

/// `danger_accept_foreign_claims`: without it a token that no revocation could reach is refused.
#[test]
fn claims_that_no_revocation_reaches_are_refused_unless_they_are_allowed() {
    let mint = Mint::new();

    let strict = builder(KEYCLOAK, "shop-api", &mint).danger_accept_untyped();

    assert_eq!(refused(&mint, strict, "JWT", &keycloak()), InvalidReason::MalformedClaims);
}

/// `danger_accept_untyped`: what RFC 8725, section 2.8, warns of.
#[test]
fn a_token_of_another_kind_is_refused_unless_untyped_ones_are_allowed() {
    let mint = Mint::new();
    let strict = || builder(KEYCLOAK, "shop-api", &mint).danger_accept_foreign_claims();
    let wrong = InvalidReason::Token(Rejection::WrongType);

    assert_eq!(refused(&mint, strict(), "JWT", &keycloak()), wrong);
    assert!(verify(&mint, strict(), "at+jwt", &keycloak()).is_ok());
    // One that says what it is stays refused.
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "statuslist+jwt", "id_token+jwt"] {
        assert_eq!(refused(&mint, of_keycloak(&mint), typ, &keycloak()), wrong, "{typ}");
    }
    // So does one that says it in a claim, as Keycloak's do.
    for kind in ["ID", "PresentedRefreshToken", "Offline", "Logout"] {
        let mut other = keycloak();
        other["typ"] = json!(kind);
        assert_eq!(
            refused(&mint, of_keycloak(&mint), "JWT", &other),
            InvalidReason::MalformedClaims,
            "{kind}"
        );
    }
}

/// `danger_accept_any_audience`: a token for a neighbour.
#[test]
fn a_token_for_a_neighbour_is_refused_unless_any_audience_is_allowed() {
    let mint = Mint::new();
    for aud in [json!("neighbour"), json!(["neighbour"]), json!([])] {
        let mut other = keycloak();
        other["aud"] = aud;
        assert_eq!(refused(&mint, of_keycloak(&mint), "JWT", &other), InvalidReason::WrongAudience);
        assert!(verify(&mint, of_keycloak(&mint).danger_accept_any_audience(), "JWT", &other).is_ok());
    }
    let mut malformed = keycloak();
    malformed["aud"] = json!([SHOP, 5]);
    assert!(verify(&mint, of_keycloak(&mint).danger_accept_any_audience(), "JWT", &malformed).is_err());
}

/// `danger_accept_any_issuer`: a tenant that speaks for another.
#[test]
fn a_token_of_another_tenant_is_refused_unless_any_issuer_is_allowed() {
    let mint = Mint::new();
    for iss in ["https://id.example/realms/evil", "https://id.example/realms/shop/", ""] {
        let mut other = keycloak();
        other["iss"] = json!(iss);
        assert_eq!(refused(&mint, of_keycloak(&mint), "JWT", &other), InvalidReason::WrongIssuer);
        assert!(verify(&mint, of_keycloak(&mint).danger_accept_any_issuer(), "JWT", &other).is_ok());
    }
}

#[test]
fn a_foreign_subject_is_no_user_of_ours_whatever_it_looks_like() {
    let mint = Mint::new();
    let mut mimic = keycloak();
    mimic["sub"] = json!(ALICE);
    mimic["sid"] = json!(SESSION);

    let principal = verify(&mint, of_keycloak(&mint), "JWT", &mimic).unwrap();

    assert_eq!((principal.user_id(), principal.session_id()), (None, None));
    assert_eq!(principal.subject(), ALICE.to_string());
}

#[test]
fn a_subject_is_there_and_says_something() {
    let mint = Mint::new();
    for bad in [json!(""), json!(null), json!(42), json!(["a"]), json!({})] {
        let mut claims = keycloak();
        claims["sub"] = bad.clone();
        assert_eq!(
            refused(&mint, of_keycloak(&mint), "JWT", &claims),
            InvalidReason::MalformedClaims,
            "{bad}"
        );
    }
    let mapped = of_keycloak(&mint).subject_claim("uid");
    assert_eq!(refused(&mint, mapped, "JWT", &keycloak()), InvalidReason::MalformedClaims);
}

#[test]
fn a_token_that_is_bound_to_a_key_is_refused() {
    let mint = Mint::new();
    let mut bound = keycloak();
    bound["cnf"] = json!({ "jkt": "x" });

    assert_eq!(refused(&mint, of_keycloak(&mint), "JWT", &bound), InvalidReason::MalformedClaims);
}

#[test]
fn a_remembered_foreign_token_is_judged_as_at_first() {
    let mint = Mint::new();
    let verifier = of_keycloak(&mint).build(mint.keys()).unwrap();
    let token = mint.sign_as("JWT", &keycloak());

    let first = verifier.verify(&token, NOON).unwrap();
    assert!(verifier.verify(&token, NOON).unwrap() == first);
    assert_eq!(verifier.verify(&token, NOON + Duration::from_secs(360)), Err(InvalidReason::Expired.into()));

    verifier.set_keys(KeySet::default());
    assert!(verifier.verify(&token, NOON).unwrap_err().is_unknown_key());
}

#[test]
fn our_own_tokens_are_judged_no_looser_by_a_verifier_that_maps_no_claims() {
    let mint = Mint::new();
    let mapping = builder(test_issuer::ISSUER, SHOP, &mint).roles_claim(&["groups"]).build(mint.keys());
    assert_eq!(mapping.unwrap_err(), VerifierBuildError::ClaimMapping);

    let untyped = builder(test_issuer::ISSUER, SHOP, &mint).danger_accept_untyped();
    assert!(verify(&mint, untyped.clone(), "JWT", &claims()).is_ok());
    assert_eq!(refused(&mint, untyped, "JWT", &test_issuer::without("pos")), InvalidReason::MalformedClaims);
}
