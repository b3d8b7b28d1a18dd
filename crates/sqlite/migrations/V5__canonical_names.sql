-- What usernames look like, and which users still have a spelling that another user has in its canonical form.
--
-- The program fills these columns when it opens the database, and again when a new version has other rules or other
-- Unicode data: SQL cannot compute them. The version of the rules that the rows follow is `metadata.name_rules`.
PRAGMA user_version = 5;

-- The skeletons of the username (UTS 39, section 4): of its form for look-up, and, if it is another one, of its form for
-- display. They are not unique: names from before the rules may look alike.
ALTER TABLE users ADD COLUMN skeleton TEXT;
ALTER TABLE users ADD COLUMN shown_skeleton TEXT;

CREATE INDEX users_by_skeleton ON users (skeleton);
CREATE INDEX users_by_shown_skeleton ON users (shown_skeleton) WHERE shown_skeleton IS NOT NULL;

-- Whether the username or the verified address is kept in an earlier form, because another user has the canonical one.
-- The user is found by the exact spelling.
ALTER TABLE users ADD COLUMN has_earlier_form INTEGER NOT NULL DEFAULT 0 CHECK (has_earlier_form IN (0, 1));

CREATE INDEX users_with_earlier_form ON users (id) WHERE has_earlier_form = 1;
