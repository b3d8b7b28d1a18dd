//! The SQL that finds the records that violate a rule.

use counterfoil_core::store::check::ConsistencyRule;

/// The rows of a `SELECT` of ids, counted, with one of them as an example.
macro_rules! violations {
    ($($sql:expr),+ $(,)?) => {
        concat!("SELECT count(*), min(example) FROM (", $($sql,)+ ") AS violations")
    };
}

/// `SELECT` for the number of records that violate the rule, and the id of one of them.
pub(super) const fn select(rule: ConsistencyRule) -> &'static str {
    match rule {
        ConsistencyRule::SessionHasUser => violations!(
            "SELECT lower(hex(id)) AS example FROM sessions s
             WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id)"
        ),
        ConsistencyRule::SessionHasClient => violations!(
            "SELECT lower(hex(id)) AS example FROM sessions s
             WHERE NOT EXISTS (SELECT 1 FROM clients c WHERE c.id = s.client_id)"
        ),
        ConsistencyRule::DataHasSession => violations!(
            "SELECT lower(hex(session_id)) AS example FROM session_data d
             WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = d.session_id)"
        ),
        ConsistencyRule::AdminKeyHasCreator => violations!(
            "SELECT lower(hex(id)) AS example FROM admin_keys k WHERE created_by IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = k.created_by)"
        ),
        ConsistencyRule::EntryNotAboveHead => violations!(
            "SELECT CAST(position AS TEXT) AS example FROM revocation_log
             WHERE position > (SELECT last_position FROM revocation_log_head)"
        ),
        // The cutoff of a removed user is above every position.
        ConsistencyRule::CutoffNotAboveHead => violations!(
            "SELECT lower(hex(id)) AS example FROM users
             WHERE NOT removed AND cutoff > (SELECT last_position FROM revocation_log_head)
             UNION ALL SELECT id FROM clients WHERE cutoff > (SELECT last_position FROM revocation_log_head)
             UNION ALL SELECT 'everyone' FROM revocation_log_head WHERE cutoff > last_position"
        ),
        ConsistencyRule::SessionNotAboveHead => violations!(
            "SELECT lower(hex(id)) AS example FROM sessions
             WHERE position > (SELECT last_position FROM revocation_log_head)"
        ),
        ConsistencyRule::DisabledUserHasNoSession => violations!(
            "SELECT lower(hex(s.id)) AS example FROM users u JOIN sessions s ON s.user_id = u.id
             WHERE u.disabled_at IS NOT NULL AND s.ended_at IS NULL AND s.position >= u.cutoff"
        ),
        ConsistencyRule::StatusIndexIsUnique => violations!(
            "SELECT CAST(status_index AS TEXT) AS example FROM sessions WHERE status_index IS NOT NULL
             GROUP BY status_index HAVING count(*) > 1"
        ),
        ConsistencyRule::StatusIndexIsAssigned => violations!(
            "SELECT CAST(status_index AS TEXT) AS example FROM sessions
             WHERE status_index >= (SELECT next_index FROM status_lists)
             UNION ALL SELECT CAST(status_index AS TEXT) FROM free_status_indexes
             WHERE status_index >= (SELECT next_index FROM status_lists)"
        ),
        ConsistencyRule::FreeStatusIndexIsUnused => violations!(
            "SELECT CAST(f.status_index AS TEXT) AS example FROM free_status_indexes f
             JOIN sessions s ON s.status_index = f.status_index"
        ),
        ConsistencyRule::RevisionIsValid => violations!(
            "SELECT lower(hex(id)) AS example FROM users WHERE revision < 0
             UNION ALL SELECT lower(hex(id)) FROM sessions WHERE revision < 0
             UNION ALL SELECT lower(hex(session_id)) FROM session_data WHERE revision < 0
             UNION ALL SELECT id FROM clients WHERE revision < 0
             UNION ALL SELECT id FROM keys WHERE revision < 0"
        ),
    }
}
