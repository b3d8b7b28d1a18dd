//! The counters that `prometheus-client` holds.

use prometheus_client::registry::Registry;

use crate::app::AppParts;
use crate::store::node::metrics::NodeMetrics;

/// Registers these counters; the other metrics are encoded when they are exported.
pub(super) fn register(registry: &mut Registry, parts: &AppParts) {
    let metrics = &parts.metrics;
    let (events, connections) = (&metrics.events, &metrics.connections);
    registry.register("counterfoil_logins", "Login attempts, by result", metrics.logins.family());
    registry.register(
        "counterfoil_host_logins",
        "Logins at guarded hosts that returned from the issuer, by result",
        metrics.host_logins.family(),
    );
    registry.register(
        "counterfoil_registrations",
        "Registration attempts, by result",
        metrics.registrations.family(),
    );
    registry.register(
        "counterfoil_password_changes",
        "Attempts to change a password, by result",
        metrics.password_changes.family(),
    );
    registry.register(
        "counterfoil_sessions_created",
        "Sessions created by logins, by mode",
        events.sessions_created.clone(),
    );
    registry.register(
        "counterfoil_sessions_ended",
        "Sessions ended, by reason, without those that expired",
        events.sessions_ended.clone(),
    );
    registry.register(
        "counterfoil_audit_events",
        "Audit events written, by kind",
        events.audit_events.clone(),
    );
    registry.register(
        "counterfoil_revocation_log_entries",
        "Entries appended to the revocation log",
        events.revocation_log_entries.clone(),
    );
    registry.register(
        "counterfoil_audit_events_removed_above_limit",
        "Audit events removed before their time, because there were too many",
        parts.audit_log_limit.removed.clone(),
    );
    registry.register(
        "counterfoil_writes_refused",
        "Requests that would change something, refused by a rate limit",
        parts.write_rate_limiter.refused(),
    );
    registry.register(
        "counterfoil_introspections",
        "Requests for introspection, by result",
        metrics.introspections.requests.clone(),
    );
    let feed = &parts.feed.metrics;
    registry.register("counterfoil_feed_polls", "Polls of verifiers, by result", feed.polls.clone());
    registry.register(
        "counterfoil_feed_snapshots",
        "Snapshots that verifiers got, by reason",
        feed.snapshots.clone(),
    );
    registry.register(
        "counterfoil_feed_repeated_polls",
        "Polls with a number that their instance had sent before: two processes may share one instance id",
        feed.repeated_polls.clone(),
    );
    registry.register(
        "counterfoil_feed_delayed_polls",
        "Polls that were served later because their instance sent too many",
        feed.delayed_polls.clone(),
    );
    registry.register(
        "counterfoil_fleet_waits",
        "Revocations that waited until no verifier accepted their subject",
        feed.fleet_waits.clone(),
    );
    registry.register(
        "counterfoil_fleet_wait_expired_leases",
        "Verifiers whose lease ran out during such a wait",
        feed.fleet_expired.clone(),
    );
    // Of a process that is the only one on its store they stay 0, so that alerts find every series.
    let alone = NodeMetrics::default();
    let node = parts.node.as_ref().map_or(&alone, |node| &node.metrics);
    registry.register(
        "counterfoil_node_renewals",
        "Renewals of the lease of this node",
        node.renewals.clone(),
    );
    registry.register(
        "counterfoil_node_failed_renewals",
        "Renewals of the lease of this node that failed",
        node.failed_renewals.clone(),
    );
    registry.register(
        "counterfoil_node_applied_changes",
        "Changes of other nodes that this one has applied",
        node.applied_changes.clone(),
    );
    registry.register(
        "counterfoil_node_removals",
        "Dead nodes that this one has removed",
        node.removed_nodes.clone(),
    );
    registry.register("counterfoil_connections", "Open connections", connections.open.clone());
    registry.register(
        "counterfoil_connections_refused",
        "New connections closed because a limit was reached",
        connections.refused.clone(),
    );
    registry.register(
        "counterfoil_connections_closed_for_others",
        "Connections closed to make room for others",
        connections.closed.clone(),
    );
}
