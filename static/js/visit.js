// Going from page to page without losing what stands around <main>: the connection, the sidebar, an open palette.
//
// A link is followed by asking for its page, and putting that page's <main> in the place of this one. Whatever is no such page (a file,
// the login page, an error, a page of another version of the program, no answer) is left to the browser, and so is every click that
// asks for more than that: another tab, a download, a form.
import { fresh, taken } from '#js/ahead.js';
import { announce } from '#js/announce.js';
import { open, placeNow } from '#js/page.js';
import { cameOrWent } from '#js/people-live.js';
import { find, keep } from '#js/places.js';

// How long a page may take before it is shown that one waits, in milliseconds.
const PATIENCE = 250;

// What the page in <main> was asked for as; the address bar may say something else by now.
let shown = address(location);
let entry;
let asking = null;
let naming = () => {};

function address({ pathname, search }) { return pathname + search; }

// Goes to a page: of this site in place, anywhere else as the browser does.
export async function visit(href, { isBack = false, isPressed = false } = {}) {
  const url = new URL(href, location.href);
  asking?.abort();
  const { signal } = asking = new AbortController();
  const main = document.querySelector('main');
  // From a room one searches there first.
  if (url.pathname === '/search' && !url.search && !isBack && main.matches('.room')) url.searchParams.set('in', main.dataset.room);
  const waiting = setTimeout(() => main.setAttribute('aria-busy', 'true'), PATIENCE);
  const stop = () => { clearTimeout(waiting); main.removeAttribute('aria-busy'); };
  try {
    const page = await ask(url, isBack ? find(history.state?.entry) : null, signal);
    if (signal.aborted) return;
    if (!page) return leave(url, isBack);
    show(page, { isBack, isAgain: !isBack && page.address === address(location) });
    // Who pressed an entry of the sidebar, or goes back, has the sidebar where they want it.
    if (!isBack && !isPressed) document.querySelector('.sidebar [aria-current]')?.scrollIntoView({ block: 'nearest' });
  } catch (error) {
    // Somebody went somewhere else meanwhile, and the browser says so or the page does.
    if (signal.aborted) return;
    console.warn(error);
    leave(url, isBack);
  } finally {
    stop();
  }
}

// Goes there as without scripts.
function leave(url, isBack) {
  if (isBack) location.reload();
  else location.assign(url);
}

// The page, if it can stand here: { address, hash, main, head }.
async function ask(url, place, signal) {
  const answer = await fresh(url) ?? await taken(url, signal);
  const page = answer && await read(answer);
  if (!page) return null;
  page.hash = url.hash;
  // Who comes back to older messages than the page holds finds them: the address is the same, the stretch is another one.
  const [seq] = Array.isArray(place) ? place : [];
  if (seq && page.main.matches('.room') && !page.main.querySelector(`#m${seq}`)) {
    const around = new URL(`/rooms/${page.main.dataset.room}?around=${seq}`, location.origin);
    const older = await read(await taken(around, signal));
    if (older) page.main = older.main;
  }
  return page;
}

// The script that runs in a page, under its hash.
const app = (page) => page.querySelector('head script[type=module]')?.getAttribute('src');

async function read({ url, html }) {
  const page = new DOMParser().parseFromString(html, 'text/html');
  const main = page.querySelector('main#content');
  const isMine = page.querySelector('.app')?.dataset.myId === document.querySelector('.app').dataset.myId;
  // Other files than those that run here: the program is a newer one.
  const isSame = app(page) === app(document);
  if (!main || !isMine || !isSame) return null;
  // Words for browsers without scripts, which a parser without scripts takes for words of the page.
  for (const node of main.querySelectorAll('noscript')) node.remove();
  const current = page.querySelector('.sidebar [aria-current]')?.getAttribute('href');
  const online = [...page.querySelectorAll('.sidebar [data-person]')].map((node) => ({ user: node.dataset.person, online: !!node.querySelector('.dot--on') }));
  return { address: address(new URL(url)), title: page.title, current, online, main };
}

function show(page, { isBack, isAgain }) {
  // A reload that comes back to an older stretch has nothing of its own to remember.
  if (!isBack || entry !== history.state?.entry) remember();
  if (!isBack) {
    if (!isAgain) entry = newEntry();
    const state = { entry };
    const to = page.address + page.hash;
    if (isAgain) history.replaceState(state, '', to); else history.pushState(state, '', to);
  }
  entry = history.state?.entry;
  shown = page.address;
  // The same page anew begins as every first visit does.
  if (isAgain) for (const name of [entry, `room:${page.main.dataset.room}`]) keep(name, null);
  const old = document.querySelector('main');
  const next = document.adoptNode(page.main);
  const palette = document.querySelector('dialog[open]');
  open(next, () => {
    naming(page.title);
    mark(page.current);
    // An entry that came while the page was open knows only of who came and went since.
    page.online.forEach(cameOrWent);
    old.replaceWith(next);
  });
  const place = find(entry);
  if (typeof place === 'number') next.scrollTop = place;
  // What is open over the page has the focus.
  if (!palette && !next.contains(document.activeElement)) focusIn(next);
  announce(page.title.replace(/ · Parlor$/, ''));
}

function focusIn(main) {
  const wanted = main.querySelector('[autofocus]:not([popover] *)') ?? main.querySelector('#log') ?? main.querySelector('h1') ?? main;
  if (wanted.tabIndex < 0) wanted.tabIndex = -1;
  wanted.focus({ preventScroll: true });
}

// Says in the sidebar which page is open.
function mark(current) {
  for (const link of document.querySelectorAll('.sidebar a[href]')) {
    if (link.getAttribute('href') === current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

// Where one is on the page that is about to go.
function remember() {
  const room = document.querySelector('main.room')?.dataset.room;
  const place = placeNow();
  if (entry) keep(entry, place);
  if (room) keep(`room:${room}`, place === 'end' ? null : place);
}

// Whether a click on a link is for the page that it leads to, here and now.
function isPlain(event, link) {
  const { target, protocol, origin, pathname, search, hash } = link;
  return !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
    && (!target || target === '_self') && !link.hasAttribute('download') && !/\bexternal\b/.test(link.rel)
    && protocol.startsWith('http') && origin === location.origin && !/^\/(static|files|uploads|api)\//.test(pathname)
    // A place on this page is the browser's to find.
    && !(hash && address({ pathname, search }) === address(location));
}

const newEntry = () => `${Date.now()}-${Math.random()}`;

// From here on links are followed here. `named` is told what each page is called.
export function start(named) {
  naming = named;
  history.scrollRestoration = 'manual';
  entry = history.state?.entry ?? newEntry();
  if (!history.state?.entry) history.replaceState({ ...history.state, entry }, '');
  // Without scripts the link says where one is; here `visit` does, as the room may be another one by then.
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
  // Reloaded among older messages than the page holds.
  const [seq] = [find(entry)].flat();
  if (typeof seq === 'number' && document.querySelector('main.room') && !document.getElementById(`m${seq}`)) visit(location.href, { isBack: true });
}
