// The service worker: the app opens without a network, and shows what was read last.
//
// It caches three things and nothing else:
//   the shell      every file that pages load, under its hash, and the offline page; the same for everybody
//   the pages      the list of rooms and the latest rooms as last shown: one person's, bounded, deleted when that person leaves
//   the messages   that came live after such a page, which the page itself stores beside it (`js/offline/cache.js`)
// Pages come from the network first; the cache is for when there is none. No form, no JSON and no socket passes through here.
//
// It also shows the notifications that come while no page is open: one for each room, with its latest messages.
//
// The server puts `SHELL`, with the version and the files, above this line.

const SHELL_CACHE = `shell-${SHELL.version}`;
const PRIVATE = 'private-';
const OFFLINE = '/offline';
// How many pages are cached.
const MOST = 20;
// Forms after which another person may use this browser.
const AUTH_FORMS = new Set(['/login', '/logout', '/register']);
// The pages that are cached: the list, and a room's latest messages, but not its older pages.
const KEEPABLE = /^\/rooms(\/[^/]+)?$/;

// Incremented whenever the private cache is deleted: earlier requests belong to whoever left.
let epoch = 0;

addEventListener('install', (event) => event.waitUntil(install()));
addEventListener('activate', (event) => event.waitUntil(activate()));
addEventListener('message', (event) => {
  if (event.data?.forget) event.waitUntil(forget());
  if (event.data?.keep) event.waitUntil(renew(new URL(event.data.keep, location.origin)));
});
addEventListener('push', (event) => event.waitUntil(inTurn(() => pushed(event.data?.json()))));
addEventListener('notificationclick', (event) => event.waitUntil(clicked(event.notification)));
addEventListener('notificationclose', (event) => event.waitUntil(badge()));
addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method !== 'GET') {
    if (AUTH_FORMS.has(url.pathname)) event.waitUntil(forget());
  } else if (url.pathname.startsWith('/static/')) event.respondWith(file(request, url));
  else if (request.mode === 'navigate' || isVisit(request)) event.respondWith(page(event, url));
});

// A page that a script fetches to show it (`js/core/visit.js`), not a prefetch.
const isVisit = ({ headers }) => headers.get('accept') === 'text/html' && !headers.has('purpose');

async function install() {
  const cache = await caches.open(SHELL_CACHE);
  await cache.addAll([...SHELL.files, new Request(OFFLINE, { cache: 'reload' })]);
  await skipWaiting();
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith('shell-') && name !== SHELL_CACHE);
  await clients.claim();
  // Pages do not wait for the worker to start.
  await registration.navigationPreload?.enable();
  // Cached pages refer to files of the old version: they are fetched again, or deleted.
  if (old.length) for (const request of await kept()) await renew(new URL(request.url), { orDrop: true });
  for (const name of old) await caches.delete(name);
}

// A file of the shell. Its address contains its hash, so the cached file is right.
async function file(request, url) {
  const cache = await caches.open(SHELL_CACHE);
  const found = await cache.match(request, { ignoreVary: true });
  if (found) return found;
  try {
    return await fetch(request);
  } catch (error) {
    const successor = SHELL.files.find((path) => unhashed(path) === unhashed(url.pathname));
    const substitute = successor && await cache.match(successor, { ignoreVary: true });
    if (substitute) return substitute;
    throw error;
  }
}

const unhashed = (path) => path.replace(/^\/static\/([0-9a-f]{16}\/)?/, '');

async function page(event, url) {
  const asked = epoch;
  try {
    const response = (await event.preloadResponse) ?? (await fetch(event.request));
    event.waitUntil(take(url, response.clone(), asked));
    return response;
  } catch {
    return without(url);
  }
}

// The response for a page without a network.
async function without(url) {
  const pages = await kept();
  const path = (request) => new URL(request.url).pathname;
  const has = (wanted) => pages.some((request) => path(request) === wanted);
  if (!url.search && has(url.pathname)) return (await mine()).match(url.pathname, { ignoreVary: true });
  // Another page of a room: its latest messages are cached.
  const room = /^\/rooms\/[^/]+/.exec(url.pathname)?.[0];
  if (room && has(room)) return Response.redirect(room);
  const last = pages.map(path).findLast((one) => one !== '/rooms');
  if (url.pathname === '/' && last) return Response.redirect(last);
  return (await caches.match(OFFLINE, { ignoreVary: true })) ?? Response.error();
}

// Caches a page on its way to the reader if it is cacheable.
async function take(url, response, asked) {
  // Only people who are not signed in see the log-in page.
  if (url.pathname === '/login' && response.status === 200) return forget();
  if (!KEEPABLE.test(url.pathname) || url.search) return;
  if (response.status === 404 || response.status === 403) return drop(url.pathname);
  if (response.status !== 200 || !response.headers.get('content-type')?.startsWith('text/html')) return;
  const html = await response.text();
  const me = /<div class="app"[^>]* data-my-id="(\d+)"/.exec(html)?.[1];
  if (!me || asked !== epoch) return;
  for (const name of await caches.keys()) if (name.startsWith(PRIVATE) && name !== PRIVATE + me) await caches.delete(name);
  const cache = await caches.open(PRIVATE + me);
  const headers = new Headers(response.headers);
  for (const name of ['content-encoding', 'content-length']) headers.delete(name);
  // The latest is last.
  await cache.delete(url.pathname, { ignoreVary: true });
  await cache.put(url.pathname, new Response(html, { headers }));
  const pages = await kept();
  for (const request of pages.slice(0, Math.max(0, pages.length - MOST))) await drop(new URL(request.url).pathname);
  // The person left while it was being written.
  if (asked !== epoch) await caches.delete(PRIVATE + me);
}

// Fetches a page again, or for the first time. `purpose` marks a prefetch, so that the room does not count as visited last.
async function renew(url, { orDrop = false } = {}) {
  const asked = epoch;
  try {
    const headers = new Headers({ accept: 'text/html', purpose: 'prefetch' });
    const tag = (await (await mine())?.match(url.pathname, { ignoreVary: true }))?.headers.get('etag');
    if (tag) headers.set('if-none-match', tag);
    const response = await fetch(url, { headers });
    // The cached page is current.
    if (response.status === 304) return undefined;
    if (!response.redirected) return await take(url, response, asked);
  } catch {
    // No network: the cached page stays.
  }
  if (orDrop) await drop(url.pathname);
}

// The cache of the signed-in person; there is never more than one.
async function mine() {
  const name = (await caches.keys()).find((one) => one.startsWith(PRIVATE));
  return name ? caches.open(name) : null;
}

// The cached pages, the latest last.
async function kept() {
  const requests = await (await mine())?.keys() ?? [];
  return requests.filter((request) => KEEPABLE.test(new URL(request.url).pathname));
}

async function drop(path) {
  const cache = await mine();
  for (const part of [path, `/kept${path}`]) await cache?.delete(part, { ignoreVary: true });
}

async function forget() {
  epoch += 1;
  for (const name of await caches.keys()) if (name.startsWith(PRIVATE)) await caches.delete(name);
}

const ICON = SHELL.files.find((path) => path.endsWith('/icons/icon-192.png'));
// How many messages a notification shows.
const LINES = 5;

// One after the other: each builds on the notifications that the one before has shown.
let turn = Promise.resolve();
const inTurn = (act) => (turn = turn.then(act, act));

// What the server sends: a message, that a room was read elsewhere, or a test.
async function pushed(data) {
  if (data?.kind === 'read') return withdraw(data);
  if (data?.kind === 'test') {
    return registration.showNotification('Parlor', { body: 'Notifications come to this device.', tag: 'test', icon: ICON, data: { url: '/settings/notifications' } });
  }
  if (data?.kind !== 'message') return undefined;
  const { room, title, author, body, seq, at, icon, url } = data;
  const open = await clients.matchAll({ type: 'window' });
  // The reader is looking at it.
  if (open.some((client) => client.focused && new URL(client.url).pathname.split('/')[2] === room)) return nothing();
  const tag = `room:${room}`;
  const before = (await registration.getNotifications({ tag }))[0]?.data;
  // They come in order, but may come twice.
  if (before?.seq >= seq) return nothing();
  const line = author ? `${author}: ${body}` : body;
  const lines = [...(before?.lines ?? []), line].slice(-LINES);
  const count = (before?.count ?? 0) + 1;
  await registration.showNotification(count > 1 ? `${title} (${count})` : title, {
    body: lines.join('\n'), tag, renotify: true, timestamp: at, icon: icon ?? ICON, badge: ICON, data: { url, seq, lines, count },
  });
  return badge();
}

// Nothing is to be seen of a push. A browser of Apple's ends a subscription whose pushes show nothing, so there is something for a moment.
async function nothing() {
  const to = await registration.pushManager.getSubscription();
  if (!to?.endpoint.startsWith('https://web.push.apple.com/')) return;
  await registration.showNotification('Parlor', { tag: 'nothing', silent: true });
  for (const shown of await registration.getNotifications({ tag: 'nothing' })) shown.close();
}

// The person has read up to `seq` on another device.
async function withdraw({ room, seq }) {
  for (const shown of await registration.getNotifications({ tag: `room:${room}` })) if (shown.data.seq <= seq) shown.close();
  return badge();
}

async function clicked(notification) {
  const { url } = notification.data;
  notification.close();
  await badge();
  const [open] = await clients.matchAll({ type: 'window' });
  if (!open) return clients.openWindow(url);
  await open.focus();
  return open.navigate(url);
}

// On the icon of the installed app: how many messages the notifications are of.
async function badge() {
  const shown = await registration.getNotifications();
  const count = shown.reduce((sum, { data }) => sum + (data?.count ?? 0), 0);
  await (count ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.());
}
