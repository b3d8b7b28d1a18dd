-- The keys with which resource servers follow the revocation feed.
PRAGMA user_version = 6;

-- They depend on no user: a service must not stop because the administrator who added its key has left.
CREATE TABLE verifier_keys (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name        TEXT    NOT NULL,
    secret_hash BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For the list of verifier keys.
CREATE INDEX verifier_keys_by_creation ON verifier_keys (created_at, id);
