-- An import says of which users the password must be changed, and each login says so until it is.
PRAGMA user_version = 9;

-- A change of the password sets it to 0.
ALTER TABLE users ADD COLUMN password_change_required INTEGER NOT NULL DEFAULT 0
    CHECK (password_change_required IN (0, 1));
