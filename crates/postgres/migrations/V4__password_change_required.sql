-- An import says of which users the password must be changed, and each login says so until it is.

-- A change of the password sets it to false. A node of an older version leaves it as it is: then the user is asked once more
-- than needed, which is why the lowest version that may use the store stays.
ALTER TABLE users ADD COLUMN password_change_required boolean NOT NULL DEFAULT false;
