// Process start to first decision by jose.
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose';
import common from './common.js';

const { audience, event, finish, issuer, keys, policy, url } = common;
const set = url ? createRemoteJWKSet(new URL(url)) : createLocalJWKSet(keys());
const { authorizationToken, methodArn } = event();
jwtVerify(authorizationToken.slice(7), set, { audience, issuer, algorithms: ['RS256'] }).then(
  ({ payload }) => finish(policy(methodArn, 'Allow', payload.sub)),
  () => finish(policy(methodArn, 'Deny', 'nobody')),
);
