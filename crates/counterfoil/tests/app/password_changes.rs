//! Password changes from the application's handlers, and the limit of ended sessions.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use counterfoil::{
    ClientInfo, Counterfoil, Credentials, ErrorKind, Except, Mode, NewUser, Principal, SetCookies,
};

use crate::fixture::Fixture;

const PASSWORD: &str = "correct horse";
const NEW: &str = "another horse battery";

async fn open(fixture: &Fixture) -> Counterfoil {
    let settings = fixture.settings();
    let builder = Counterfoil::builder().store(format!("sqlite:{}", fixture.path("shop.db").display()));
    let auth = builder.configure(move |own| own.argon2 = settings.argon2).open().await.unwrap();
    auth.register(&ClientInfo::default(), NewUser::new("ada", PASSWORD)).await.unwrap();
    auth
}

async fn principal(auth: &Counterfoil, mode: Mode) -> (Principal, String) {
    let credentials = Credentials::password("ada", PASSWORD).mode(mode).bearer();
    let login = auth.login(&ClientInfo::default(), credentials).await.unwrap();
    let token = login.session_token().or(login.access_token()).unwrap().to_owned();
    (auth.authenticate(&token).await.unwrap(), token)
}

#[tokio::test]
async fn a_password_change_returns_the_new_credentials_of_the_session() {
    for mode in [Mode::Session, Mode::Jwt, Mode::Hybrid] {
        let fixture = Fixture::new();
        let auth = open(&fixture).await;
        let client = ClientInfo::default();
        let ((user, token), (_, other)) = (principal(&auth, mode).await, principal(&auth, mode).await);

        let wrong = auth.change_password(&client, &user, "wrong horse", NEW).await.unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::InvalidCredentials);
        let weak = auth.change_password(&client, &user, PASSWORD, "short").await.unwrap_err();
        assert!(matches!(weak.kind(), ErrorKind::InvalidField { field: "new_password", .. }), "{weak}");
        let changed = auth.change_password(&client, &user, PASSWORD, NEW).await.unwrap();

        assert_eq!((Some(changed.session_id()), changed.mode()), (user.session_id(), mode));
        assert_eq!(
            (changed.refresh_token().is_some(), changed.cookies().lines().count()),
            (mode == Mode::Hybrid, 0)
        );
        let new = changed.session_token().or(changed.access_token()).unwrap();
        assert!(auth.authenticate(new).await.is_ok(), "{mode:?}");
        assert!(
            auth.authenticate(&token).await.is_err() && auth.authenticate(&other).await.is_err(),
            "{mode:?}"
        );
        auth.close().await.unwrap();
    }
}

#[tokio::test]
async fn without_a_session_the_owner_ends_all_of_them() {
    let fixture = Fixture::new();
    let auth = open(&fixture).await;
    let client = ClientInfo::default();
    let (_, token) = principal(&auth, Mode::Session).await;

    let wrong = Credentials::password("ada", "wrong horse");
    let wrong = auth.change_password_without_session(&client, wrong, NEW).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidCredentials);
    assert!(auth.authenticate(&token).await.is_ok());
    let right = Credentials::password("ada", PASSWORD);
    let cookies = auth.change_password_without_session(&client, right, NEW).await.unwrap();

    assert_eq!(cookies.lines().count(), 0, "the client has none");
    assert!(auth.authenticate(&token).await.is_err());
    assert!(auth.login(&client, Credentials::password("ada", NEW)).await.is_ok());
    auth.close().await.unwrap();
}

async fn change_without_session(
    State(auth): State<Counterfoil>,
    client: ClientInfo,
) -> (SetCookies, &'static str) {
    let credentials = Credentials::password("ada", PASSWORD);
    (auth.change_password_without_session(&client, credentials, NEW).await.unwrap(), "changed")
}

#[tokio::test]
async fn without_a_session_the_cookies_of_another_user_stay() {
    for (name, cleared) in [("eve", 0), ("ada", 1)] {
        let fixture = Fixture::new();
        let auth = open(&fixture).await;
        auth.register(&ClientInfo::default(), NewUser::new("eve", PASSWORD)).await.unwrap();
        let login = auth.login(&ClientInfo::default(), Credentials::password(name, PASSWORD)).await.unwrap();
        let app = Router::new().route("/change", post(change_without_session));
        let app = app.layer(auth.layer()).with_state(auth.clone());

        let request = Request::post("/change").header("sec-fetch-site", "same-origin");
        let request = request.header(COOKIE, login.cookies().lines().next().unwrap());
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();

        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers().get_all(SET_COOKIE).iter().count(), cleared, "{name}");
        auth.close().await.unwrap();
    }
}

#[tokio::test]
async fn ending_all_sessions_is_limited_for_each_user() {
    let fixture = Fixture::new();
    let auth = open(&fixture).await;
    let (user, _) = principal(&auth, Mode::Session).await;
    for _ in 0..12 {
        auth.sessions(&user).end_all(Except::Current).await.unwrap();
    }

    let refused = auth.sessions(&user).end_all(Except::Current).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::RateLimited { .. }), "{refused}");
    assert!(auth.logout(&user).await.is_ok());
    auth.close().await.unwrap();
}
