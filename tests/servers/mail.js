// A mail server for the tests: it takes every mail, and prints each as a line of JSON. Its first line has its port. It ends with its input.
//
//   node mail.js [tls | starttls | plain] [CERTIFICATE KEY]
//
// It behaves by the address: `busy…` is refused the first time, `full…` from the second mail on, `gone…` always, and `slow…` gets no answer.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const [mode = 'plain', certificate, key] = process.argv.slice(2);
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const [busy, full] = [new Set(), new Set()];

function refusal(address) {
  if (address.startsWith('gone')) return Object.assign(new Error(`5.1.1 no such mailbox: ${address}`), { responseCode: 550 });
  if (address.startsWith('busy') && !busy.has(address)) {
    busy.add(address);
    return Object.assign(new Error(`try ${address} later`), { responseCode: 451 });
  }
  if (address.startsWith('full')) {
    if (full.has(address)) return Object.assign(new Error(`the mailbox of ${address} is full`), { responseCode: 452 });
    full.add(address);
  }
  return undefined;
}

const server = new SMTPServer({
  secure: mode === 'tls',
  hideSTARTTLS: mode === 'plain',
  allowInsecureAuth: true,
  authOptional: true,
  // Without these it has a certificate that nobody trusts.
  ...(certificate ? { cert: readFileSync(certificate), key: readFileSync(key) } : {}),
  onAuth: ({ username, password }, session, done) => {
    print({ log_in: username, secure: session.secure });
    done(password === 'hunter2' ? null : new Error('wrong'), { user: username });
  },
  onRcptTo: ({ address }, session, done) => {
    if (address.startsWith('slow')) { print({ silent: true }); return; }
    const error = refusal(address);
    if (error) print({ refused: error.responseCode });
    done(error);
  },
  onData: (stream, session, done) => {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => {
      const { mailFrom, rcptTo } = session.envelope;
      print({ from: mailFrom.address, to: rcptTo.map((to) => to.address), secure: session.secure, raw: Buffer.concat(chunks).toString('utf8') });
      done();
    });
  },
});
server.on('error', (error) => print({ error: error.code ?? String(error) }));
server.listen(0, '127.0.0.1', () => print({ port: server.server.address().port }));
process.stdin.resume().on('end', () => process.exit());
