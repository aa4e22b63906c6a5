// What this browser keeps of people, and how it goes: unsent posts, drafts, which rooms one was in last, and pages. Everything lies under
// its person's id: `outbox:ID:…`, `draft:ID:…` and `recent:ID:…` in `localStorage`, and the cache `private-ID` (docs/decisions/0014).
import { forget } from '#js/places.js';

const OWN = /^(outbox|draft|recent):(\d+):/;
// Words that are nowhere else.
const UNSENT = new Set(['outbox', 'draft']);
// Whose unsent words wait for them because their session ran out.
const WAITING = 'waiting';
// Ends in which the same person is likely still here. The next page knows: it is theirs, somebody else's, or the door.
const SAME_PERSON = new Set(['expired', 'logged_in_again', 'password_changed']);

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('ended') : null;
// From the end on, this page keeps nothing more.
let isOver = false;

export function get(key) {
  try { return isOver ? null : JSON.parse(localStorage.getItem(key)); } catch { return null; }
}

// Says whether the browser took it. Nothing at all takes the key away.
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

// Somebody's session has ended: what is theirs goes, and the browser's other pages hear of it.
export async function end(me, reason) {
  if (isOver) return;
  isOver = true;
  forget();
  drop((id, kind) => id === me.id && !(SAME_PERSON.has(reason) && UNSENT.has(kind)));
  if (reason === 'expired') try { localStorage.setItem(WAITING, me.id); } catch { /* Then nothing waits. */ }
  channel?.postMessage({ id: me.id, reason });
  // The worker may be about to keep one more page.
  navigator.serviceWorker?.controller?.postMessage({ forget: true });
  await dropPages((id) => id === me.id);
}

// Hears of it from another page.
export function onEnd(me, hear) {
  channel?.addEventListener('message', ({ data }) => { if (data.id === me.id) hear(data.reason); });
}

// Somebody is signed in: what lies here of others goes.
export function keepOnly(me) {
  drop((id) => id !== me.id);
  try { localStorage.removeItem(WAITING); } catch { /* Nothing is kept here. */ }
  return dropPages((id) => id !== me.id);
}

// Nobody is: only words wait, of whoever's session ran out.
export function keepNobody() {
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
    // A browser that keeps no pages has none to drop.
  }
}
