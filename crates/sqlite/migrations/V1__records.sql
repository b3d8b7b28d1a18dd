-- The records of Counterfoil, the log of revocations and what keeps both in order.
--
-- Times are Unix milliseconds, durations are milliseconds, ids are their 16 bytes. Tables are STRICT, so a
-- column holds what it says; lists are JSON arrays of texts, and only session data is free-form JSON.
-- A released migration is never edited: what changes is a new file.

-- "Cfoi": by this the file is known as ours before anything in it is believed. It stands in the header, as
-- does the version of the schema, so that both are judged without opening the database.
PRAGMA application_id = 1130786665;
PRAGMA user_version = 1;

CREATE TABLE users (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    username       TEXT    NOT NULL,
    -- The name as it is looked up. Unique: two logins that race for a name are settled here.
    folded         TEXT    NOT NULL UNIQUE,
    email          TEXT,
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    password       TEXT,
    roles          TEXT    NOT NULL CHECK (json_type(roles) = 'array'),
    disabled_at    INTEGER,
    epoch          INTEGER NOT NULL,
    not_before     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    revision       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An address finds somebody only when it was proved to be theirs, so only then must it be the only one:
-- who merely claims an address must not keep its owner out. Domains have no case, and mail programs agree
-- that mailboxes have none.
CREATE UNIQUE INDEX users_by_verified_email ON users (email COLLATE NOCASE) WHERE email_verified = 1;

CREATE TABLE clients (
    id               TEXT    NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL,
    modes            TEXT    NOT NULL CHECK (json_type(modes) = 'array'),
    audiences        TEXT    CHECK (audiences IS NULL OR json_type(audiences) = 'array'),
    scopes           TEXT    CHECK (scopes IS NULL OR json_type(scopes) = 'array'),
    -- Lifetimes, in seconds.
    session_idle     INTEGER NOT NULL,
    session_absolute INTEGER NOT NULL,
    jwt              INTEGER NOT NULL,
    access           INTEGER NOT NULL,
    refresh_idle     INTEGER NOT NULL,
    refresh_absolute INTEGER NOT NULL,
    enabled          INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    not_before       INTEGER NOT NULL,
    revision         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user             BLOB    NOT NULL REFERENCES users (id),
    client           TEXT    NOT NULL REFERENCES clients (id),
    -- What was torn off. A stub is whole or it is not there.
    stub             TEXT    NOT NULL,
    digest           BLOB,
    pepper           BLOB,
    salt             BLOB,
    turn             INTEGER,
    since            INTEGER,
    authenticated_at INTEGER NOT NULL,
    amr              TEXT    NOT NULL CHECK (json_type(amr) = 'array'),
    seen_at          INTEGER NOT NULL,
    idle             INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    pos              INTEGER NOT NULL,
    scope            TEXT,
    ip               TEXT,
    user_agent       TEXT,
    label            TEXT,
    ended_at         INTEGER,
    ended_cause      TEXT,
    revision         INTEGER NOT NULL,
    -- When the purge looks at the row next. Not the end itself: that moves with every use, and an index
    -- that follows it would cost each refresh a page more. The purge reads the true end and, if it has
    -- moved, sets this anew.
    look_at          INTEGER NOT NULL,
    CHECK ((ended_at IS NULL) = (ended_cause IS NULL)),
    CHECK (CASE stub
        WHEN 'cookie'  THEN length(digest) = 32 AND pepper IS NULL AND salt IS NULL AND turn IS NULL AND since IS NULL
        WHEN 'access'  THEN digest IS NULL AND pepper IS NULL AND salt IS NULL AND turn IS NULL AND since IS NULL
        WHEN 'refresh' THEN digest IS NULL AND length(pepper) = 8 AND length(salt) = 16
                            AND turn IS NOT NULL AND since IS NOT NULL
        ELSE 0 END)
) STRICT, WITHOUT ROWID;

-- "Your devices", "sign out everywhere", and what goes with a user who is deleted: ended ones are among them,
-- as they stay for a day alone.
CREATE INDEX sessions_of_user ON sessions (user, authenticated_at, id);
CREATE INDEX sessions_to_look_at ON sessions (look_at);

-- What an application keeps with a login. A table of its own: it has a revision of its own, and a session
-- that is judged on every request stays small. It goes when the session goes.
CREATE TABLE session_data (
    session  BLOB    NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    members  TEXT    NOT NULL CHECK (json_type(members) = 'object'),
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The keys that programs administer with: of the secret its SHA-256 alone. `made_by` is the administrator by
-- whose right it is one, NULL the operator of the machine.
CREATE TABLE admin_keys (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    made_by    BLOB    REFERENCES users (id),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX admin_keys_by_maker ON admin_keys (made_by) WHERE made_by IS NOT NULL;

-- The keys that sign and the peppers, sealed under the master key, which is kept elsewhere. `used_from` lies in the
-- future where somebody has asked for it. Of a key that nobody needs any more the secret is gone and the row stays:
-- it says that the key was ours, and what became of it.
CREATE TABLE keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    algorithm  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    used_from  INTEGER,
    revision   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The head of the log. Positions are drawn from this one row as the last thing a commit draws, so that the
-- order of positions is the order of commits. `not_before` is the mark of the whole installation; it stands
-- here because whoever judges a session reads both. `id` tells this log from every other; it is drawn when the
-- database is made, and is no secret.
CREATE TABLE log_head (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    last       INTEGER NOT NULL,
    not_before INTEGER NOT NULL
) STRICT;

INSERT INTO log_head (one, id, last, not_before) VALUES (1, randomblob(16), 0, 0);

-- The log. The subject is the text of the feed (`session:…`); `until` is NULL for what is never forgotten.
CREATE TABLE log (
    position INTEGER NOT NULL PRIMARY KEY,
    subject  TEXT    NOT NULL,
    cause    TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    until    INTEGER
) STRICT;

CREATE INDEX log_to_forget ON log (until) WHERE until IS NOT NULL;

-- The journal. Nothing refers to it and it refers to nothing: it outlives what it tells of.
CREATE TABLE events (
    number     INTEGER NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    user       BLOB,
    session    BLOB,
    client     TEXT,
    actor      TEXT    NOT NULL,
    -- Which user, or which admin key, it was.
    actor_id   BLOB,
    cause      TEXT,
    ip         TEXT,
    user_agent TEXT,
    detail     TEXT,
    CHECK ((actor IN ('user', 'admin_key')) = (actor_id IS NOT NULL))
) STRICT;

-- "Why was I logged out?"
CREATE INDEX events_of_user ON events (user, number) WHERE user IS NOT NULL;
CREATE INDEX events_of_session ON events (session, number) WHERE session IS NOT NULL;
-- It may also have been everybody, or everybody of a client: few lines, which name no session.
CREATE INDEX events_of_marks ON events (number) WHERE kind IN ('client_revoked', 'everyone_revoked', 'restored');

CREATE TABLE facts (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What was taken from a throttle in its present window. Durable: a restart gives nobody new guesses.
CREATE TABLE counters (
    name  TEXT    NOT NULL PRIMARY KEY,
    taken INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX counters_to_forget ON counters (until);

-- The newest time that any record ever held, kept up by every commit: the clock never starts before it, and
-- looking for it in a million sessions would take too long.
CREATE TABLE newest_time (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    at  INTEGER NOT NULL
) STRICT;

INSERT INTO newest_time (one, at) VALUES (1, 0);
