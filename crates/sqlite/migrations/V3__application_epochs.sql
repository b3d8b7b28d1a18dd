-- What a login has read in an application's own user table.
PRAGMA user_version = 3;

-- The epoch of the user in the application's table, as 64 bits; NULL for a user who is not in such a table.
ALTER TABLE users ADD COLUMN application_epoch INTEGER;
