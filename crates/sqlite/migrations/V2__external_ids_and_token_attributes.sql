-- The application's own ids of users, and what a login requested and proved besides its scope and methods.
PRAGMA user_version = 2;

-- The id that the application itself gives to a user, as JSON text: a string or an integer, so that 42 and
-- "42" stay different. NULL for a user without one.
ALTER TABLE users ADD COLUMN external_id TEXT
    CHECK (external_id IS NULL OR json_type(external_id) IN ('text', 'integer'));

CREATE UNIQUE INDEX users_by_external_id ON users (external_id) WHERE external_id IS NOT NULL;

-- The authentication context class of the login (RFC 9068, section 2.2.1); NULL if it is not known.
ALTER TABLE sessions ADD COLUMN acr TEXT;

-- The audience of the session's access tokens; NULL for the issuer itself.
ALTER TABLE sessions ADD COLUMN audience TEXT;
