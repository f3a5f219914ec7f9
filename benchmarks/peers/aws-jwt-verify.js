// Process start to first decision by aws-jwt-verify.
const { JwtVerifier } = require('aws-jwt-verify');
const { audience, event, finish, issuer, keys, policy, trust, url } = require('./common.js');

if (url) trust();
const verifier = JwtVerifier.create({ issuer, audience, jwksUri: url ?? `${issuer}/jwks` });
if (!url) verifier.cacheJwks(keys());

const { authorizationToken, methodArn } = event();
verifier.verify(authorizationToken.slice(7)).then(
  (claims) => finish(policy(methodArn, 'Allow', claims.sub)),
  () => finish(policy(methodArn, 'Deny', 'nobody')),
);
