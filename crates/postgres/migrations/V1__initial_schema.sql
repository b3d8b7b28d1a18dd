-- The records of Counterfoil: users, clients, sessions, keys, the revocation log, the audit log and the state
-- that must survive a restart.
--
-- Times are Unix milliseconds (UTC); columns of times end with `_at`. Durations are milliseconds, except the
-- lifetimes of clients, which are seconds as their column names say. Ids are 16 bytes, except client ids and
-- key ids, which are text. Lists are JSON arrays of strings. A `revision` counts the changes of a row; a row is
-- replaced only by the successor of its revision.
--
-- PostgreSQL stores no NUL in a text. Columns of free text hold `\0` for it, and `\\` for a backslash. Texts are
-- compared byte by byte (COLLATE "C"): two names that the program distinguishes are never the same to an index.
--
-- A released migration is never edited. A change of the schema is a new file in this directory.

-- Refuses a statement that has found no row that it can change, and so the whole transaction: a COMMIT that was sent
-- with it rolls back.
CREATE FUNCTION require_row(has_row boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT has_row THEN
        RAISE EXCEPTION 'the change conflicts' USING ERRCODE = 'CF001';
    END IF;
END
$$;

-- The connection that writes; a single row.
CREATE TABLE writer (
    single_row  boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single_row),
    -- Rises with each connection that becomes the writer. A commit of a former one finds no row.
    epoch       bigint  NOT NULL,
    -- The random id of the last commit. It says whether a commit was applied whose answer was lost.
    last_commit bytea   NOT NULL,
    -- The newest time in any record, past or present, raised by every commit. The clock never starts below it.
    newest_at   bigint  NOT NULL
);

INSERT INTO writer (epoch, last_commit, newest_at) VALUES (0, '', 0);

-- The users: who can log in.
CREATE TABLE users (
    id                bytea   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    username          text    NOT NULL COLLATE "C",
    -- The canonical username, by which users are looked up. The constraint decides which of two concurrent
    -- registrations gets the name.
    username_folded   text    NOT NULL COLLATE "C" UNIQUE,
    email             text    COLLATE "C",
    email_verified    boolean NOT NULL,
    -- A PHC string; NULL for a user without a password.
    password_hash     text,
    roles             text    NOT NULL,
    disabled_at       bigint,
    -- Rises with each change that a concurrent login must not miss: password, roles, disabling, revocation.
    epoch             bigint  NOT NULL,
    -- Credentials issued below this position of the revocation log are revoked. It never falls.
    cutoff            bigint  NOT NULL,
    created_at        bigint  NOT NULL,
    revision          bigint  NOT NULL,
    -- The id that the application itself gives to a user, as JSON text: a string or an integer, so that 42 and
    -- "42" stay different. NULL for a user without one.
    external_id       text    COLLATE "C" UNIQUE,
    -- The epoch of the user in the application's table, as 64 bits; NULL for a user who is not in such a table.
    application_epoch bigint,
    -- The skeletons of the username (UTS 39, section 4): of its form for look-up, and, if it is another one, of its
    -- form for display. They are not unique: names from before the rules may look alike.
    skeleton          text    COLLATE "C",
    shown_skeleton    text    COLLATE "C",
    -- Whether the user was removed: no read finds the user or their sessions, and their names are free. The purge
    -- deletes the sessions in portions and then this row.
    removed           boolean NOT NULL DEFAULT false,
    -- Whether the username or the verified address is kept in an earlier form, because another user has the canonical
    -- one. The user is found by the exact spelling.
    has_earlier_form  boolean NOT NULL DEFAULT false
);

-- Only a verified address identifies a user, so only verified addresses must be unique: an unverified claim
-- must not lock out the owner of the address. Domains are case-insensitive, and mail providers treat mailbox
-- names so too. With this collation `lower` changes ASCII letters alone.
CREATE UNIQUE INDEX users_by_verified_email ON users (lower(email COLLATE "C")) WHERE email_verified;
CREATE INDEX users_by_skeleton ON users (skeleton);
CREATE INDEX users_by_shown_skeleton ON users (shown_skeleton) WHERE shown_skeleton IS NOT NULL;
CREATE INDEX removed_users ON users (id) WHERE removed;
CREATE INDEX users_with_earlier_form ON users (id) WHERE has_earlier_form;

-- The client applications that users log in through (public clients, RFC 6749, section 2.1).
CREATE TABLE clients (
    id                       text    NOT NULL COLLATE "C" PRIMARY KEY,
    name                     text    NOT NULL,
    -- The session modes that a login may have.
    modes                    text    NOT NULL,
    -- The audiences and scopes that a login may request; NULL allows any.
    audiences                text,
    scopes                   text,
    session_idle_seconds     bigint  NOT NULL,
    session_absolute_seconds bigint  NOT NULL,
    -- The lifetime of an access token of mode `jwt`.
    jwt_seconds              bigint  NOT NULL,
    -- The lifetime of an access token of mode `hybrid`.
    access_seconds           bigint  NOT NULL,
    refresh_idle_seconds     bigint  NOT NULL,
    refresh_absolute_seconds bigint  NOT NULL,
    enabled                  boolean NOT NULL,
    -- As in `users`: credentials issued below this position of the revocation log are revoked.
    cutoff                   bigint  NOT NULL,
    revision                 bigint  NOT NULL
);

-- The sessions: one row for each login, whatever credential the client holds. An ended session stays for a
-- day, so that reuse of its refresh token is recognised. A refresh changes no indexed column, so PostgreSQL writes
-- the new version of the row into the same page (HOT): pages keep room for it.
CREATE TABLE sessions (
    id                   bytea   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id              bytea   NOT NULL REFERENCES users (id),
    client_id            text    NOT NULL COLLATE "C" REFERENCES clients (id),
    -- The kind of credential, and what verifies it: the SHA-256 of a session token, nothing for an access
    -- token alone, or the values from which the valid refresh token is computed. No secret of a client is
    -- stored.
    credential           text    NOT NULL,
    token_hash           bytea,
    refresh_token_key_id bytea,
    refresh_salt         bytea,
    -- The counter of the valid refresh token; it rises with each rotation.
    refresh_counter      bigint,
    refresh_rotated_at   bigint,
    authenticated_at     bigint  NOT NULL,
    -- Authentication methods (RFC 8176).
    amr                  text    NOT NULL COLLATE "C",
    last_seen_at         bigint  NOT NULL,
    idle_timeout         bigint  NOT NULL,
    -- The absolute timeout, however much the session is used.
    expires_at           bigint  NOT NULL,
    -- The position of the revocation log up to which this session was authorized. A cutoff above it revokes
    -- the session.
    position             bigint  NOT NULL,
    scope                text    COLLATE "C",
    ip                   text,
    user_agent           text,
    label                text,
    ended_at             bigint,
    end_reason           text,
    revision             bigint  NOT NULL,
    -- The authentication context class of the login (RFC 9068, section 2.2.1); NULL if it is not known.
    acr                  text    COLLATE "C",
    -- The audience of the session's access tokens; NULL for the issuer itself.
    audience             text    COLLATE "C",
    -- The index in the status lists; NULL for a session that needs none yet. Two sessions never have the same one.
    status_index         bigint,
    -- When the purge next checks the row. It is not the end of the session: that moves with every use, and an
    -- index on it would cost each refresh the write of an index. The purge computes the end and, if it has
    -- moved, sets this column again.
    purge_check_at       bigint  NOT NULL,
    -- Whether the expiry of the session was recorded in the audit log, or counted without a record.
    expiry_recorded      boolean NOT NULL DEFAULT false,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK (CASE credential
        WHEN 'cookie'      THEN length(token_hash) = 32 AND refresh_token_key_id IS NULL AND refresh_salt IS NULL
                                AND refresh_counter IS NULL AND refresh_rotated_at IS NULL
        WHEN 'access_only' THEN token_hash IS NULL AND refresh_token_key_id IS NULL AND refresh_salt IS NULL
                                AND refresh_counter IS NULL AND refresh_rotated_at IS NULL
        WHEN 'refresh'     THEN token_hash IS NULL AND length(refresh_token_key_id) = 8 AND length(refresh_salt) = 16
                                AND refresh_counter IS NOT NULL AND refresh_rotated_at IS NOT NULL
        ELSE false END)
) WITH (fillfactor = 80);

-- For the deletion of a user.
CREATE INDEX sessions_by_user ON sessions (user_id);
-- The sessions that have not ended, for the list of a user's sessions and for ending them.
CREATE INDEX live_sessions_by_user ON sessions (user_id, authenticated_at, id) WHERE ended_at IS NULL;
-- The sessions of all users that have not ended, for their list, the newest first.
CREATE INDEX live_sessions_by_login ON sessions (authenticated_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_purge_check ON sessions (purge_check_at);

-- The application's data of a session: a JSON object. A separate table with its own revision, so that the
-- session row, which every request reads, stays small. Deleted with the session.
CREATE TABLE session_data (
    session_id bytea  NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    members    text   NOT NULL,
    revision   bigint NOT NULL
);

-- Sessions that are revoked by the cutoff of their user, and that are still to be marked as ended, because they were
-- too many for the commit that revoked them.
CREATE TABLE pending_session_ends (
    -- The cutoff. Sessions with a lower position are to be marked.
    below          bigint NOT NULL,
    user_id        bytea  NOT NULL CHECK (length(user_id) = 16),
    ended_at       bigint NOT NULL,
    end_reason     text   NOT NULL,
    -- When the last access token of the sessions has expired for every verifier.
    remember_until bigint NOT NULL,
    -- For the audit event of each session, as in `audit_events`.
    actor          text   NOT NULL,
    actor_id       bytea,
    ip             text,
    user_agent     text,
    PRIMARY KEY (below, user_id),
    CHECK ((actor IN ('user', 'admin_key')) = (actor_id IS NOT NULL))
);

-- The API keys of the administration API. Only the SHA-256 of each secret is stored.
CREATE TABLE admin_keys (
    id          bytea  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name        text   NOT NULL,
    secret_hash bytea  NOT NULL CHECK (length(secret_hash) = 32),
    -- The administrator whose rights the key has; NULL for the operator of the machine.
    created_by  bytea  REFERENCES users (id),
    created_at  bigint NOT NULL
);

CREATE INDEX admin_keys_by_creator ON admin_keys (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX admin_keys_by_creation ON admin_keys (created_at, id);

-- The keys with which resource servers follow the revocation feed. They depend on no user: a service must not stop
-- because the administrator who added its key has left.
CREATE TABLE verifier_keys (
    id          bytea  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name        text   NOT NULL,
    secret_hash bytea  NOT NULL CHECK (length(secret_hash) = 32),
    created_at  bigint NOT NULL
);

CREATE INDEX verifier_keys_by_creation ON verifier_keys (created_at, id);

-- Signing keys and refresh token keys, encrypted with the master key, which is stored elsewhere. The row of a
-- removed or revoked key stays without its secret, as the record of that key.
CREATE TABLE keys (
    id               text   NOT NULL COLLATE "C" PRIMARY KEY,
    purpose          text   NOT NULL,
    algorithm        text   NOT NULL,
    -- The encrypted key; empty once the secret is wiped.
    sealed_key       bytea  NOT NULL,
    state            text   NOT NULL,
    created_at       bigint NOT NULL,
    state_changed_at bigint NOT NULL,
    -- When the key became current. Of a next key: when it must become current, if an operator requested that.
    activated_at     bigint,
    revision         bigint NOT NULL
);

-- The head of the revocation log, a single row. A commit takes its positions from this row as its last step, and the
-- lock of the row lasts until it ends, so positions are in commit order.
CREATE TABLE revocation_log_head (
    single_row    boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single_row),
    -- Identifies this log. Random, drawn when the tables are created; not a secret.
    log_id        bytea   NOT NULL CHECK (length(log_id) = 16),
    last_position bigint  NOT NULL,
    -- The cutoff of the whole installation. It is in this row because a session check reads both.
    cutoff        bigint  NOT NULL
);

INSERT INTO revocation_log_head (log_id, last_position, cutoff)
    VALUES (decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), 0, 0);

-- The revocation log: what verifiers must reject although it has not expired.
CREATE TABLE revocation_log (
    position   bigint NOT NULL PRIMARY KEY,
    -- What is revoked, in the text form of the revocation feed (`session:…`).
    subject    text   NOT NULL,
    reason     text   NOT NULL,
    revoked_at bigint NOT NULL,
    -- When the last token of the subject has expired and the entry can be purged; NULL keeps it for ever.
    expires_at bigint,
    -- The index in the status lists of the session that the entry ended. The lists are made of the entries, so that they
    -- are the same after a restart, and whether or not the row of the session still exists.
    status_index bigint
);

CREATE INDEX revocation_log_by_expiry ON revocation_log (expires_at) WHERE expires_at IS NOT NULL;

-- The state of the status lists (Token Status List), a single row.
CREATE TABLE status_lists (
    single_row      boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single_row),
    -- What is published is the index after a permutation with this key, so that a reader learns no order. It is never
    -- replaced: the tokens that are in use name the permuted index.
    permutation_key bytea   NOT NULL CHECK (length(permutation_key) = 32),
    -- The first index that no session has had.
    next_index      bigint  NOT NULL
);

-- Three random ids have more than the 256 bits of randomness that a key needs.
INSERT INTO status_lists (permutation_key, next_index) VALUES (
    sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 0);

-- The indexes of deleted sessions, to be assigned again in the order in which they were freed.
CREATE TABLE free_status_indexes (
    freed_at     bigint NOT NULL,
    status_index bigint NOT NULL,
    PRIMARY KEY (freed_at, status_index)
);

-- The audit log: what happened, to which user and session, and by which actor. It has no foreign keys,
-- because an event outlives the records that it names. Numbers have no gaps: an event gets the successor of the newest
-- one, only the oldest are deleted, and the newest always stays.
CREATE TABLE audit_events (
    number      bigint NOT NULL PRIMARY KEY,
    occurred_at bigint NOT NULL,
    kind        text   NOT NULL,
    user_id     bytea,
    session_id  bytea,
    client_id   text,
    actor       text   NOT NULL,
    -- The user or the admin key that acted; NULL for other actors.
    actor_id    bytea,
    end_reason  text,
    ip          text,
    user_agent  text,
    detail      text,
    CHECK ((actor IN ('user', 'admin_key')) = (actor_id IS NOT NULL))
);

CREATE INDEX audit_events_by_user ON audit_events (user_id, number) WHERE user_id IS NOT NULL;
CREATE INDEX audit_events_by_session ON audit_events (session_id, number) WHERE session_id IS NOT NULL;
-- Events that end the sessions of a client or of everyone. They are few and name no session, but they answer
-- why a session ended.
CREATE INDEX audit_events_of_cutoffs ON audit_events (number)
    WHERE kind IN ('client_revoked', 'everyone_revoked', 'restored');

-- Values of the installation itself, by name.
CREATE TABLE metadata (
    key   text  NOT NULL COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);

-- Rate limit counters: the amount counted in the current window. Durable, so that a restart does not allow
-- new password guesses.
CREATE TABLE counters (
    key            text   NOT NULL COLLATE "C" PRIMARY KEY,
    value          bigint NOT NULL,
    window_ends_at bigint NOT NULL
);

CREATE INDEX counters_by_window_end ON counters (window_ends_at);

-- The locks of jobs that must run on one node only.
CREATE TABLE job_locks (
    job        text   NOT NULL COLLATE "C" PRIMARY KEY,
    -- The node that holds the lock.
    holder     bytea  NOT NULL CHECK (length(holder) = 16),
    -- When the lock expires, whether or not the node still runs.
    expires_at bigint NOT NULL
);
