//! Views of the console to render: usual, empty, longest, with errors, and with hostile text.

use counterfoil_pages::view::console::{
    AuditFilter, AuditPart, AuditView, CheckRow, Checkbox, ClientPageView, ClientRow, ClientsView,
    ConfigurationView, ConfirmView, CounterRow, DoctorRow, DoctorView, EventRow, HealthPart, HealthView,
    KeyPlot, KeyRow, KeyTimes, KeysPart, KeysView, LifetimeRow, NewUserForm, NodeRow, OverviewView, Pager,
    RateLimitsView, RevocationRow, RevocationsPart, RevocationsView, SessionFilter, SessionRow,
    SessionsPageView, SettingRow, StatsPart, TextField, UserPageView, UserRow, UsersPageView, VerifierKeyRow,
    VerifierRow, VerifiersPart, VerifiersView, WaitRow,
};
use counterfoil_pages::view::{Mode, Tone};
use counterfoil_pages::{Device, Frame, Language, LiveFrame, Moment, Renderer, View};

use crate::samples::{HOSTILE, frame};

const NOON: u64 = 1_764_000_000;

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

fn pages_around() -> Pager {
    Pager {
        previous: Some("/auth/admin?before=a&b=\"".into()),
        next: Some("/auth/admin?after=a&b=\"".into()),
    }
}

fn render(renderer: &Renderer, view: &impl View) -> String {
    let html = renderer.render(Language::English, &frame(Some(HOSTILE)), view);
    html.unwrap_or_else(|error| panic!("{error:?}"))
}

/// A page with live parts: updated by the script, or loaded again after some seconds.
fn render_live(renderer: &Renderer, view: &impl View, every: Option<u64>) -> String {
    let frame = Frame { live: Some(LiveFrame { every }), ..frame(Some(HOSTILE)) };
    renderer.render(Language::English, &frame, view).unwrap_or_else(|error| panic!("{error:?}"))
}

fn revocations() -> RevocationsPart {
    let entry = |subject: &str, link: Option<&str>, until| RevocationRow {
        position: u64::MAX,
        subject: subject.into(),
        link: link.map(Into::into),
        until,
    };
    let wait = WaitRow {
        position: 7,
        subject: HOSTILE.into(),
        confirmed: 2,
        expired: 1,
        waiting: 1,
        over_in_ms: 1_400,
        confirmed_share: 50,
        expired_share: 25,
    };
    let over = WaitRow { expired: 0, waiting: 0, expired_share: 0, ..wait.clone() };
    RevocationsPart {
        waits: vec![wait, over],
        revocations: vec![
            entry("user:p3vQ0n9Jr2hK5cXwp3vQ0n", Some("/auth/admin/users/a&b\""), None),
            entry(HOSTILE, None, Some(Moment::from_unix_seconds(NOON))),
        ],
    }
}

/// Each live part alone, as an update has it, with its topic.
pub(crate) fn live_parts(renderer: &Renderer) -> Vec<(&'static str, String)> {
    let health = HealthPart {
        failed: vec!["store".into()],
        may_issue: true,
        version: "1.0.0".into(),
        started: Moment::from_unix_seconds(NOON),
    };
    vec![
        ("health", render(renderer, &health)),
        ("stats", render(renderer, &stats())),
        ("verifiers", render(renderer, &processes())),
        ("revocations", render(renderer, &revocations())),
        ("keys", render(renderer, &signing_keys())),
        ("audit", render(renderer, &AuditPart { events: events() })),
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
    }
}

/// Every page of the console with each of its samples.
pub(crate) fn console(renderer: &Renderer) -> Vec<(&'static str, String)> {
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
        pages: pages_around(),
        form,
        error: Some(HOSTILE.into()),
    };
    let no_users = UsersPageView {
        prefix: String::new(),
        users: vec![],
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
        ("overview", render_live(renderer, &overview, None)),
        ("quiet overview", render_live(renderer, &quiet, Some(10))),
        ("users", render(renderer, &users)),
        ("no users", render(renderer, &no_users)),
        ("user", render(renderer, &one)),
        ("new user", render(renderer, &new)),
        ("sessions", render(renderer, &list)),
        ("no sessions", render(renderer, &none)),
        ("audit log", render(renderer, &audit)),
        ("quiet audit log", render(renderer, &quiet_audit)),
        ("question", render(renderer, &confirm)),
        ("plain question", render(renderer, &plain)),
    ];
    pages.extend(key_pages(renderer));
    pages.extend(revocation_pages(renderer));
    pages.extend(client_pages(renderer));
    pages.extend(configuration_pages(renderer));
    pages.extend(verifier_pages(renderer));
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
    pages.push(("rate limits", render(renderer, &limits)));
    pages.push(("no rate limits", render(renderer, &nothing)));
    pages.push(("rate limits unasked", render(renderer, &unasked)));
    pages.push(("health", render_live(renderer, &health, None)));
    pages.push(("doctor", render(renderer, &doctor())));
    pages
}

/// A row of each verdict. What a proxy sends may be anything.
fn doctor() -> DoctorView {
    let row = |check: &str, verdict, tone, mend: Option<&str>| DoctorRow {
        check: check.to_owned(),
        seen: HOSTILE.to_owned(),
        verdict,
        tone,
        mend: mend.map(str::to_owned),
    };
    DoctorView {
        issuer: HOSTILE.to_owned(),
        rows: vec![
            row("cookie returned", "good", "good", None),
            row("Sec-Fetch-Site", "warning", "warn", Some("remove the lines that clear `Sec-Fetch-*`")),
            row("Host", "wrong", "bad", Some("proxy_set_header Host $host;")),
            row("client address", "not checked", "", Some(HOSTILE)),
        ],
        probe: format!("cfd_{}", "aB3-".repeat(16)),
        probe_ends: Moment::from_unix_seconds(NOON),
    }
}

fn key_row(state: &str, is_revocable: bool) -> KeyRow {
    KeyRow {
        id: HOSTILE.into(),
        algorithm: "ES256".into(),
        state: state.into(),
        created: Moment::from_unix_seconds(NOON),
        activated: is_revocable.then(|| Moment::from_unix_seconds(NOON)),
        removed: is_revocable.then(|| Moment::from_unix_seconds(NOON)),
        is_revocable,
    }
}

fn signing_keys() -> KeysPart {
    let times = |signs_from| KeyTimes {
        id: HOSTILE.into(),
        published: NOON - 100,
        signs_from,
        signs_until: None,
        good_until: None,
    };
    KeysPart {
        keys: vec![key_row("retired", true), key_row("current", true), key_row("revoked", false)],
        plot: KeyPlot::new(&[times(Some(NOON)), times(None)], NOON + 50),
    }
}

fn configuration_pages(renderer: &Renderer) -> [(&'static str, String); 2] {
    let setting = |value: Option<&str>, is_set| SettingRow {
        name: "login_rate_limit.successes_per_account_and_ip".into(),
        value: value.map(Into::into),
        origin: HOSTILE.into(),
        default: HOSTILE.into(),
        is_set,
    };
    let settings = vec![setting(Some(HOSTILE), true), setting(None, false)];
    [
        ("configuration", render(renderer, &ConfigurationView { settings })),
        ("no configuration", render(renderer, &ConfigurationView { settings: vec![] })),
    ]
}

fn revocation_pages(renderer: &Renderer) -> [(&'static str, String); 2] {
    let newest = RevocationsView {
        newest: Some(revocations()),
        older: vec![],
        pages: pages_around(),
        subject: HOSTILE.into(),
        error: Some(HOSTILE.into()),
    };
    let older = RevocationsView {
        newest: None,
        older: revocations().revocations,
        pages: Pager::default(),
        subject: HOSTILE.into(),
        error: None,
    };
    [("revocations", render_live(renderer, &newest, None)), ("older revocations", render(renderer, &older))]
}

fn client_pages(renderer: &Renderer) -> [(&'static str, String); 4] {
    let client = |is_enabled: bool| ClientRow {
        id: "p3vQ0n9Jr2hK5cXw".repeat(8),
        name: HOSTILE.into(),
        modes: vec!["session", "jwt", "hybrid"],
        audiences: is_enabled.then(|| vec![HOSTILE.into()]),
        scopes: is_enabled.then(Vec::new),
        is_enabled,
    };
    let list = ClientsView {
        clients: vec![client(true), client(false)],
        pages: pages_around(),
        id: HOSTILE.into(),
        name: HOSTILE.into(),
        error: Some(HOSTILE.into()),
    };
    let none = ClientsView { clients: vec![], pages: Pager::default(), error: None, ..list.clone() };
    let lifetime = LifetimeRow {
        name: "session_idle",
        text: "Session that is not used",
        value: "34560000s".into(),
        ceiling: "400d".into(),
        share: 100,
    };
    let one = ClientPageView { client: client(true), lifetimes: vec![lifetime; 6] };
    let disabled = ClientPageView { client: client(false), lifetimes: vec![] };
    [
        ("clients", render(renderer, &list)),
        ("no clients", render(renderer, &none)),
        ("client", render(renderer, &one)),
        ("disabled client", render(renderer, &disabled)),
    ]
}

fn key_pages(renderer: &Renderer) -> [(&'static str, String); 2] {
    let keys = KeysView { signing: signing_keys(), refresh_token_keys: vec![key_row("current", false)] };
    let signing = KeysPart { keys: vec![], plot: KeyPlot::new(&[], NOON) };
    let none = KeysView { signing, refresh_token_keys: vec![] };
    [("keys", render_live(renderer, &keys, None)), ("no keys", render_live(renderer, &none, None))]
}

fn processes() -> VerifiersPart {
    let row = |is_stale, lease_left| VerifierRow {
        name: HOSTILE.into(),
        instance: "p3vQ0n9Jr2hK5cXw".into(),
        is_stale,
        lag_entries: u64::MAX,
        lag_ms: 12,
        lease_left_ms: 2_600,
        lease_left,
        polled: Moment::from_unix_seconds(NOON),
    };
    VerifiersPart { verifiers: vec![row(false, 87), row(true, 0)] }
}

fn verifier_pages(renderer: &Renderer) -> [(&'static str, String); 2] {
    let node = |state: &str, is_this| NodeRow {
        id: "p3vQ0n9Jr2hK5cXw".into(),
        name: HOSTILE.into(),
        is_this,
        state: state.into(),
        applied: 7,
        confirmed: 6,
    };
    let key = VerifierKeyRow {
        id: "p3vQ0n9Jr2hK5cXw".into(),
        name: HOSTILE.into(),
        created: Moment::from_unix_seconds(NOON),
    };
    let verifiers = VerifiersView {
        processes: processes(),
        keys: vec![key],
        nodes: vec![node("active", true), node("dead", false)],
        created: Some("cfv_once".into()),
        name: HOSTILE.into(),
        error: Some(HOSTILE.into()),
    };
    let none = VerifiersView {
        processes: VerifiersPart { verifiers: vec![] },
        keys: vec![],
        nodes: vec![],
        created: None,
        name: String::new(),
        error: None,
    };
    [("verifiers", render_live(renderer, &verifiers, None)), ("no verifiers", render(renderer, &none))]
}
