// The official client of tus for the tests: it sends made-up bytes, and prints how far it is as lines of JSON. It ends with its input.
//
//   node upload.js ORIGIN COOKIE BYTES CHUNK
import { Upload } from 'tus-js-client';

const [origin, cookie, bytes, chunk] = process.argv.slice(2);
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
// Of each place its own: a part in the wrong place shows.
const content = Buffer.alloc(Number(bytes));
for (let at = 0; at + 4 <= content.length; at += 4) content.writeUInt32LE(at, at);

const upload = new Upload(content, {
  endpoint: `${origin}/uploads`,
  chunkSize: Number(chunk),
  headers: { cookie, origin },
  metadata: { filename: 'made-up.bin', filetype: 'application/octet-stream' },
  retryDelays: Array(40).fill(250),
  onChunkComplete: (size, sent) => print({ sent }),
  onSuccess: () => print({ id: upload.url.split('/').pop() }),
  onError: (error) => print({ error: String(error) }),
});
print({ port: Number(new URL(origin).port) });
upload.start();
process.stdin.resume().on('end', () => process.exit());
