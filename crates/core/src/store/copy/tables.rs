//! The tables that a copy contains: all but the locks of jobs, which belong to a process.

use super::table::{Column, ColumnKind, CopiedTable};

/// How many rows are written in one transaction: a sync of the disk for some megabytes.
const BATCH: u32 = 8192;

/// The same for rows that may have many kilobytes.
const BATCH_OF_LARGE_ROWS: u32 = 512;

/// The tables, each one after those that it refers to.
pub const TABLES: &[&CopiedTable] = &[
    &USERS,
    &CLIENTS,
    &SESSIONS,
    &SESSION_DATA,
    &PENDING_SESSION_ENDS,
    &ADMIN_KEYS,
    &VERIFIER_KEYS,
    &KEYS,
    &REVOCATION_LOG,
    &FREE_STATUS_INDEXES,
    &AUDIT_EVENTS,
    &COUNTERS,
    &METADATA,
    &STATUS_LISTS,
    &REVOCATION_LOG_HEAD,
    &NEWEST_TIME,
];

const fn integer(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Integer }
}

const fn boolean(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Boolean }
}

const fn word(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Word }
}

const fn free_text(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::FreeText }
}

const fn bytes(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Bytes }
}

const USERS: CopiedTable = CopiedTable {
    name: "users",
    key: 1,
    batch: BATCH,
    columns: &[
        bytes("id"),
        free_text("username"),
        free_text("username_folded"),
        free_text("email"),
        boolean("email_verified"),
        free_text("password_hash"),
        word("roles"),
        integer("disabled_at"),
        integer("epoch"),
        integer("cutoff"),
        integer("created_at"),
        integer("revision"),
        free_text("external_id"),
        integer("application_epoch"),
        boolean("password_change_required"),
        free_text("skeleton"),
        free_text("shown_skeleton"),
        boolean("removed"),
        boolean("has_earlier_form"),
    ],
};

const CLIENTS: CopiedTable = CopiedTable {
    name: "clients",
    key: 1,
    batch: BATCH,
    columns: &[
        free_text("id"),
        free_text("name"),
        word("modes"),
        word("audiences"),
        word("scopes"),
        integer("session_idle_seconds"),
        integer("session_absolute_seconds"),
        integer("jwt_seconds"),
        integer("access_seconds"),
        integer("refresh_idle_seconds"),
        integer("refresh_absolute_seconds"),
        boolean("enabled"),
        integer("cutoff"),
        integer("revision"),
    ],
};

const SESSIONS: CopiedTable = CopiedTable {
    name: "sessions",
    key: 1,
    batch: BATCH,
    columns: &[
        bytes("id"),
        bytes("user_id"),
        free_text("client_id"),
        word("credential"),
        bytes("token_hash"),
        bytes("refresh_token_key_id"),
        bytes("refresh_salt"),
        integer("refresh_counter"),
        integer("refresh_rotated_at"),
        integer("authenticated_at"),
        word("amr"),
        integer("last_seen_at"),
        integer("idle_timeout"),
        integer("expires_at"),
        integer("position"),
        free_text("scope"),
        word("ip"),
        free_text("user_agent"),
        free_text("label"),
        integer("ended_at"),
        word("end_reason"),
        integer("revision"),
        free_text("acr"),
        free_text("audience"),
        integer("status_index"),
        integer("purge_check_at"),
        boolean("expiry_recorded"),
    ],
};

const SESSION_DATA: CopiedTable = CopiedTable {
    name: "session_data",
    key: 1,
    batch: BATCH_OF_LARGE_ROWS,
    columns: &[bytes("session_id"), word("members"), integer("revision")],
};

const PENDING_SESSION_ENDS: CopiedTable = CopiedTable {
    name: "pending_session_ends",
    key: 2,
    batch: BATCH,
    columns: &[
        integer("below"),
        bytes("user_id"),
        integer("ended_at"),
        word("end_reason"),
        integer("remember_until"),
        word("actor"),
        bytes("actor_id"),
        word("ip"),
        free_text("user_agent"),
    ],
};

const ADMIN_KEYS: CopiedTable = CopiedTable {
    name: "admin_keys",
    key: 1,
    batch: BATCH,
    columns: &[
        bytes("id"),
        free_text("name"),
        bytes("secret_hash"),
        bytes("created_by"),
        integer("created_at"),
    ],
};

const VERIFIER_KEYS: CopiedTable = CopiedTable {
    name: "verifier_keys",
    key: 1,
    batch: BATCH,
    columns: &[bytes("id"), free_text("name"), bytes("secret_hash"), integer("created_at")],
};

const KEYS: CopiedTable = CopiedTable {
    name: "keys",
    key: 1,
    batch: BATCH_OF_LARGE_ROWS,
    columns: &[
        word("id"),
        word("purpose"),
        free_text("algorithm"),
        bytes("sealed_key"),
        word("state"),
        integer("created_at"),
        integer("state_changed_at"),
        integer("activated_at"),
        integer("revision"),
    ],
};

const REVOCATION_LOG: CopiedTable = CopiedTable {
    name: "revocation_log",
    key: 1,
    batch: BATCH,
    columns: &[
        integer("position"),
        word("subject"),
        word("reason"),
        integer("revoked_at"),
        integer("expires_at"),
        integer("status_index"),
    ],
};

const FREE_STATUS_INDEXES: CopiedTable = CopiedTable {
    name: "free_status_indexes",
    key: 2,
    batch: BATCH,
    columns: &[integer("freed_at"), integer("status_index")],
};

const AUDIT_EVENTS: CopiedTable = CopiedTable {
    name: "audit_events",
    key: 1,
    batch: BATCH,
    columns: &[
        integer("number"),
        integer("occurred_at"),
        word("kind"),
        bytes("user_id"),
        bytes("session_id"),
        word("client_id"),
        word("actor"),
        bytes("actor_id"),
        word("end_reason"),
        word("ip"),
        free_text("user_agent"),
        free_text("detail"),
    ],
};

const COUNTERS: CopiedTable = CopiedTable {
    name: "counters",
    key: 1,
    batch: BATCH,
    columns: &[free_text("key"), integer("value"), integer("window_ends_at")],
};

/// The values of the installation itself, by name. The mark of a copy is one of them.
pub const METADATA: CopiedTable = CopiedTable {
    name: "metadata",
    key: 1,
    batch: BATCH_OF_LARGE_ROWS,
    columns: &[free_text("key"), bytes("value")],
};

const STATUS_LISTS: CopiedTable = CopiedTable {
    name: "status_lists",
    key: 0,
    batch: 1,
    columns: &[bytes("permutation_key"), integer("next_index")],
};

/// Verifiers know the id of the log and a position in it, so both stay.
const REVOCATION_LOG_HEAD: CopiedTable = CopiedTable {
    name: "revocation_log_head",
    key: 0,
    batch: 1,
    columns: &[bytes("log_id"), integer("last_position"), integer("cutoff")],
};

const NEWEST_TIME: CopiedTable =
    CopiedTable { name: "newest_time", key: 0, batch: 1, columns: &[integer("newest_at")] };
