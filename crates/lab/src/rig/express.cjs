// An Express application of the usual kind: a login signs a JWT, and a middleware verifies it at each request.
// Its secret is text, as in most examples, or a key object, which jsonwebtoken need not parse each time.

const { createSecretKey, randomBytes } = require('node:crypto');
const express = require('express');
const jwt = require('jsonwebtoken');

const text = randomBytes(48).toString('base64');
const secret = process.argv[2] === 'object' ? createSecretKey(Buffer.from(text)) : text;

const app = express();
app.use(express.json());

app.post('/login', (request, response) => {
  const { username } = request.body;
  const claims = { userId: username.length, username };
  response.json({ token: jwt.sign(claims, secret, { algorithm: 'HS256', expiresIn: '1h' }) });
});

function authenticate(request, response, next) {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== 'Bearer' || !token) {
    return response.status(401).json({ error: 'a token is required' });
  }
  jwt.verify(token, secret, { algorithms: ['HS256'] }, (error, user) => {
    if (error) {
      return response.status(401).json({ error: 'the token is invalid' });
    }
    request.user = user;
    next();
  });
}

app.get('/bare', (request, response) => response.send('ok'));
app.get('/protected', authenticate, (request, response) => response.send('ok'));

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
