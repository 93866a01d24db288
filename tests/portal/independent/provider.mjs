// A certified provider of OpenID Connect (npm's oidc-provider), set by a file that is its argument:
// {port, keys, clients}. Its issuer is said on the first line of what it prints; its own pages ask
// for a name alone, and believe it.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { Provider } from 'oidc-provider';

const set = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const server = createServer();
server.listen(set.port, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: set.clients,
    jwks: { keys: set.keys },
    cookies: { keys: ['of one test'] },
    claims: { openid: ['sub'], email: ['email'] },
    clientAuthMethods: ['private_key_jwt', 'client_secret_basic', 'client_secret_post'],
    enabledJWA: {
      clientAuthSigningAlgValues: ['RS256', 'ES256'],
      idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256'],
    },
    features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    pkce: { required: () => true },
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, IdToken: 600, AccessToken: 600 },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, roles: ['admin'] }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
