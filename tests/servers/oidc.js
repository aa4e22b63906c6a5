// An OpenID provider for the tests: the certified oidc-provider with the smallest page to log in. Its first line has its port. It ends with
// its input.
//
//   node oidc.js [PORT]
//
// Whoever logs in says who they are: a subject, and the claims `preferred_username`, `name` and `groups` (between commas). The subject
// `nobody` does not want to log in. Every redirect address is taken, because Parlor's port is known only when it runs.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

// Advice for those who run it in earnest.
for (const level of ['info', 'warn']) console[level] = () => {};

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const people = new Map();

const form = (uid) => `<!doctype html><title>Log in</title><form method="post" action="/interaction/${uid}">
<input name="sub" value="ada"><input name="preferred_username"><input name="name"><input name="groups"><button>Log in</button></form>`;

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
}

function open(issuer) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'parlor', client_secret: 'hunter2', redirect_uris: ['http://127.0.0.1/login/oidc/callback'] }],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: String(Date.now()) }] },
    cookies: { keys: ['a key of the tests'] },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: { openid: ['sub'], profile: ['preferred_username', 'name'], email: ['email'], groups: ['groups'] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    ttl: { Session: 3600, Interaction: 3600, Grant: 3600, AccessToken: 3600, IdToken: 3600, AuthorizationCode: 60 },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
  });
  provider.Client.prototype.redirectUriAllowed = () => true;
  provider.Client.prototype.postLogoutRedirectUriAllowed = () => true;
  provider.on('grant.error', (_, error) => print({ refused: error.error, why: error.error_detail ?? error.error_description }));
  provider.on('server_error', (_, error) => print({ error: String(error) }));
  return provider;
}

let provider;
let answer;

async function interact(request, response) {
  const uid = request.url.split('/')[2];
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(form(uid));
    return;
  }
  const { sub, groups, ...claims } = await body(request);
  const details = await provider.interactionDetails(request, response);
  if (sub === 'nobody') {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'not today' });
    return;
  }
  for (const [name, value] of Object.entries(claims)) if (!value) delete claims[name];
  people.set(sub, { ...claims, ...(groups ? { groups: groups.split(',') } : {}) });
  const grant = new provider.Grant({ accountId: sub, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  await provider.interactionFinished(request, response, { login: { accountId: sub }, consent: { grantId: await grant.save() } });
}

const server = createServer((request, response) => {
  if (request.url.startsWith('/interaction/')) {
    interact(request, response).catch((error) => { print({ error: String(error) }); response.writeHead(500).end(); });
  } else {
    answer(request, response);
  }
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const { port } = server.address();
  provider = open(`http://127.0.0.1:${port}`);
  answer = provider.callback();
  print({ port });
});
process.stdin.resume().on('end', () => process.exit());
