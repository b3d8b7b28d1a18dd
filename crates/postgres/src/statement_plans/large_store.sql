-- Fills the tables of an empty store. The setting `test.users` is the number of users; each has three sessions, one of
-- which has ended.

INSERT INTO users (id, username, username_folded, email, email_verified, password_hash, roles, epoch, cutoff, created_at,
        revision, external_id, skeleton)
    SELECT decode(md5(n::text), 'hex'), 'user' || n, 'user' || n, 'user' || n || '@mail.example', n % 2 = 0,
        '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI',
        '[]', 0, 0, 1764000000000, 0, CASE WHEN n % 10 = 0 THEN '"' || n || '"' END, 'user' || n
    FROM generate_series(1, current_setting('test.users')::int) n;

INSERT INTO sessions (id, user_id, client_id, credential, token_hash, authenticated_at, amr, last_seen_at, idle_timeout,
        expires_at, position, ip, user_agent, ended_at, end_reason, revision, status_index, purge_check_at)
    SELECT decode(md5('session' || n), 'hex'), decode(md5((n % current_setting('test.users')::int + 1)::text), 'hex'), 'default',
        'cookie', sha256(n::text::bytea), 1764000000000 + n, '["pwd"]', 1764000000000 + n, 1209600000,
        1764000000000 + n + 7776000000, 0, '192.0.2.' || n % 256,
        'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
        CASE WHEN n % 3 = 0 THEN 1764000000000 + n END, CASE WHEN n % 3 = 0 THEN 'logout' END, 0,
        CASE WHEN n % 3 = 0 THEN n END, 1764000000000 + n + 1209600000
    FROM generate_series(1, 3 * current_setting('test.users')::int) n;

INSERT INTO session_data (session_id, members, revision)
    SELECT decode(md5('session' || n), 'hex'), '{"theme":"dark"}', 1
    FROM generate_series(1, current_setting('test.users')::int) n;

INSERT INTO audit_events (number, occurred_at, kind, user_id, session_id, client_id, actor, actor_id, ip, user_agent)
    SELECT n, 1764000000000 + n, 'login_succeeded', s.user_id, s.id, 'default', 'user', s.user_id, s.ip, s.user_agent
    FROM generate_series(1, 3 * current_setting('test.users')::int) n
    JOIN sessions s ON s.id = decode(md5('session' || n), 'hex');

INSERT INTO revocation_log (position, subject, reason, revoked_at, expires_at, status_index)
    SELECT n, 'session:' || translate(rtrim(encode(decode(md5('session' || n), 'hex'), 'base64'), '='), '+/', '-_'), 'logout', 1764000000000 + n, 1764000000000 + n + 3720000, n
    FROM generate_series(1, current_setting('test.users')::int) n;
UPDATE revocation_log_head SET last_position = current_setting('test.users')::int;
INSERT INTO counters (key, value, window_ends_at)
    SELECT 'counter' || n, 1, 1764000000000 + n FROM generate_series(1, current_setting('test.users')::int) n;
INSERT INTO node_changes (origin, change)
    SELECT decode(md5(n::text), 'hex'), 'session:' || translate(rtrim(encode(decode(md5('session' || n), 'hex'), 'base64'), '='), '+/', '-_')
    FROM generate_series(1, current_setting('test.users')::int) n;
INSERT INTO free_status_indexes (freed_at, status_index)
    SELECT 1764000000000 + n, 100000000 + n FROM generate_series(1, current_setting('test.users')::int) n;
INSERT INTO pending_session_ends (below, user_id, ended_at, end_reason, remember_until, actor)
    SELECT n, decode(md5(n::text), 'hex'), 1764000000000, 'by_user', 1764000000000, 'system'
    FROM generate_series(1, current_setting('test.users')::int / 100) n;

ANALYZE;
