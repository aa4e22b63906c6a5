// Answers "!ping" in a room with "pong". Needs Node 20 or newer and nothing else.
//
//     PARLOR_URL=https://chat.example PARLOR_TOKEN=parlor_… node bot.mjs general
const { PARLOR_URL, PARLOR_TOKEN } = process.env;
const api = `${PARLOR_URL}/api/v1/rooms/${process.argv[2]}`;

async function ask(path, { body, accept = 'application/json' } = {}) {
  const headers = { authorization: `Bearer ${PARLOR_TOKEN}`, accept, 'content-type': 'application/json' };
  const response = await fetch(api + path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) });
  if (response.ok) return response;
  const { error } = await response.json();
  if (![429, 502, 503, 504].includes(response.status)) { console.error(error.message); process.exit(1); }
  throw new Error(error.message);
}

async function* lines(response) {
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const all = (rest + chunk).split('\n');
    rest = all.pop();
    yield* all;
  }
}

let after = (await (await ask('/changes')).json()).head.rev;
for (;;) {
  try {
    for await (const line of lines(await ask(`/changes?after=${after}`, { accept: 'text/event-stream' }))) {
      if (!line.startsWith('data: ')) continue;
      const message = JSON.parse(line.slice(6));
      if (message.error) { console.error(message.error.message); process.exit(1); }
      after = message.rev;
      // The nonce makes a repeated attempt harmless.
      if (message.body === '!ping') await ask('/messages', { body: { body: 'pong, says JavaScript', reply_to: message.seq, nonce: `pong-${after}` } });
    }
  } catch (error) { console.error(error.message); }
  await new Promise((done) => setTimeout(done, 1000));
}
