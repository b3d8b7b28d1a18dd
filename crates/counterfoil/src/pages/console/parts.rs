//! The parts of pages that stay up to date: the same for a page and for a live update.

use counterfoil_pages::Moment;
use counterfoil_pages::view::console::{
    AuditPart, HealthPart, KeyPlot, KeyRow, KeyTimes, KeysPart, PopulationPart, RevocationRow,
    RevocationsPart, StatsPart, VerifierRow, VerifiersPart, WaitRow,
};

use crate::app::App;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::overview::{self, Health, PopulationStats, SessionModes};
use crate::operations::admin::responses::KeyListResponse;
use crate::operations::admin::views::key::KeyView;
use crate::operations::admin::views::revocation::{FleetWaitView, RevocationEntryView};
use crate::operations::admin::views::verifier::VerifierView;
use crate::operations::admin::{keys, revocation_log, verifiers};
use crate::operations::error::OperationError;
use crate::operations::pagination::Pagination;
use crate::pages::console::page::console_path;
use crate::pages::console::rows::event_row;

/// The most verifiers that are shown.
const VERIFIERS: u32 = 200;

/// How many of the newest events are shown.
const EVENTS: u32 = 10;

/// How many of the newest revocations are shown.
const REVOCATIONS: u32 = 10;

/// The most keys that are shown. A rotation each day for years has more; the oldest are removed ones.
const KEYS: u32 = 1_000;

/// How many of the newest keys the picture has.
const DRAWN: usize = 8;

/// The readiness checks at a glance.
pub(super) fn health(health: Health) -> HealthPart {
    HealthPart {
        failed: health.failed.into_iter().map(str::to_owned).collect(),
        may_issue: health.may_issue,
        version: health.version.to_owned(),
        started: Moment::from_unix_seconds(health.started_at),
    }
}

/// The counts of this process.
pub(super) fn stats(app: &App) -> StatsPart {
    let stats = overview::stats(app);
    StatsPart {
        logins: stats.logins,
        logins_a_minute: stats.logins_a_minute,
        failed_logins_a_minute: stats.failed_logins_a_minute,
        limited_logins_a_minute: stats.limited_logins_a_minute,
        session_checks: stats.session_checks,
        from_memory: stats.session_checks_from_memory * 100 / stats.session_checks.max(1),
        cached_sessions: stats.cached_sessions,
        active_revocations: stats.active_revocations,
        verifiers: stats.verifiers,
        stale_verifiers: stats.stale_verifiers,
        population: stats.population.map(population),
    }
}

fn population(count: PopulationStats) -> PopulationPart {
    let SessionModes { session, jwt, hybrid } = count.sessions;
    PopulationPart {
        users: count.users,
        sessions: session + jwt + hybrid,
        session,
        jwt,
        hybrid,
        counted: Moment::from_unix_seconds(count.counted_at),
    }
}

/// The processes that follow the feed.
pub(super) async fn verifiers(app: &App) -> Result<VerifiersPart, OperationError> {
    let list = verifiers::list(app, Pagination::new(None, VERIFIERS)?).await?;
    let lease = u64::try_from(app.settings().feed.lease.as_millis()).unwrap_or(u64::MAX).max(1);
    Ok(VerifiersPart { verifiers: list.items.iter().map(|verifier| verifier_row(verifier, lease)).collect() })
}

/// The newest revocations, and those that are on their way.
pub(super) async fn revocations(app: &App) -> Result<RevocationsPart, OperationError> {
    Ok(newest_revocations(app).await?.0)
}

/// As [`revocations`], with the cursor of older ones.
pub(super) async fn newest_revocations(
    app: &App,
) -> Result<(RevocationsPart, Option<String>), OperationError> {
    let list = revocation_log::list(app, Pagination::new(None, REVOCATIONS)?).await?;
    let part = RevocationsPart {
        waits: list.waits.iter().map(wait_row).collect(),
        revocations: list.revocations.iter().map(|entry| revocation_row(app, entry)).collect(),
    };
    Ok((part, list.next))
}

/// The signing keys, with a picture of their rotation.
pub(super) async fn signing_keys(app: &App) -> Result<KeysPart, OperationError> {
    Ok(keys_part(app, &key_list(app).await?))
}

/// The keys of both purposes.
pub(super) async fn key_list(app: &App) -> Result<KeyListResponse, OperationError> {
    keys::list(app, Pagination::new(None, KEYS)?).await
}

pub(super) fn keys_part(app: &App, list: &KeyListResponse) -> KeysPart {
    let drawn: Vec<_> = list.keys[list.keys.len().saturating_sub(DRAWN)..].iter().map(key_times).collect();
    KeysPart {
        keys: list.keys.iter().map(|key| key_row(key, true)).collect(),
        plot: KeyPlot::new(&drawn, app.now().unix_seconds()),
    }
}

/// The newest audit events, and the number of the newest one.
pub(super) async fn audit(app: &App) -> Result<(AuditPart, u64), OperationError> {
    let all = AuditEventFilter::default();
    let events = audit_log::list(app, &all, Pagination::new(None, EVENTS)?).await?.items;
    let newest = events.first().map_or(0, |event| event.number);
    Ok((AuditPart { events: events.iter().map(event_row).collect() }, newest))
}

/// A verifier whose lease is `lease` milliseconds long.
fn verifier_row(verifier: &VerifierView, lease: u64) -> VerifierRow {
    VerifierRow {
        name: verifier.name.clone().unwrap_or_else(|| verifier.key_id.clone()),
        instance: verifier.instance.clone(),
        is_stale: verifier.state == "stale",
        lag_entries: verifier.lag_entries,
        lag_ms: verifier.lag_ms,
        lease_left_ms: verifier.lease_left_ms,
        lease_left: (verifier.lease_left_ms.saturating_mul(100) / lease).min(100),
        polled: Moment::from_unix_seconds(verifier.polled_at),
    }
}

fn wait_row(wait: &FleetWaitView) -> WaitRow {
    let all = (wait.confirmed + wait.expired + wait.waiting).max(1);
    WaitRow {
        position: wait.position,
        subject: wait.subject.clone(),
        confirmed: wait.confirmed,
        expired: wait.expired,
        waiting: wait.waiting,
        over_in_ms: wait.over_in_ms,
        confirmed_share: wait.confirmed * 100 / all,
        expired_share: wait.expired * 100 / all,
    }
}

pub(super) fn revocation_row(app: &App, entry: &RevocationEntryView) -> RevocationRow {
    let link = match entry.subject.split_once(':') {
        Some(("user", id)) => Some(console_path(app, &format!("/users/{id}"))),
        Some(("session", id)) => Some(console_path(app, &format!("/audit?session={id}"))),
        _ => None,
    };
    RevocationRow {
        position: entry.position,
        subject: entry.subject.clone(),
        link,
        until: entry.until.map(Moment::from_unix_seconds),
    }
}

pub(super) fn key_row(key: &KeyView, is_signing: bool) -> KeyRow {
    KeyRow {
        id: key.id.clone(),
        algorithm: key.algorithm.clone(),
        state: key.state.clone(),
        created: Moment::from_unix_seconds(key.created_at),
        activated: key.activated_at.map(Moment::from_unix_seconds),
        removed: key.removed_at.map(Moment::from_unix_seconds),
        is_revocable: is_signing && !is_gone(key),
    }
}

/// Whether no token of the key is valid any more.
fn is_gone(key: &KeyView) -> bool {
    ["removed", "revoked"].contains(&key.state.as_str())
}

fn key_times(key: &KeyView) -> KeyTimes {
    let gone_at = Some(key.changed_at).filter(|_| is_gone(key));
    KeyTimes {
        id: key.id.clone(),
        published: key.created_at,
        signs_from: key.activated_at,
        signs_until: key.retired_at.or(gone_at),
        good_until: key.removed_at.or(gone_at),
    }
}
