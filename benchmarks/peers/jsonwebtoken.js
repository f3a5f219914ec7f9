// Process start to first decision by jsonwebtoken with jwks-rsa, in the shape of Auth0's sample.
const jwt = require('jsonwebtoken');
const jwksClient = require('jwks-rsa');
const { audience, event, finish, issuer, keys, policy, trust, url } = require('./common.js');

const options = { jwksUri: url ?? `${issuer}/jwks`, cache: true, rateLimit: true };
if (url) options.requestAgent = trust();
else options.getKeysInterceptor = async () => keys().keys;
const client = jwksClient(options);

const { authorizationToken, methodArn } = event();
const token = authorizationToken.slice(7);
client
  .getSigningKey(jwt.decode(token, { complete: true }).header.kid)
  .then((key) => jwt.verify(token, key.getPublicKey(), { audience, issuer, algorithms: ['RS256'] }))
  .then(
    (claims) => finish(policy(methodArn, 'Allow', claims.sub)),
    () => finish(policy(methodArn, 'Deny', 'nobody')),
  );
