// Prefetches the pages of rooms that are likely next: when a link is pointed at, a few at a time, kept for a moment.
// A prefetch is not a visit: it marks nothing as read, joins nothing, and does not change the room visited last.
import { onPage } from '#js/core/page.js';

// How long a link must be pointed at, how long a page is kept, and the time span of the limit; in milliseconds.
const REST = 60;
const HELD = 10_000;
const SPAN = 10_000;
// How many are in flight, are kept, and are requested within the time span, at most.
const AT_ONCE = 2;
const MOST = 4;
const ASKED = 12;

const held = new Map();
let asked = [];
let underway = 0;
let resting;

// A page from the server: { url, html }, or nothing if it is not a page.
export async function fetchPage(url, signal, headers = {}) {
  const answer = await fetch(url, { headers: { accept: 'text/html', ...headers }, signal });
  if (answer.ok && answer.headers.get('content-type')?.startsWith('text/html')) return { url: answer.url, html: await answer.text(), tag: answer.headers.get('etag') };
  answer.body?.cancel();
  return null;
}

// A page that was prefetched just now. From here on it counts as visited.
export async function freshPage(url) {
  const found = held.get(url.href);
  held.delete(url.href);
  if (!found || Date.now() - found.at > HELD) return null;
  const page = await found.page;
  if (page) visited(url, page.tag);
  return page;
}

// Reports the visit to the server and to the service worker. Nothing waits for it.
function visited(url, tag) {
  fetch(url, { headers: { accept: 'text/html', ...(tag && { 'if-none-match': tag }) } }).then((answer) => answer.body?.cancel()).catch(() => {});
  navigator.serviceWorker?.controller?.postMessage({ keep: url.pathname });
}

function ask(link) {
  const url = new URL(link.href);
  const now = Date.now();
  for (const [href, { at }] of held) if (now - at > HELD) held.delete(href);
  asked = asked.filter((at) => now - at < SPAN);
  if (held.has(url.href) || underway >= AT_ONCE || asked.length >= ASKED || navigator.connection?.saveData) return;
  asked.push(now);
  underway += 1;
  const page = fetchPage(url, null, { purpose: 'prefetch' }).catch(() => null).finally(() => { underway -= 1; });
  held.set(url.href, { at: now, page });
  if (held.size > MOST) held.delete(held.keys().next().value);
}

// A link to a room that is not open.
function likely(target) {
  const link = target.closest?.('a[href]');
  const isRoom = link && link.origin === location.origin && !link.search && !link.hash && /^\/rooms\/[^/]+$/.test(link.pathname);
  return isRoom && link.pathname !== location.pathname ? link : null;
}

export function start() {
  const rest = (target, how = REST) => {
    clearTimeout(resting);
    const link = likely(target);
    if (link) resting = setTimeout(() => ask(link), how);
  };
  document.addEventListener('pointerover', ({ target, pointerType }) => { if (pointerType === 'mouse') rest(target); });
  document.addEventListener('focusin', ({ target }) => rest(target));
  document.addEventListener('pointerdown', ({ target, button }) => { if (button === 0) rest(target, 0); });
  // What was pointed at before is not likely next.
  onPage(() => clearTimeout(resting));
}
