// Posts in the outbox whose files are still on their way from this window.
//
// The outbox is in the browser's storage and outlives the window; the files do not. So a post says which window has its files: while that
// window lives the post waits, and when it is gone the post fails.

const held = new Map();
// This window. It holds a lock with its name as long as it lives.
const own = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
let isLocked = false;
const lockOf = (window) => `parlor:uploads:${window}`;

// Reports that a post can be sent, or has failed.
export const posts = new EventTarget();

// Keeps the uploads of a post until all of them are over. Returns the name of this window.
export function hold(nonce, uploads) {
  if (!isLocked) navigator.locks?.request(lockOf(own), () => new Promise(() => {}));
  isLocked = true;
  held.set(nonce, uploads);
  const look = () => { if (held.get(nonce) === uploads && uploads.every(({ isOver }) => isOver)) posts.dispatchEvent(new Event('ready')); };
  for (const upload of uploads) upload.addEventListener('change', look);
  return own;
}

// The uploads of a post, if this window has them.
export const uploadsOf = (nonce) => held.get(nonce);

// The post was sent, or nobody wants it any more.
export function release(nonce, { isUnwanted = false } = {}) {
  if (isUnwanted) for (const upload of held.get(nonce) ?? []) upload.cancel();
  held.delete(nonce);
}

// Whether a window still has the files of its posts.
export async function isAlive(window) {
  if (window === own || !navigator.locks) return window === own;
  const { held: locks } = await navigator.locks.query();
  return locks.some(({ name }) => name === lockOf(window));
}
