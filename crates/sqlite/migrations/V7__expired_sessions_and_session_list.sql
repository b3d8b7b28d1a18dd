-- The audit log says which sessions have expired, and administrators list the sessions of all users.
PRAGMA user_version = 7;

-- Whether the expiry of the session was recorded in the audit log, or counted without a record. The purge sets it a minute
-- after the session has expired, and deletes the row later; so no expiry is recorded twice.
ALTER TABLE sessions ADD COLUMN expiry_recorded INTEGER NOT NULL DEFAULT 0 CHECK (expiry_recorded IN (0, 1));

-- The sessions of all users that have not ended, for their list, the newest first. A login appends to it, and no refresh
-- changes it.
CREATE INDEX live_sessions_by_login ON sessions (authenticated_at, id) WHERE ended_at IS NULL;
