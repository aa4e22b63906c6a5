// The pages of rooms that are likely next: asked for as soon as somebody points at a link, a few at a time, and held for a moment.
// Asking ahead is no visit: it marks nothing as read, joins nothing, and is not where one was last.
import { onPage } from '#js/page.js';

// How long one must point at a link, how long a page is held, and over how long requests are counted; in milliseconds.
const REST = 60;
const HELD = 10_000;
const SPAN = 10_000;
// How many are on their way, are held, and are asked for within that span, at the most.
const AT_ONCE = 2;
const MOST = 4;
const ASKED = 12;

const held = new Map();
let asked = [];
let underway = 0;
let resting;

// A page as the server gives it: { url, html }, or nothing where it is no page.
export async function taken(url, signal, headers = {}) {
  const answer = await fetch(url, { headers: { accept: 'text/html', ...headers }, signal });
  if (answer.ok && answer.headers.get('content-type')?.startsWith('text/html')) return { url: answer.url, html: await answer.text(), tag: answer.headers.get('etag') };
  answer.body?.cancel();
  return null;
}

// The page, if it was asked for just now. From here on it is visited.
export async function fresh(url) {
  const found = held.get(url.href);
  held.delete(url.href);
  if (!found || Date.now() - found.at > HELD) return null;
  const page = await found.page;
  if (page) visited(url, page.tag);
  return page;
}

// Tells the server of the visit, and the worker that keeps pages for when there is no network. Nothing waits for it.
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
  const page = taken(url, null, { purpose: 'prefetch' }).catch(() => null).finally(() => { underway -= 1; });
  held.set(url.href, { at: now, page });
  if (held.size > MOST) held.delete(held.keys().next().value);
}

// A link to a room other than the one that is open.
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
  // What was pointed at before is not where one goes next.
  onPage(() => clearTimeout(resting));
}
