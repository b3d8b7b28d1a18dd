// An Express application with express-session and connect-redis, as their documentation shows them: a login stores the user
// in the session, and the protected route reads it.

const { randomBytes } = require('node:crypto');
const { RedisStore } = require('connect-redis');
const { sign } = require('cookie-signature');
const express = require('express');
const session = require('express-session');
const { createClient } = require('redis');

const secret = randomBytes(48).toString('base64');
const client = createClient({ url: process.argv[2] });

const app = express();
app.get('/bare', (request, response) => response.send('hello'));
app.use(
  session({
    store: new RedisStore({ client }),
    secret,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 86400000, httpOnly: true, sameSite: 'lax' },
  }),
);
app.use(express.json());

app.post('/v1/login', (request, response, next) => {
  request.session.user = { id: '652f1c2e9b1e8a0012345678', username: 'lovelace', roles: ['editor'] };
  request.session.save((error) => {
    if (error) return next(error);
    response.json({ session_token: encodeURIComponent(`s:${sign(request.sessionID, secret)}`) });
  });
});

app.get('/protected', (request, response) => {
  if (!request.session.user) {
    return response.status(401).json({ error: 'a login is required' });
  }
  response.send('hello');
});

client.connect().then(() => {
  const server = app.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${server.address().port}`));
});
process.stdin.on('end', () => process.exit(0)).resume();
