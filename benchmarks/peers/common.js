// What every Node peer needs: the same policy, the same trust, the same settings.
const fs = require('fs');

exports.issuer = process.env.ISSUER;
exports.audience = process.env.AUDIENCE;
exports.url = process.env.JWKS_URL;
exports.keys = () => JSON.parse(fs.readFileSync(process.env.JWKS_FILE, 'utf8'));

exports.policy = (arn, effect, principalId) => {
  const [api, stage] = arn.split('/');
  return {
    principalId,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect: effect, Resource: `${api}/${stage}/*/*` }],
    },
    context: { principalId },
  };
};

// The test authority on top of the roots that Node brings, at the cost that an ordinary https client pays.
exports.trust = () => {
  const https = require('https');
  const tls = require('tls');
  const context = tls.createSecureContext();
  context.context.addCACert(fs.readFileSync(process.env.AUTHORITY));
  https.globalAgent.options.secureContext = context;
  return https.globalAgent;
};

exports.finish = (answer) => {
  const said = { allowed: JSON.stringify(answer).includes('"Allow"') };
  if (process.env.MEMORY) {
    const status = fs.readFileSync('/proc/self/status', 'utf8');
    said.peak_kb = Number(/VmHWM:\s+(\d+)/.exec(status)[1]);
  }
  fs.writeSync(2, JSON.stringify(said));
  process.exit(0);
};

exports.event = () => ({
  authorizationToken: `Bearer ${fs.readFileSync(process.env.TOKEN_FILE, 'utf8')}`,
  methodArn: process.env.METHOD_ARN,
});
