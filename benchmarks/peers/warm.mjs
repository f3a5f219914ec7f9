// Warm verification, on request: each line of standard input is {"case", "count"}, each line of output the nanoseconds
// that one operation took. Cases that do not work are left out of the first line, the list of cases.
import { createPublicKey, verify as rawVerify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { JwtVerifier } from 'aws-jwt-verify';
import * as jose from 'jose';
import jsonwebtoken from 'jsonwebtoken';

const folder = process.argv[2];
const issuer = process.env.ISSUER;
const audience = process.env.AUDIENCE;
const { keys } = JSON.parse(readFileSync(`${folder}/all.json`, 'utf8'));
const cases = {};

for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
  const token = readFileSync(`${folder}/token_${algorithm}.txt`, 'utf8');
  const jwk = keys.find(({ kid }) => kid === `${algorithm}-1`);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const end = token.lastIndexOf('.');
  const message = Buffer.from(token.slice(0, end));
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  const raw = algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' } : key;
  const hash = algorithm === 'EdDSA' ? null : 'sha256';
  const options = { issuer, audience, algorithms: [algorithm] };
  const verifier = JwtVerifier.create({ issuer, audience, jwksUri: `${issuer}/jwks` });
  verifier.cacheJwks({ keys: [jwk] });
  const imported = await jose.importJWK(jwk, algorithm);
  cases[`node:crypto ${algorithm}`] = () => {
    if (!rawVerify(hash, message, raw, signature)) throw new Error('bad signature');
  };
  cases[`aws-jwt-verify verifySync ${algorithm}`] = () => verifier.verifySync(token);
  cases[`jose jwtVerify ${algorithm}`] = () => jose.jwtVerify(token, imported, options);
  cases[`jsonwebtoken verify ${algorithm}`] = () => jsonwebtoken.verify(token, key, options);
}

const works = {};
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    works[name] = run;
  } catch {
    // jsonwebtoken has no EdDSA, for one
  }
}
process.stdout.write(`${JSON.stringify(Object.keys(works))}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { case: name, count } = JSON.parse(line);
  const run = works[name];
  const began = process.hrtime.bigint();
  if (run() instanceof Promise) for (let i = 0; i < count; i += 1) await run();
  else for (let i = 0; i < count; i += 1) run();
  process.stdout.write(`${Number(process.hrtime.bigint() - began) / count}\n`);
}
