// The column beside a room's log, in windows wide enough for it: members, pins or a thread. This module knows which one is wanted, and opens
// and closes it; `room/column-view.js` owns its content. In narrow windows the same links lead to pages.
import { onPage, placeNow } from '#js/core/page.js';
import { keep } from '#js/core/scroll-history.js';
import { visit } from '#js/core/visit.js';

// As in `css/column.css`.
const wide = matchMedia('(width >= 80rem)');
const frame = document.querySelector('.app');
const PATH = /^\/rooms\/([^/]+)\/(?:(members|pins)|(\d+)\/thread)$/;

// The open room's page, and where the focus returns when the column closes.
let page = null;
let opener = null;
let loading = null;

onPage((main, signal) => {
  page = main.matches('.room') ? { main, signal, room: main.dataset.room } : null;
  follow();
  main.addEventListener('click', pressed);
  main.addEventListener('thread', ({ detail: seq }) => {
    if (wide.matches) open(`thread/${seq}`, main.querySelector(`#m${seq}`));
    else visit(`/rooms/${page.room}/${seq}/thread`);
  });
});
wide.addEventListener('change', () => follow());

// Brings the column in line with what is wanted beside this page. `first.js` knows that, and reserves its width.
function follow({ isAsked = false } = {}) {
  const wanted = globalThis.columnOf(page?.main);
  const at = page;
  for (const link of page?.main.querySelectorAll('.head .about a') ?? []) {
    const kind = kindOf(link);
    if (kind && wide.matches) link.ariaExpanded = String(kind === wanted);
    else link.ariaExpanded = null;
  }
  const isOpen = wanted && wide.matches;
  if (!isOpen && !loading) return;
  loading ??= import('#js/room/column-view.js').then(({ ColumnView }) => new ColumnView(frame, close));
  loading.then((view) => { if (at === page) view.show(isOpen ? wanted : '', page, isAsked); }).catch((error) => {
    console.warn(error);
    loading = null;
    frame.removeAttribute('data-column');
  });
}

// What a link of this room shows in the column: `members`, `pins` or `thread/SEQ`.
function kindOf({ pathname, search, hash }) {
  const [, room, list, seq] = PATH.exec(pathname) ?? [];
  if (!page || search || hash || room !== encodeURIComponent(page.room)) return null;
  return list ?? `thread/${seq}`;
}

function pressed(event) {
  const link = event.target.closest('a[href]');
  const kind = link && wide.matches && kindOf(link);
  if (!kind || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.ariaExpanded === 'true') close(); else open(kind, link);
}

function open(wanted, from) {
  opener = from;
  const [list, seq] = wanted.split('/');
  keep(`thread:${page.room}`, seq);
  if (!seq) set(list);
  still(() => follow({ isAsked: true }));
}

function close() {
  if (!page) return;
  const was = globalThis.columnOf(page.main);
  keep(`thread:${page.room}`, null);
  set(null);
  still(() => follow());
  const { main } = page;
  const by = { members: '.people a', pins: '.pins:not([hidden])' }[was] ?? `#m${was.split('/')[1]}`;
  const to = [opener?.isConnected && opener, main.querySelector(by), main.querySelector('#composer textarea'), main.querySelector('#log')].find(Boolean);
  to.focus({ preventScroll: true });
}

function set(list) {
  try { if (list) localStorage.setItem('column', list); else localStorage.removeItem('column'); } catch { /* Then it is as it was. */ }
}

// The log becomes wider or narrower and its lines wrap differently: the message being read stays in place.
function still(change) {
  const { main } = page;
  const was = placeNow();
  change();
  const node = Array.isArray(was) && main.querySelector(`#m${was[0]}`);
  const log = main.querySelector('#log');
  if (node) log.scrollTop += node.getBoundingClientRect().top - log.getBoundingClientRect().top - was[1];
}
