// How somebody arranges their sidebar: favorite rooms, and sections that are closed. Each is a form that works without scripts; here it is
// sent in place, and shown at once.
import { announce } from '#js/announce.js';
import { isAfter } from '#js/rooms-order.js';

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

async function section(form, press) {
  const list = press.closest('.list');
  const close = (isClosed) => {
    list.toggleAttribute('data-closed', isClosed);
    press.ariaExpanded = String(!isClosed);
    press.value = String(!isClosed);
  };
  const isClosed = press.value === 'true';
  close(isClosed);
  if (!await send(form, 'closed', isClosed)) close(!isClosed);
}

// Moves a room's entry to its section.
function move(room, on) {
  const entry = sidebar.querySelector(`a[data-room="${CSS.escape(room)}"]`);
  const item = entry?.closest('li');
  if (!item) return;
  const list = sidebar.querySelector(`[data-list=${on ? 'favorites' : entry.querySelector('.portrait') ? 'directs' : 'rooms'}]`);
  list.insertBefore(item, [...list.children].find((other) => isAfter(other, item)) ?? null);
  const favorites = sidebar.querySelector('[data-list=favorites]');
  favorites.closest('.list').hidden = !favorites.children.length;
  entry.scrollIntoView({ block: 'nearest' });
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
  const text = on ? 'Remove from favorites' : 'Add to favorites';
  for (const other of form.closest('.head').querySelectorAll('[name=on]')) {
    other.value = String(!on);
    if (other.matches('.favorite-too')) other.textContent = text;
    else { other.ariaPressed = String(on); other.title = text; }
  }
  move(action.split('/')[2], on);
  announce(on ? 'Added to favorites' : 'Removed from favorites', { isShown: true });
}

// Before anybody else who listens for forms.
document.addEventListener('submit', (event) => {
  const press = event.submitter;
  if (press?.matches('.list-head button')) { event.preventDefault(); section(event.target, press); }
  else if (press?.matches('.head [name=on]')) { event.preventDefault(); event.stopPropagation(); press.closest('details')?.removeAttribute('open'); favorite(press); }
}, true);
