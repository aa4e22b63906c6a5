// All uploads of this window, a few at a time and in their order; they go on while the person visits other rooms.
import { connection } from '#js/core/session.js';

const AT_ONCE = 2;

const uploads = [];

// Has an upload sent when it is its turn.
export function enqueue(upload) {
  uploads.push(upload);
  upload.addEventListener('change', next);
  next();
}

function next() {
  for (const upload of uploads.filter(({ state }) => state === 'done' || state === 'cancelled')) uploads.splice(uploads.indexOf(upload), 1);
  const sending = uploads.filter(({ state }) => state === 'sending').length;
  for (const upload of uploads.filter(({ state }) => state === 'waiting').slice(0, Math.max(0, AT_ONCE - sending))) upload.start();
}

function resume() { for (const upload of uploads) upload.resume(); }

connection.addEventListener('up', resume);
addEventListener('online', resume);
// What is not sent yet would be lost with the window.
addEventListener('beforeunload', (event) => { if (uploads.some(({ isOver }) => !isOver)) event.preventDefault(); });
