//! Views of the console: the overview, users, sessions, the audit log and questions.

use crate::device::Device;
use crate::moment::Moment;
use crate::sample::console_frame::{live_page, page, pages_around};
use crate::sample::operation::{
    client_pages, configuration_pages, doctor, key_pages, processes, revocation_pages, revocations,
    signing_keys, verifier_pages,
};
use crate::sample::{HOSTILE, NOON, Sample};
use crate::view::console::{
    AuditFilter, AuditPart, AuditView, CheckRow, Checkbox, ConfirmView, CounterRow, EventRow, HealthPart,
    HealthView, NewUserForm, OverviewView, Pager, PopulationPart, RateLimitsView, RevocationsPart,
    SessionFilter, SessionRow, SessionsPageView, StatsPart, TextField, UserPageView, UserRow, UsersPageView,
};
use crate::view::{Mode, Tone};

fn user(name: &str) -> UserRow {
    UserRow {
        id: "p3vQ0n9Jr2hK5cXwp3vQ0n".into(),
        username: name.into(),
        email: Some(HOSTILE.into()),
        email_verified: false,
        roles: vec!["admin".into(), HOSTILE.into()],
        is_disabled: name != "ada",
        created: Moment::from_unix_seconds(NOON),
    }
}

fn session(mode: Mode) -> SessionRow {
    SessionRow {
        id: "p3vQ0n9Jr2hK5cXwp3vQ0n".into(),
        user: "p3vQ0n9Jr2hK5cXwp3vQ0n".into(),
        username: (mode != Mode::Jwt).then(|| HOSTILE.into()),
        device: Device::new(Some(HOSTILE), None),
        mode,
        client: HOSTILE.into(),
        ip: Some("2001:db8::7".into()),
        signed_in: Moment::from_unix_seconds(NOON),
        seen: Moment::from_unix_seconds(NOON),
        end: Moment::from_unix_seconds(u64::MAX),
        is_current: mode == Mode::Session,
    }
}

fn sessions() -> Vec<SessionRow> {
    [Mode::Session, Mode::Jwt, Mode::Hybrid].map(session).into()
}

fn events() -> Vec<EventRow> {
    let event = |tone| EventRow {
        at: Moment::from_unix_seconds(NOON),
        text: "Login refused".into(),
        kind: "login_failed".into(),
        tone,
        user: Some("p3vQ0n9Jr2hK5cXwp3vQ0n".into()),
        username: Some(HOSTILE.into()),
        session: Some("p3vQ0n9Jr2hK5cXwp3vQ0n".into()),
        actor: HOSTILE.into(),
        ip: Some("192.0.2.7".into()),
        reason: Some("logout".into()),
        detail: Some(HOSTILE.into()),
    };
    let empty = EventRow {
        user: None,
        username: None,
        session: None,
        ip: None,
        reason: None,
        detail: None,
        ..event(Tone::Plain)
    };
    vec![event(Tone::Plain), event(Tone::Good), event(Tone::Warn), event(Tone::Bad), empty]
}

/// Each live part alone, as an update has it, with its topic.
pub(super) fn live_parts() -> Vec<Sample> {
    let health = HealthPart {
        failed: vec!["store".into()],
        may_issue: true,
        version: "1.0.0".into(),
        started: Moment::from_unix_seconds(NOON),
    };
    vec![
        page("health", &health),
        page("stats", &stats()),
        page("verifiers", &processes()),
        page("revocations", &revocations()),
        page("keys", &signing_keys()),
        page("audit", &AuditPart { events: events() }),
    ]
}

fn stats() -> StatsPart {
    StatsPart {
        logins: u64::MAX,
        logins_a_minute: 12,
        failed_logins_a_minute: 3,
        limited_logins_a_minute: 1,
        session_checks: u64::MAX,
        from_memory: 98,
        cached_sessions: 12,
        active_revocations: 7,
        verifiers: 2,
        stale_verifiers: 1,
        population: Some(PopulationPart {
            users: u64::MAX,
            sessions: u64::MAX,
            session: 3,
            jwt: 2,
            hybrid: 1,
            counted: Moment::from_unix_seconds(NOON),
        }),
    }
}

/// Every page of the console with each of its samples.
pub(super) fn console() -> Vec<Sample> {
    let health = HealthPart {
        failed: vec!["store_writes".into()],
        may_issue: false,
        version: "1.0.0".into(),
        started: Moment::from_unix_seconds(NOON),
    };
    let overview = OverviewView {
        health,
        stats: stats(),
        revocations: revocations(),
        audit: AuditPart { events: events() },
    };
    let mut quiet = overview.clone();
    quiet.audit.events.clear();
    quiet.revocations = RevocationsPart { waits: vec![], revocations: vec![] };
    quiet.health.failed.clear();
    quiet.health.may_issue = true;
    let form = NewUserForm { username: HOSTILE.into(), email: HOSTILE.into(), roles: HOSTILE.into() };
    let users = UsersPageView {
        prefix: HOSTILE.into(),
        users: vec![user("ada"), user(HOSTILE), user(&"w".repeat(64))],
        about: Some(u64::MAX),
        pages: pages_around(),
        form,
        error: Some(HOSTILE.into()),
    };
    let no_users = UsersPageView {
        prefix: String::new(),
        users: vec![],
        about: None,
        pages: Pager::default(),
        form: NewUserForm::default(),
        error: None,
    };
    let counter = |max| CounterRow {
        event: "failed_logins".into(),
        scope: HOSTILE.into(),
        count: 20,
        max,
        window: 900,
        blocked_until: max.map(|_| Moment::from_unix_seconds(NOON)),
    };
    let one = UserPageView {
        user: user(HOSTILE),
        external_id: Some(HOSTILE.into()),
        disabled: Some(Moment::from_unix_seconds(NOON)),
        password_change_required: true,
        epoch: 3,
        cutoff: u64::MAX,
        sessions: sessions(),
        events: events(),
        counters: vec![counter(Some(20)), counter(None)],
        admin_keys: vec![HOSTILE.into()],
    };
    let new = UserPageView {
        user: user("ada"),
        external_id: None,
        disabled: None,
        password_change_required: false,
        sessions: vec![],
        events: vec![],
        counters: vec![],
        admin_keys: vec![],
        ..one.clone()
    };
    let filter = SessionFilter { user: HOSTILE.into(), ip: HOSTILE.into(), mode: "jwt".into() };
    let list =
        SessionsPageView { filter, sessions: sessions(), pages: pages_around(), error: Some(HOSTILE.into()) };
    let none = SessionsPageView {
        filter: SessionFilter::default(),
        sessions: vec![],
        pages: Pager::default(),
        error: None,
    };
    let filter = AuditFilter { kind: "login_failed".into(), user: HOSTILE.into(), ..AuditFilter::default() };
    let audit = AuditView {
        filter,
        kinds: vec!["login_failed", "session_ended"],
        events: events(),
        stopped_at: Some("7".into()),
        pages: pages_around(),
        export: "/auth/admin/audit/export?a=b&c=\"".into(),
        error: Some(HOSTILE.into()),
    };
    let quiet_audit = AuditView {
        filter: AuditFilter::default(),
        events: vec![],
        stopped_at: None,
        pages: Pager::default(),
        error: None,
        ..audit.clone()
    };
    let confirm = ConfirmView {
        section: "/users",
        question: HOSTILE.into(),
        consequences: vec![HOSTILE.into(), "More.".into()],
        warning: Some("This is you.".into()),
        error: Some(HOSTILE.into()),
        action: "/auth/admin/users/x/delete".into(),
        fields: vec![TextField {
            name: "confirm",
            label: HOSTILE.into(),
            hint: Some("Typed."),
            value: HOSTILE.into(),
        }],
        checkboxes: vec![Checkbox { name: "wait", label: "Wait", is_checked: true }],
        button: "Delete",
        cancel: "/auth/admin/users".into(),
        twin: HOSTILE.into(),
    };
    let plain =
        ConfirmView { warning: None, error: None, fields: vec![], checkboxes: vec![], ..confirm.clone() };
    let mut pages = vec![
        live_page("overview", &overview, None),
        live_page("quiet overview", &quiet, Some(10)),
        page("users", &users),
        page("no users", &no_users),
        page("user", &one),
        page("new user", &new),
        page("sessions", &list),
        page("no sessions", &none),
        page("audit log", &audit),
        page("quiet audit log", &quiet_audit),
        page("question", &confirm),
        page("plain question", &plain),
    ];
    pages.extend(key_pages());
    pages.extend(revocation_pages());
    pages.extend(client_pages());
    pages.extend(configuration_pages());
    pages.extend(verifier_pages());
    let limits = RateLimitsView {
        username: HOSTILE.into(),
        ip: HOSTILE.into(),
        counters: Some(vec![counter(Some(20)), counter(None)]),
        release: "/auth/admin/rate-limits/release?username=a&ip=b".into(),
        error: Some(HOSTILE.into()),
    };
    let nothing = RateLimitsView { counters: Some(vec![]), error: None, ..limits.clone() };
    let unasked = RateLimitsView { counters: None, ..nothing.clone() };
    let check = |is_met| CheckRow { name: "store", is_met, advice: "The store can be read." };
    let health = HealthView {
        health: overview.health.clone(),
        checks: vec![check(true), check(false)],
        node: "p3vQ0n9Jr2hK5cXw".into(),
        issuer: HOSTILE.into(),
        store: HOSTILE.into(),
    };
    pages.push(page("rate limits", &limits));
    pages.push(page("no rate limits", &nothing));
    pages.push(page("rate limits unasked", &unasked));
    pages.push(live_page("health", &health, None));
    pages.push(page("doctor", &doctor()));
    pages
}
