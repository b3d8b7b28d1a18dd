-- Several processes write to the store, and several nodes serve from it.
--
-- Until now one process had the store open, and the row of `writer` said which of its connections wrote.

-- What the processes share: the newest time in any record. The epoch and the last commit are in `writers` now.
ALTER TABLE writer DROP COLUMN epoch, DROP COLUMN last_commit;

-- The processes that have the store open, one row each. A process that stops removes its row.
CREATE TABLE writers (
    -- The process: random, drawn when it opens the store.
    id          bytea  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- In the order of opening: the rows of the oldest processes that have ended without a stop are deleted.
    number      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- Rises with each connection of the process that writes. A commit of a former one finds no row.
    epoch       bigint NOT NULL,
    -- The random id of the last commit. It says whether a commit was applied whose answer was lost.
    last_commit bytea  NOT NULL
);

-- The nodes: processes that serve. There are no times, because the clocks of two machines cannot be compared.
CREATE TABLE nodes (
    -- The process, as in `writers`.
    id          bytea  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- For people. Two nodes may have the same name.
    name        text   NOT NULL,
    -- Rises with each renewal. A node whose counter stands still for its lease answers nothing from memory.
    renewals    bigint NOT NULL,
    -- The position of the revocation log up to which every entry is in force on the node, and at its verifiers.
    applied     bigint NOT NULL,
    confirmed   bigint NOT NULL,
    -- The last row of `node_changes` that the node has applied.
    last_change bigint NOT NULL,
    -- How long the node answers from memory after it has begun a renewal, in milliseconds.
    lease_ms    bigint NOT NULL,
    -- The longest lease that the node has promised to a verifier, in milliseconds. It is written before the promise.
    promised_ms bigint NOT NULL
);

-- What commits have changed that other nodes may have in memory, in the order of the commits: each takes the lock of
-- commits before it takes a number. The purge deletes the rows that every node has applied.
CREATE TABLE node_changes (
    number bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The process that has made the change.
    origin bytea  NOT NULL,
    -- `session:…` and `user:…`: these cached sessions are outdated; `all`: every one; `keys`; `lifetimes`.
    change text   NOT NULL
);
