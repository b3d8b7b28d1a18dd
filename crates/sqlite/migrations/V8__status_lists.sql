-- Token Status List: sessions have an index in published lists, and the lists show which of them are revoked.
PRAGMA user_version = 8;

-- The index of the session; NULL for a session that needs none yet, and for those of before. Two sessions never have the
-- same one.
ALTER TABLE sessions ADD COLUMN status_index INTEGER;

-- The index of the session that the entry ended. The lists are made of the entries, so that they are the same after a
-- restart, and whether or not the row of the session still exists.
ALTER TABLE revocation_log ADD COLUMN status_index INTEGER;

-- The state of the lists, a single row.
CREATE TABLE status_lists (
    single_row      INTEGER NOT NULL PRIMARY KEY CHECK (single_row = 1),
    -- What is published is the index after a permutation with this key, so that a reader learns no order. It is never
    -- replaced: the tokens that are in use name the permuted index.
    permutation_key BLOB    NOT NULL CHECK (length(permutation_key) = 32),
    -- The first index that no session has had.
    next_index      INTEGER NOT NULL
) STRICT;

INSERT INTO status_lists (single_row, permutation_key, next_index) VALUES (1, randomblob(32), 0);

-- The indexes of deleted sessions, to be assigned again in the order in which they were freed.
CREATE TABLE free_status_indexes (
    freed_at     INTEGER NOT NULL,
    status_index INTEGER NOT NULL,
    PRIMARY KEY (freed_at, status_index)
) STRICT, WITHOUT ROWID;
