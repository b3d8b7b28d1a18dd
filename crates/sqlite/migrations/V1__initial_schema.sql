-- The records of Counterfoil: users, clients, sessions, keys, the revocation log, the audit log and the state
-- that must survive a restart.
--
-- Times are Unix milliseconds (UTC); columns of times end with `_at`. Durations are milliseconds, except the
-- lifetimes of clients, which are seconds as their column names say. Ids are 16 bytes, except client ids and
-- key ids, which are text. Tables are STRICT, so a column holds values of its declared type only. Lists are
-- JSON arrays of strings. A `revision` counts the changes of a row; a row is replaced only by the successor
-- of its revision.
--
-- A released migration is never edited. A change of the schema is a new file in this directory.

-- The file header: "Cfoi" identifies a Counterfoil database, `user_version` is the version of its schema.
-- Both are checked before SQLite opens the file.
PRAGMA application_id = 1130786665;
PRAGMA user_version = 1;

-- The users: who can log in.
CREATE TABLE users (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    username        TEXT    NOT NULL,
    -- The case-folded username, by which users are looked up. The constraint decides which of two concurrent
    -- registrations gets the name.
    username_folded TEXT    NOT NULL UNIQUE,
    email           TEXT,
    email_verified  INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    -- A PHC string; NULL for a user without a password.
    password_hash   TEXT,
    roles           TEXT    NOT NULL CHECK (json_type(roles) = 'array'),
    disabled_at     INTEGER,
    -- Rises with each change that a concurrent login must not miss: password, roles, disabling, revocation.
    epoch           INTEGER NOT NULL,
    -- Credentials issued below this position of the revocation log are revoked. It never falls.
    cutoff          INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    revision        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Only a verified address identifies a user, so only verified addresses must be unique: an unverified claim
-- must not lock out the owner of the address. Domains are case-insensitive, and mail providers treat mailbox
-- names so too.
CREATE UNIQUE INDEX users_by_verified_email ON users (email COLLATE NOCASE) WHERE email_verified = 1;

-- The client applications that users log in through (public clients, RFC 6749, section 2.1).
CREATE TABLE clients (
    id                       TEXT    NOT NULL PRIMARY KEY,
    name                     TEXT    NOT NULL,
    -- The session modes that a login may have.
    modes                    TEXT    NOT NULL CHECK (json_type(modes) = 'array'),
    -- The audiences and scopes that a login may request; NULL allows any.
    audiences                TEXT    CHECK (audiences IS NULL OR json_type(audiences) = 'array'),
    scopes                   TEXT    CHECK (scopes IS NULL OR json_type(scopes) = 'array'),
    session_idle_seconds     INTEGER NOT NULL,
    session_absolute_seconds INTEGER NOT NULL,
    -- The lifetime of an access token of mode `jwt`.
    jwt_seconds              INTEGER NOT NULL,
    -- The lifetime of an access token of mode `hybrid`.
    access_seconds           INTEGER NOT NULL,
    refresh_idle_seconds     INTEGER NOT NULL,
    refresh_absolute_seconds INTEGER NOT NULL,
    enabled                  INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    -- As in `users`: credentials issued below this position of the revocation log are revoked.
    cutoff                   INTEGER NOT NULL,
    revision                 INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The sessions: one row for each login, whatever credential the client holds. An ended session stays for a
-- day, so that reuse of its refresh token is recognised.
CREATE TABLE sessions (
    id                   BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id              BLOB    NOT NULL REFERENCES users (id),
    client_id            TEXT    NOT NULL REFERENCES clients (id),
    -- The kind of credential, and what verifies it: the SHA-256 of a session token, nothing for an access
    -- token alone, or the values from which the valid refresh token is computed. No secret of a client is
    -- stored.
    credential           TEXT    NOT NULL,
    token_hash           BLOB,
    refresh_token_key_id BLOB,
    refresh_salt         BLOB,
    -- The counter of the valid refresh token; it rises with each rotation.
    refresh_counter      INTEGER,
    refresh_rotated_at   INTEGER,
    authenticated_at     INTEGER NOT NULL,
    -- Authentication methods (RFC 8176).
    amr                  TEXT    NOT NULL CHECK (json_type(amr) = 'array'),
    last_seen_at         INTEGER NOT NULL,
    idle_timeout         INTEGER NOT NULL,
    -- The absolute timeout, however much the session is used.
    expires_at           INTEGER NOT NULL,
    -- The position of the revocation log up to which this session was authorized. A cutoff above it revokes
    -- the session.
    position             INTEGER NOT NULL,
    scope                TEXT,
    ip                   TEXT,
    user_agent           TEXT,
    label                TEXT,
    ended_at             INTEGER,
    end_reason           TEXT,
    revision             INTEGER NOT NULL,
    -- When the purge next checks the row. It is not the end of the session: that moves with every use, and an
    -- index on it would cost each refresh another page write. The purge computes the end and, if it has
    -- moved, sets this column again.
    purge_check_at       INTEGER NOT NULL,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK (CASE credential
        WHEN 'cookie'      THEN length(token_hash) = 32 AND refresh_token_key_id IS NULL AND refresh_salt IS NULL
                                AND refresh_counter IS NULL AND refresh_rotated_at IS NULL
        WHEN 'access_only' THEN token_hash IS NULL AND refresh_token_key_id IS NULL AND refresh_salt IS NULL
                                AND refresh_counter IS NULL AND refresh_rotated_at IS NULL
        WHEN 'refresh'     THEN token_hash IS NULL AND length(refresh_token_key_id) = 8 AND length(refresh_salt) = 16
                                AND refresh_counter IS NOT NULL AND refresh_rotated_at IS NOT NULL
        ELSE 0 END)
) STRICT, WITHOUT ROWID;

-- For the list of a user's sessions, for ending all of them, and for the deletion of a user. It includes
-- ended sessions, because they stay for only a day.
CREATE INDEX sessions_by_user ON sessions (user_id, authenticated_at, id);
CREATE INDEX sessions_by_purge_check ON sessions (purge_check_at);

-- The application's data of a session: a JSON object. A separate table with its own revision, so that the
-- session row, which every request reads, stays small. Deleted with the session.
CREATE TABLE session_data (
    session_id BLOB    NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    members    TEXT    NOT NULL CHECK (json_type(members) = 'object'),
    revision   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The API keys of the administration API. Only the SHA-256 of each secret is stored.
CREATE TABLE admin_keys (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name        TEXT    NOT NULL,
    secret_hash BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    -- The administrator whose rights the key has; NULL for the operator of the machine.
    created_by  BLOB    REFERENCES users (id),
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX admin_keys_by_creator ON admin_keys (created_by) WHERE created_by IS NOT NULL;

-- Signing keys and refresh token keys, encrypted with the master key, which is stored elsewhere. The row of a
-- removed or revoked key stays without its secret, as the record of that key.
CREATE TABLE keys (
    id               TEXT    NOT NULL PRIMARY KEY,
    purpose          TEXT    NOT NULL,
    algorithm        TEXT    NOT NULL,
    -- The encrypted key; empty once the secret is wiped.
    sealed_key       BLOB    NOT NULL,
    state            TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    state_changed_at INTEGER NOT NULL,
    -- When the key became current. Of a next key: when it must become current, if an operator requested that.
    activated_at     INTEGER,
    revision         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The head of the revocation log, a single row. A commit takes its positions from this row as its last step,
-- so positions are in commit order.
CREATE TABLE revocation_log_head (
    single_row    INTEGER NOT NULL PRIMARY KEY CHECK (single_row = 1),
    -- Identifies this log. Random, drawn when the database is created; not a secret.
    log_id        BLOB    NOT NULL CHECK (length(log_id) = 16),
    last_position INTEGER NOT NULL,
    -- The cutoff of the whole installation. It is in this row because a session check reads both.
    cutoff        INTEGER NOT NULL
) STRICT;

INSERT INTO revocation_log_head (single_row, log_id, last_position, cutoff) VALUES (1, randomblob(16), 0, 0);

-- The revocation log: what verifiers must reject although it has not expired.
CREATE TABLE revocation_log (
    position   INTEGER NOT NULL PRIMARY KEY,
    -- What is revoked, in the text form of the revocation feed (`session:…`).
    subject    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    revoked_at INTEGER NOT NULL,
    -- When the last token of the subject has expired and the entry can be purged; NULL keeps it for ever.
    expires_at INTEGER
) STRICT;

CREATE INDEX revocation_log_by_expiry ON revocation_log (expires_at) WHERE expires_at IS NOT NULL;

-- The audit log: what happened, to which user and session, and by which actor. It has no foreign keys,
-- because an event outlives the records that it names.
CREATE TABLE audit_events (
    number      INTEGER NOT NULL PRIMARY KEY,
    occurred_at INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    user_id     BLOB,
    session_id  BLOB,
    client_id   TEXT,
    actor       TEXT    NOT NULL,
    -- The user or the admin key that acted; NULL for other actors.
    actor_id    BLOB,
    end_reason  TEXT,
    ip          TEXT,
    user_agent  TEXT,
    detail      TEXT,
    CHECK ((actor IN ('user', 'admin_key')) = (actor_id IS NOT NULL))
) STRICT;

CREATE INDEX audit_events_by_user ON audit_events (user_id, number) WHERE user_id IS NOT NULL;
CREATE INDEX audit_events_by_session ON audit_events (session_id, number) WHERE session_id IS NOT NULL;
-- Events that end the sessions of a client or of everyone. They are few and name no session, but they answer
-- why a session ended.
CREATE INDEX audit_events_of_cutoffs ON audit_events (number)
    WHERE kind IN ('client_revoked', 'everyone_revoked', 'restored');

-- Values of the installation itself, by name.
CREATE TABLE metadata (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Rate limit counters: the amount counted in the current window. Durable, so that a restart does not allow
-- new password guesses.
CREATE TABLE counters (
    key            TEXT    NOT NULL PRIMARY KEY,
    value          INTEGER NOT NULL,
    window_ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX counters_by_window_end ON counters (window_ends_at);

-- The newest time in any record, past or present; a single row, raised by every commit. The clock never
-- starts below it. Searching a million sessions for it at each start would take too long.
CREATE TABLE newest_time (
    single_row INTEGER NOT NULL PRIMARY KEY CHECK (single_row = 1),
    newest_at  INTEGER NOT NULL
) STRICT;

INSERT INTO newest_time (single_row, newest_at) VALUES (1, 0);
