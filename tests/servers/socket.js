// The official client of Socket.IO for the tests, over wss: it joins `general`, says one thing, and prints the answer as a line of JSON. It
// ends with its input.
//
//   node socket.js NAME ADDRESS AUTHORITY COOKIE TEXT
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { Agent } from 'node:https';
import { io } from 'socket.io-client';

const [name, address, authority, cookie, body] = process.argv.slice(2);
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const [host, port] = address.split(':');
const ca = readFileSync(authority);
// The name leads nowhere on this machine.
const agent = new Agent({ ca });
agent.createConnection = (options) => connect({ ...options, host, port: Number(port), servername: name, ca });

const socket = io(`wss://${name}/chat`, {
  transports: ['websocket'],
  agent,
  ca,
  extraHeaders: { cookie, origin: `https://${name}` },
});
print({ port: Number(port) });
socket.on('connect_error', (error) => print({ error: String(error), why: String(error.description ?? error.context ?? '') }));
socket.on('connect', async () => {
  await socket.emitWithAck('join', { room: 'general' });
  print(await socket.emitWithAck('message', { room: 'general', body, nonce: 'one' }));
});
process.stdin.resume().on('end', () => process.exit());
