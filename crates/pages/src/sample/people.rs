//! Views of the pages of people.

use crate::device::Device;
use crate::frame::Frame;
use crate::message::Message;
use crate::moment::Moment;
use crate::sample::{HOSTILE, NOON, Sample, frame};
use crate::view::{
    ActivityItem, ActivityView, Carried, ContinueView, Destination, EndAllView, EndedSession, FieldError,
    FormErrors, LoginView, LogoutView, Mode, ProblemView, RegisterView, ReuseView, SecurityView, SessionItem,
    SessionView, SessionsView, SignedInView, Tone,
};

/// The sentences that code may choose for events.
const EVENTS: [&str; 28] = [
    "event-registered",
    "event-login",
    "event-login-failed",
    "event-logout",
    "event-ended-by-user",
    "event-ended-by-admin",
    "event-ended-reuse",
    "event-ended-replaced",
    "event-ended-limit",
    "event-ended-password",
    "event-ended-disabled",
    "event-ended-user-changed",
    "event-ended-roles",
    "event-ended-key",
    "event-ended-restored",
    "event-expired-idle",
    "event-expired-absolute",
    "event-reuse",
    "event-refresh-retried",
    "event-token-exchanged",
    "event-password-changed",
    "event-password-failed",
    "event-roles-changed",
    "event-disabled",
    "event-enabled",
    "event-user-changed",
    "event-revoked",
    "event-other",
];

fn destination() -> Destination {
    Destination {
        host: Some("shop.example".into()),
        path: "/orders?a=%22%3E".into(),
        return_to: "https://shop.example/orders?a=%22%3E&b='x'".into(),
    }
}

fn errors(field: &'static str) -> FormErrors {
    FormErrors {
        general: vec![Message::new("wrong-login")],
        fields: vec![
            FieldError { field, message: Message::new("username-character").with("character", HOSTILE) },
            FieldError { field, message: Message::new("password-too-short").with("count", 8) },
        ],
    }
}

fn session(mode: Mode, label: Option<&str>, is_current: bool) -> SessionItem {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
    SessionItem {
        id: "p3vQ0n9Jr2hK5cXwp3vQ0n".into(),
        device: Device::new(label, Some(agent).filter(|_| is_current)),
        is_current,
        ip: Some("2001:db8::7".into()),
        client: Some(HOSTILE.into()),
        signed_in: Moment::from_unix_seconds(NOON),
        seen: Moment::from_unix_seconds(NOON + 60),
        idle_end: Moment::from_unix_seconds(NOON + 3_600),
        end: Moment::from_unix_seconds(NOON + 86_400),
        left: 40,
        carried: Carried { mode, rotation: (mode == Mode::Hybrid).then_some(212) },
    }
}

fn event(number: u64, sentence: &'static str) -> ActivityItem {
    let tones = [Tone::Plain, Tone::Good, Tone::Warn, Tone::Bad];
    ActivityItem {
        sentence,
        tone: tones[number as usize % 4],
        device: Device::new(Some(HOSTILE).filter(|_| number.is_multiple_of(2)), None),
        place: Some("192.0.2.7".to_owned()).filter(|_| !number.is_multiple_of(3)),
        count: number,
        at: Moment::from_unix_seconds(NOON - number * 40_000),
        session: None,
    }
}

fn events() -> Vec<ActivityItem> {
    EVENTS.iter().zip(0..).map(|(sentence, number)| event(number, sentence)).collect()
}

/// Every template with each of its samples.
pub(super) fn people() -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |sample| samples.push(sample);
    let gate = frame(None);
    let account = frame(Some(HOSTILE));

    let empty = LoginView {
        destination: None,
        client: None,
        username: String::new(),
        remember: true,
        can_register: false,
        help_url: None,
        ended: None,
        errors: FormErrors::default(),
    };
    add(Sample::new("login", &Frame { notice: None, ..gate.clone() }, &empty));
    let full = LoginView {
        destination: Some(destination()),
        client: Some(HOSTILE.into()),
        username: HOSTILE.into(),
        remember: false,
        can_register: true,
        help_url: Some("https://help.example/?a=1&b=2".into()),
        ended: Some(EndedSession {
            reason: Message::new("ended-by-user"),
            at: Some(Moment::from_unix_seconds(NOON)),
        }),
        errors: errors("username"),
    };
    add(Sample::new("login with everything", &gate, &full));
    let signed_in = SignedInView {
        username: HOSTILE.into(),
        destination: destination(),
        continue_url: "/auth/continue?to=x".into(),
        other_account_url: "/auth/login?reauth=1".into(),
    };
    add(Sample::new("signed in", &gate, &signed_in));
    let register = RegisterView {
        destination: Some(destination()),
        client: None,
        username: HOSTILE.into(),
        email: HOSTILE.into(),
        min_length: 15,
        errors: errors("password"),
    };
    add(Sample::new("register", &gate, &register));
    let fresh = RegisterView {
        destination: None,
        username: String::new(),
        email: String::new(),
        errors: FormErrors::default(),
        ..register
    };
    add(Sample::new("register empty", &gate, &fresh));
    let logout = LogoutView { return_to: Some("/\"x".into()), errors: FormErrors::default() };
    add(Sample::new("logout", &gate, &logout));
    let failed = FormErrors::general(Message::new("still-signed-in"));
    add(Sample::new("logout failed", &gate, &LogoutView { return_to: None, errors: failed }));
    add(Sample::new("continue", &gate, &ContinueView { destination: destination() }));
    let reuse = ReuseView {
        device: Device::new(Some(HOSTILE), None),
        at: Moment::from_unix_seconds(NOON),
        continue_url: "/auth/account".into(),
    };
    add(Sample::new("reuse", &gate, &reuse));

    let sessions = vec![
        session(Mode::Session, None, true),
        session(Mode::Jwt, Some(HOSTILE), false),
        session(Mode::Hybrid, None, false),
    ];
    let one = SessionView { session: sessions[1].clone(), activity: events(), errors: errors("label") };
    add(Sample::new("session", &account, &one));
    let list = SessionsView {
        sessions,
        next: Some("a&b".into()),
        activity: events(),
        password_change_required: true,
    };
    add(Sample::new("sessions", &account, &list));
    let none =
        SessionsView { sessions: vec![], next: None, activity: vec![], password_change_required: false };
    add(Sample::new("no sessions", &account, &none));
    add(Sample::new("end all", &account, &EndAllView {}));
    let security = SecurityView {
        username: HOSTILE.into(),
        min_length: 8,
        is_elsewhere: false,
        password_change_required: true,
        return_to: Some(HOSTILE.into()),
        continue_url: Some(HOSTILE.into()),
        errors: errors("new_password"),
    };
    add(Sample::new("security", &account, &security));
    let elsewhere = SecurityView {
        is_elsewhere: true,
        password_change_required: false,
        return_to: None,
        continue_url: None,
        errors: FormErrors::default(),
        ..security
    };
    add(Sample::new("security elsewhere", &account, &elsewhere));
    let activity = ActivityView { events: events(), next: Some("9".into()), session: Some("abc".into()) };
    add(Sample::new("activity", &account, &activity));
    add(Sample::new("no activity", &account, &ActivityView { events: vec![], next: None, session: None }));

    let problem = ProblemView {
        status: 429,
        title: Message::new("too-many-title"),
        text: Message::new("too-many-requests"),
        retry: Some(Message::new("retry-minutes").with("count", 2).with("time", "22:18 UTC")),
        link: Some(("/auth/login".into(), Message::new("start-again"))),
    };
    add(Sample::new("problem", &gate, &problem));
    samples
}
