// A person's data in this browser, and when it is deleted: unsent posts, drafts, recent rooms and pages. All of it is stored under the
// person's id: `outbox:ID:…`, `draft:ID:…`, `recent:ID:…` and `upload:ID:…` in `localStorage`, and the cache `private-ID`
// (docs/decisions/0014).
import { leave } from '#js/core/push.js';
import { forget } from '#js/core/scroll-history.js';

const OWN = /^(outbox|draft|recent|upload):(\d+):/;
// Text that exists nowhere else.
const UNSENT = new Set(['outbox', 'draft']);
// Whose unsent text waits for them, because their session expired.
const WAITING = 'waiting';
// Endings after which the same person likely continues. The next page decides: it is theirs, another person's, or the log-in page.
const SAME_PERSON = new Set(['expired', 'logged_in_again', 'password_changed']);

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('ended') : null;
// After the session's end this page stores nothing more.
let isOver = false;

export function get(key) {
  try { return isOver ? null : JSON.parse(localStorage.getItem(key)); } catch { return null; }
}

// Returns whether the browser stored it. Undefined removes the key.
export function set(key, value) {
  if (isOver) return true;
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function keys() {
  try { return Object.keys(localStorage).filter((key) => OWN.test(key)); } catch { return []; }
}

// The session has ended: deletes the person's data, and informs the browser's other pages.
export async function endSession(me, reason) {
  if (isOver) return;
  isOver = true;
  forget();
  drop((id, kind) => id === me.id && !(SAME_PERSON.has(reason) && UNSENT.has(kind)));
  if (reason === 'expired') try { localStorage.setItem(WAITING, me.id); } catch { /* Then nothing waits. */ }
  channel?.postMessage({ id: me.id, reason });
  leave(SAME_PERSON.has(reason)).catch(() => { /* The server has ended the subscription. */ });
  // The worker may be about to cache one more page.
  navigator.serviceWorker?.controller?.postMessage({ forget: true });
  await dropPages((id) => id === me.id);
}

// Hears of an end on another page.
export function onSessionEnd(me, hear) {
  channel?.addEventListener('message', ({ data }) => { if (data.id === me.id) hear(data.reason); });
}

// Somebody is signed in: deletes the data of all others.
export function dropOthers(me) {
  drop((id) => id !== me.id);
  try { localStorage.removeItem(WAITING); } catch { /* Nothing is kept here. */ }
  return dropPages((id) => id !== me.id);
}

// Nobody is signed in: only unsent text stays, for whoever's session expired.
export function dropEveryone() {
  let waiting;
  try { waiting = Number(localStorage.getItem(WAITING)); } catch { /* Nothing is kept here. */ }
  forget();
  drop((id, kind) => !(id === waiting && UNSENT.has(kind)));
  return dropPages(() => true);
}

function drop(fits) {
  for (const key of keys()) {
    const [, kind, id] = OWN.exec(key);
    if (fits(Number(id), kind)) localStorage.removeItem(key);
  }
}

async function dropPages(fits) {
  if (!('caches' in globalThis)) return;
  try {
    for (const name of await caches.keys()) {
      const id = /^private-(\d+)$/.exec(name)?.[1];
      if (id && fits(Number(id))) await caches.delete(name);
    }
  } catch {
    // A browser without caches has none to delete.
  }
}
