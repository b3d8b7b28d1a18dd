-- Nodes of two versions have a store open while an installation is upgraded node by node.

-- One row: which programs may use the store. A migration with which older programs cannot work raises it.
CREATE TABLE schema_compatibility (
    only_row   boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    -- The lowest schema version of a program that may read and write.
    min_reader bigint  NOT NULL
);

INSERT INTO schema_compatibility (min_reader) VALUES (3);
