//! Views of the console: keys, revocations, clients, verifiers, the configuration and the doctor.

use crate::moment::Moment;
use crate::sample::console::{live_page, page, pages_around};
use crate::sample::{HOSTILE, NOON, Sample};
use crate::view::console::{
    ClientPageView, ClientRow, ClientsView, ConfigurationView, DoctorRow, DoctorView, KeyPlot, KeyRow,
    KeyTimes, KeysPart, KeysView, LifetimeRow, NodeRow, Pager, RevocationRow, RevocationsPart,
    RevocationsView, SettingRow, VerifierKeyRow, VerifierRow, VerifiersPart, VerifiersView, WaitRow,
};

pub(super) fn revocations() -> RevocationsPart {
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

/// A row of each verdict. What a proxy sends may be anything.
pub(super) fn doctor() -> DoctorView {
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

pub(super) fn signing_keys() -> KeysPart {
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

pub(super) fn configuration_pages() -> [Sample; 2] {
    let setting = |value: Option<&str>, is_set| SettingRow {
        name: "login_rate_limit.successes_per_account_and_ip".into(),
        value: value.map(Into::into),
        origin: HOSTILE.into(),
        default: HOSTILE.into(),
        is_set,
    };
    let settings = vec![setting(Some(HOSTILE), true), setting(None, false)];
    [
        page("configuration", &ConfigurationView { settings }),
        page("no configuration", &ConfigurationView { settings: vec![] }),
    ]
}

pub(super) fn revocation_pages() -> [Sample; 2] {
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
    [live_page("revocations", &newest, None), page("older revocations", &older)]
}

pub(super) fn client_pages() -> [Sample; 4] {
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
        page("clients", &list),
        page("no clients", &none),
        page("client", &one),
        page("disabled client", &disabled),
    ]
}

pub(super) fn key_pages() -> [Sample; 2] {
    let keys = KeysView { signing: signing_keys(), refresh_token_keys: vec![key_row("current", false)] };
    let signing = KeysPart { keys: vec![], plot: KeyPlot::new(&[], NOON) };
    let none = KeysView { signing, refresh_token_keys: vec![] };
    [live_page("keys", &keys, None), live_page("no keys", &none, None)]
}

pub(super) fn processes() -> VerifiersPart {
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

pub(super) fn verifier_pages() -> [Sample; 2] {
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
    [live_page("verifiers", &verifiers, None), page("no verifiers", &none)]
}
