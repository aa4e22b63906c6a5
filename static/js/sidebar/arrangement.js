// How a person arranges their sidebar: favorite rooms and collapsed sections. Each control is a form that works without scripts; here it is
// sent in the background and shown at once, and the person's other windows hear of it. Long lists show a page of rooms at a time.
import { announce } from '#js/core/announce.js';
import { isAfter } from '#js/sidebar/room-order.js';
import { connection, sidebar as rooms } from '#js/core/session.js';
import { visit } from '#js/core/visit.js';

const sidebar = document.querySelector('.sidebar');

async function send(form, name, value) {
  const body = new URLSearchParams(new FormData(form));
  body.set(name, value);
  const answer = await fetch(form.action, { method: 'POST', body, headers: { accept: 'application/json' } }).catch(() => null);
  if (answer?.ok) return true;
  const told = await answer?.json().catch(() => null);
  announce(told?.error?.message ?? 'No connection. Try again.', { isShown: true });
  return false;
}

function close(section, isClosed) {
  const list = sidebar.querySelector(`[data-section="${CSS.escape(section)}"]`);
  const press = list?.querySelector('.list-head [name=closed]');
  if (!press) return;
  list.toggleAttribute('data-closed', isClosed);
  press.ariaExpanded = String(!isClosed);
  press.value = String(!isClosed);
}

async function section(form, press) {
  const name = form.elements.section.value;
  const isClosed = press.value === 'true';
  close(name, isClosed);
  if (!await send(form, 'closed', isClosed)) close(name, !isClosed);
}

// Moves a room's entry to its section.
function move(room, on) {
  rooms.list(room);
  const entry = sidebar.querySelector(`a[data-room="${CSS.escape(room)}"]`);
  const item = entry?.closest('li');
  const list = sidebar.querySelector(`[data-list=${on ? 'favorites' : entry?.querySelector('.portrait') ? 'directs' : 'rooms'}]`);
  if (!item || item.parentElement === list) return;
  list.insertBefore(item, [...list.children].find((other) => isAfter(other, item)) ?? null);
  const favorites = sidebar.querySelector('[data-list=favorites]');
  favorites.closest('.list').hidden = !favorites.children.length;
}

// Shows whether a room is a favorite, in its header and in the sidebar.
function favored(room, on) {
  const text = on ? 'Remove from favorites' : 'Add to favorites';
  for (const press of document.querySelectorAll(`main[data-room="${CSS.escape(room)}"] .head [name=on]:not(.hide)`)) {
    press.value = String(!on);
    if (press.matches('.favorite-too')) press.textContent = text;
    else { press.ariaPressed = String(on); press.title = text; }
  }
  move(room, on);
}

async function favorite(press) {
  const form = press.form;
  const on = press.value === 'true';
  const action = press.getAttribute('formaction') ?? form.getAttribute('action');
  const body = new URLSearchParams({ on });
  const answer = await fetch(action, { method: 'POST', body, headers: { accept: 'application/json' } }).catch(() => null);
  if (!answer?.ok) {
    const told = await answer?.json().catch(() => null);
    announce(told?.error?.message ?? 'No connection. Try again.', { isShown: true });
    return;
  }
  const room = action.split('/')[2];
  favored(room, on);
  sidebar.querySelector(`a[data-room="${CSS.escape(room)}"]`)?.scrollIntoView({ block: 'nearest' });
  announce(on ? 'Added to favorites' : 'Removed from favorites', { isShown: true });
}

// Hides a conversation: the server informs every window.
async function hide(press) {
  const answer = await fetch(press.formAction, { method: 'POST', body: new URLSearchParams({ on: 'true' }), headers: { accept: 'application/json' } }).catch(() => null);
  if (!answer?.ok) {
    const told = await answer?.json().catch(() => null);
    return announce(told?.error?.message ?? 'No connection. Try again.', { isShown: true });
  }
  announce('Conversation hidden until someone writes', { isShown: true });
  visit('/direct');
}

// In the capture phase: before other submit handlers.
document.addEventListener('submit', (event) => {
  const press = event.submitter;
  if (press?.matches('.list-head button')) { event.preventDefault(); section(event.target, press); }
  else if (press?.matches('.head .hide')) { event.preventDefault(); event.stopPropagation(); press.closest('details')?.removeAttribute('open'); hide(press); }
  else if (press?.matches('.head [name=on]')) { event.preventDefault(); event.stopPropagation(); press.closest('details')?.removeAttribute('open'); favorite(press); }
}, true);

// Events since the connection opened are newer than the arrangement from the server.
const told = new Set();
connection.addEventListener('up', () => told.clear());
connection.on('favorite', ({ room, favorite: on }) => { told.add(`room:${room}`); favored(room, on); });
connection.on('section', ({ section, closed }) => { told.add(`section:${section}`); close(section, closed); });
rooms.addEventListener('arranged', ({ detail: { favorites, closed } }) => {
  const listed = [...sidebar.querySelectorAll('[data-list=favorites] a[data-room]')].map(({ dataset }) => dataset.room);
  const changed = [...listed.filter((room) => !favorites.includes(room)), ...favorites.filter((room) => !listed.includes(room))];
  for (const room of changed) if (!told.has(`room:${room}`)) favored(room, favorites.includes(room));
  for (const { dataset } of sidebar.querySelectorAll('[data-section]')) if (!told.has(`section:${dataset.section}`)) close(dataset.section, closed.includes(dataset.section));
});

// Until all rooms are known, the link leads to a page of them, as without scripts.
sidebar.addEventListener('click', (event) => {
  if (!event.target.closest('.more a') || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const listed = rooms.more();
  if (!listed.length) return;
  event.preventDefault();
  announce(`${listed.length} more ${listed.length === 1 ? 'room' : 'rooms'}`);
  if (event.target.closest('.more').hidden) sidebar.querySelector(`a[data-room="${CSS.escape(listed[0])}"]`)?.focus();
});
