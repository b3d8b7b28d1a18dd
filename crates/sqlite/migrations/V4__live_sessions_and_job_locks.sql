-- What one user has stored must not make the requests of others wait: ended sessions are no longer visited by what reads
-- live ones, users are deleted in portions, and so are many sessions ended. And the locks of jobs that run on one node.
PRAGMA user_version = 4;

-- The sessions that have not ended, for the list of a user's sessions and for ending them. Ended sessions stay for a
-- day, and a user can make tens of thousands of them.
CREATE INDEX live_sessions_by_user ON sessions (user_id, authenticated_at, id) WHERE ended_at IS NULL;

-- Whether the user was removed: no read finds the user or their sessions, and their names are free. The purge deletes
-- the sessions in portions and then this row.
ALTER TABLE users ADD COLUMN removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1));

CREATE INDEX removed_users ON users (id) WHERE removed = 1;

-- Sessions that are revoked by the cutoff of their user, and that are still to be marked as ended, because they were too
-- many for the commit that revoked them.
CREATE TABLE pending_session_ends (
    -- The cutoff. Sessions with a lower position are to be marked.
    below          INTEGER NOT NULL,
    user_id        BLOB    NOT NULL CHECK (length(user_id) = 16),
    ended_at       INTEGER NOT NULL,
    end_reason     TEXT    NOT NULL,
    -- When the last access token of the sessions has expired for every verifier.
    remember_until INTEGER NOT NULL,
    -- For the audit event of each session, as in `audit_events`.
    actor          TEXT    NOT NULL,
    actor_id       BLOB,
    ip             TEXT,
    user_agent     TEXT,
    PRIMARY KEY (below, user_id),
    CHECK ((actor IN ('user', 'admin_key')) = (actor_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The locks of jobs that must run on one node only.
CREATE TABLE job_locks (
    job        TEXT    NOT NULL PRIMARY KEY,
    -- The node that holds the lock.
    holder     BLOB    NOT NULL CHECK (length(holder) = 16),
    -- When the lock expires, whether or not the node still runs.
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For the list of admin keys.
CREATE INDEX admin_keys_by_creation ON admin_keys (created_at, id);
