// A real OpenID provider (npm `oidc-provider`) on loopback, for the tests and for `make run`.
//
// Configuration is the environment; every variable has a default:
//   IDP_PORT      port to listen on; 0 (default) takes a free one
//   IDP_HOST      address to listen on (default 127.0.0.1)
//   IDP_ISSUER    issuer URL; default {scheme}://{IDP_HOST}:{port}; a path is honoured
//   IDP_ALG       signature algorithm: RS256 (default), PS256, ES256, EdDSA, …
//   IDP_AUDIENCE  resource whose access tokens are JWTs (default https://api.airline.example)
//   IDP_OPAQUE    resource whose access tokens are opaque (default https://opaque.airline.example)
//   IDP_SCOPES    space-separated scopes of both (default "loyalty:read loyalty:write")
//   IDP_TTL       lifetime of an access token in seconds (default 300)
//   IDP_CLIENTS   JSON list of clients: {id, secret, scope, claims, sub, auth_method, jwks}
//                 `claims` go into the access token as they are, e.g. {"https://airline.example/tier": "gold"}
//   IDP_TLS_CERT, IDP_TLS_KEY   PEM files: https instead of http
//
// When ready it prints one line of JSON: {"issuer", "url", "port", "kid"}. Control, on the same port, JSON in and out:
//   GET  /control/state     → {kids, requests: {path: count}}
//   POST /control/rotate    → a new signing key; {"keep": false} withdraws the old ones → {kid, kids}
//   POST /control/clients   → adds or replaces one client (same shape as in IDP_CLIENTS)
//   POST /control/break     → {"status": 503} answers every other path with that status; {"status": 0} heals
//   POST /control/stop      → ends the process
// It also ends when its standard input closes, so that it never outlives the test that started it.

import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { generateKeyPairSync, randomBytes } from 'node:crypto';

console.info = console.warn = () => {}; // the provider's notices about development settings are not ours to print
const { Provider } = await import('oidc-provider');

const env = process.env;
const host = env.IDP_HOST ?? '127.0.0.1';
const alg = env.IDP_ALG ?? 'RS256';
const scopes = env.IDP_SCOPES ?? 'loyalty:read loyalty:write';
const ttl = Number(env.IDP_TTL ?? 300);
const resources = {
  [env.IDP_AUDIENCE ?? 'https://api.airline.example']: 'jwt',
  [env.IDP_OPAQUE ?? 'https://opaque.airline.example']: 'opaque',
};
const tls = env.IDP_TLS_CERT
  ? { cert: readFileSync(env.IDP_TLS_CERT), key: readFileSync(env.IDP_TLS_KEY) }
  : undefined;

const clients = new Map();
const stored = new Map(); // opaque tokens and the like; outlives the Provider object, so that a rotation loses none
const requests = {};
let keys = [];
let broken = 0;
let handle;
let issuer;
let issuerPath;

function newKey() {
  const kid = `${alg}-${randomBytes(6).toString('hex')}`;
  const pair = alg.startsWith('ES')
    ? generateKeyPairSync('ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg] })
    : alg.startsWith('Ed')
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...pair.privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg };
}

class Store {
  constructor(model) { this.model = model; }
  at(id) { return `${this.model}:${id}`; }
  async find(id) {
    return this.model === 'Client' ? clients.get(id)?.metadata : stored.get(this.at(id));
  }
  async upsert(id, payload) { stored.set(this.at(id), payload); }
  async consume(id) { stored.get(this.at(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { stored.delete(this.at(id)); }
  async revokeByGrantId() {}
  async findByUid() {}
  async findByUserCode() {}
}

function addClient({ id, secret, scope = scopes, claims = {}, sub, auth_method = 'client_secret_basic', jwks }) {
  const metadata = {
    client_id: id,
    scope,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: auth_method,
    ...(jwks ? { jwks } : { client_secret: secret }),
  };
  clients.set(id, { metadata, claims, sub });
}

function build() {
  const provider = new Provider(issuer, {
    adapter: Store,
    jwks: { keys },
    scopes: scopes.split(' '),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: {
      clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      idTokenSigningAlgValues: [alg],
    },
    clientDefaults: { id_token_signed_response_alg: alg },
    ttl: { ClientCredentials: ttl },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => Object.keys(resources)[0],
        getResourceServerInfo: (_ctx, resource) => {
          const accessTokenFormat = resources[resource] ?? 'jwt';
          return {
            scope: scopes,
            audience: resource,
            accessTokenTTL: ttl,
            accessTokenFormat,
            ...(accessTokenFormat === 'jwt' ? { jwt: { sign: { alg } } } : {}),
          };
        },
      },
    },
    extraTokenClaims: (_ctx, token) => {
      const { claims, sub } = clients.get(token.clientId) ?? {};
      return { ...claims, ...(sub ? { sub } : {}) };
    },
    formats: {
      customizers: {
        jwt: (_ctx, token, parts) => {
          const sub = clients.get(token.clientId)?.sub;
          if (sub) parts.payload.sub = sub;
        },
      },
    },
  });
  handle = provider.callback();
}

function rotate(keep) {
  keys = [newKey(), ...(keep ? keys : [])];
  build();
  return { kid: keys[0].kid, kids: keys.map((key) => key.kid) };
}

const control = {
  'GET /control/state': () => ({ kids: keys.map((key) => key.kid), requests }),
  'POST /control/rotate': ({ keep = true }) => rotate(keep),
  'POST /control/clients': (client) => { addClient(client); return { id: client.id }; },
  'POST /control/break': ({ status = 503 }) => { broken = status; return { status }; },
  'POST /control/stop': () => { setImmediate(() => process.exit(0)); return {}; },
};

async function serve(req, res) {
  const { pathname } = new URL(req.url, 'http://x');
  const action = control[`${req.method} ${pathname}`];
  if (action) {
    let text = '';
    for await (const part of req) text += part;
    const answer = action(text ? JSON.parse(text) : {});
    res.setHeader('content-type', 'application/json');
    res.setHeader('connection', 'close');
    return res.end(JSON.stringify(answer));
  }
  requests[pathname] = (requests[pathname] ?? 0) + 1;
  if (broken) {
    res.statusCode = broken;
    return res.end();
  }
  // An issuer with a path: the provider sits below it, its RFC 8414 metadata at the inserted well-known path.
  const inserted = `/.well-known/oauth-authorization-server${issuerPath}`;
  req.originalUrl = req.url;
  if (issuerPath && pathname === inserted) req.url = '/.well-known/oauth-authorization-server';
  else if (issuerPath && pathname.startsWith(`${issuerPath}/`)) req.url = req.url.slice(issuerPath.length);
  req.baseUrl = issuerPath;
  return handle(req, res);
}

const server = tls ? createHttps(tls, serve) : createHttp(serve);
server.listen(Number(env.IDP_PORT ?? 0), host, () => {
  const { port } = server.address();
  const url = `${tls ? 'https' : 'http'}://${host}:${port}`;
  issuer = env.IDP_ISSUER ?? url;
  issuerPath = new URL(issuer).pathname.replace(/\/$/, '');
  JSON.parse(env.IDP_CLIENTS ?? '[]').forEach(addClient);
  const { kid } = rotate(true);
  process.stdout.write(`${JSON.stringify({ issuer, url, port, kid })}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
