// Navigation that keeps what surrounds <main>: the connection, the sidebar, an open palette.
//
// A link's page is fetched, and its <main> replaces the present one. Everything else (a file, the log-in page, an error, a page of another
// version of the program, no answer) is left to the browser, as is every click that asks for more: a new tab, a download, a
// form.
import { freshPage, fetchPage } from '#js/core/prefetch.js';
import { announce } from '#js/core/announce.js';
import { open, placeNow } from '#js/core/page.js';
import { cameOrWent } from '#js/people/names.js';
import { find, keep } from '#js/core/scroll-history.js';

// How long a page may take before the wait is shown, in milliseconds.
const PATIENCE = 250;

// The address that the page in <main> was requested as; the address bar may differ.
let shown = address(location);
let entry;
let asking = null;
let naming = () => {};

function address({ pathname, search }) { return pathname + search; }

// Navigates to a page: of this site in place, else as the browser does.
export async function visit(href, { isBack = false, isPressed = false } = {}) {
  const url = new URL(href, location.href);
  asking?.abort();
  const { signal } = asking = new AbortController();
  const main = document.querySelector('main');
  // From a room, the search starts in that room.
  if (url.pathname === '/search' && !url.search && !isBack && main.matches('.room')) url.searchParams.set('in', main.dataset.room);
  const waiting = setTimeout(() => main.setAttribute('aria-busy', 'true'), PATIENCE);
  const stop = () => { clearTimeout(waiting); main.removeAttribute('aria-busy'); };
  try {
    const page = await ask(url, isBack ? find(history.state?.entry) : null, signal);
    if (signal.aborted) return;
    if (!page) return leave(url, isBack);
    show(page, { isBack, isAgain: !isBack && page.address === address(location) });
    // When going back or following a sidebar link, the sidebar does not scroll.
    if (!isBack && !isPressed) document.querySelector('.sidebar [aria-current]')?.scrollIntoView({ block: 'nearest' });
  } catch (error) {
    // Another navigation started meanwhile: the request was aborted or its answer is outdated.
    if (signal.aborted) return;
    console.warn(error);
    leave(url, isBack);
  } finally {
    stop();
  }
}

// Navigates as without scripts.
function leave(url, isBack) {
  if (isBack) location.reload();
  else location.assign(url);
}

// The page if it can replace this one: { address, hash, main, title, current, online }.
async function ask(url, place, signal) {
  const answer = await freshPage(url) ?? await fetchPage(url, signal);
  const page = answer && await read(answer);
  if (!page) return null;
  page.hash = url.hash;
  // Going back to older messages than the page contains: the address is the same, but another range is needed.
  const [seq] = Array.isArray(place) ? place : [];
  if (seq && page.main.matches('.room') && !page.main.querySelector(`#m${seq}`)) {
    const around = new URL(`/rooms/${page.main.dataset.room}?around=${seq}`, location.origin);
    const older = await read(await fetchPage(around, signal));
    if (older) page.main = older.main;
  }
  return page;
}

// The address of a page's script, which contains its hash.
const app = (page) => page.querySelector('head script[type=module]')?.getAttribute('src');

async function read({ url, html }) {
  const page = new DOMParser().parseFromString(html, 'text/html');
  const main = page.querySelector('main#content');
  const isMine = page.querySelector('.app')?.dataset.myId === document.querySelector('.app').dataset.myId;
  // The scripts differ: the server runs another version.
  const isSame = app(page) === app(document);
  if (!main || !isMine || !isSame) return null;
  // A parser without scripts shows the content of <noscript>.
  for (const node of main.querySelectorAll('noscript')) node.remove();
  const current = page.querySelector('.sidebar [aria-current]')?.getAttribute('href');
  const online = [...page.querySelectorAll('.sidebar [data-person]')].map((node) => ({ user: node.dataset.person, online: !!node.querySelector('.dot--on') }));
  return { address: address(new URL(url)), title: page.title, current, online, main, newLogIn: page.querySelector('#new-log-in') };
}

function show(page, { isBack, isAgain }) {
  // After a reload that restores an older range, this entry has no position of its own to store.
  if (!isBack || entry !== history.state?.entry) remember();
  if (!isBack) {
    if (!isAgain) entry = newEntry();
    const state = { entry };
    const to = page.address + page.hash;
    if (isAgain) history.replaceState(state, '', to); else history.pushState(state, '', to);
  }
  entry = history.state?.entry;
  shown = page.address;
  // The same page again starts as a first visit does.
  if (isAgain) for (const name of [entry, `room:${page.main.dataset.room}`]) keep(name, null);
  const old = document.querySelector('main');
  const next = document.adoptNode(page.main);
  const palette = document.querySelector('dialog[open]');
  open(next, () => {
    naming(page.title);
    mark(page.current);
    // An entry that was added while the page was open knows only later changes of presence.
    page.online.forEach(cameOrWent);
    old.replaceWith(next);
    // Announced since the last page, or seen.
    document.querySelector('#new-log-in')?.remove();
    if (page.newLogIn) document.querySelector('.app').prepend(document.adoptNode(page.newLogIn));
  });
  const place = find(entry);
  if (typeof place === 'number') next.scrollTop = place;
  // An open dialog keeps the focus.
  if (!palette && !next.contains(document.activeElement)) focusIn(next);
  announce(page.title.replace(/ · [^·]*$/, ''));
}

function focusIn(main) {
  const wanted = main.querySelector('[autofocus]:not([popover] *)') ?? main.querySelector('#log') ?? main.querySelector('h1') ?? main;
  if (wanted.tabIndex < 0) wanted.tabIndex = -1;
  wanted.focus({ preventScroll: true });
}

// Marks the open page in the sidebar.
function mark(current) {
  for (const link of document.querySelectorAll('.sidebar a[href]')) {
    if (link.getAttribute('href') === current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

// Stores the scroll position of the page that is about to be left.
function remember() {
  const room = document.querySelector('main.room')?.dataset.room;
  const place = placeNow();
  if (entry) keep(entry, place);
  if (room) keep(`room:${room}`, place === 'end' ? null : place);
}

// Whether a click is for following the link here and now.
function isPlain(event, link) {
  const { target, protocol, origin, pathname, search, hash } = link;
  return !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
    && (!target || target === '_self') && !link.hasAttribute('download') && !/\bexternal\b/.test(link.rel)
    && protocol.startsWith('http') && origin === location.origin && !/^\/(static|files|uploads|api)\//.test(pathname)
    // A fragment on this page is left to the browser.
    && !(hash && address({ pathname, search }) === address(location));
}

const newEntry = () => `${Date.now()}-${Math.random()}`;

// From here on links are followed here. `named` is called with each page's title.
export function start(named) {
  naming = named;
  history.scrollRestoration = 'manual';
  entry = history.state?.entry ?? newEntry();
  if (!history.state?.entry) history.replaceState({ ...history.state, entry }, '');
  // Without scripts the link names the open room; here `visit` does, as the room changes.
  document.querySelector('.places a[href^="/search?"]')?.setAttribute('href', '/search');
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    if (!link || !isPlain(event, link)) return;
    event.preventDefault();
    visit(link.href, { isPressed: true });
  });
  addEventListener('popstate', () => {
    if (address(location) !== shown) visit(location.href, { isBack: true });
    else entry = history.state?.entry;
  });
  addEventListener('pagehide', remember);
  // After a reload among older messages than the page contains.
  const [seq] = [find(entry)].flat();
  if (typeof seq === 'number' && document.querySelector('main.room') && !document.getElementById(`m${seq}`)) visit(location.href, { isBack: true });
}
