// The list of all rooms: joining a room leaves the person in the list.
import { announce } from '#js/core/announce.js';
import { createElement } from '#js/core/dom.js';

const count = (number) => `${number} ${number === 1 ? 'member' : 'members'}`;

async function join(form) {
  if (form.ariaBusy === 'true') return;
  form.ariaBusy = 'true';
  const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(), headers: { accept: 'application/json' }, redirect: 'manual' }).catch(() => null);
  form.ariaBusy = 'false';
  // The button's form leads into the room; here that is not needed.
  if (answer?.type !== 'opaqueredirect') {
    const told = await answer?.json().catch(() => null);
    announce(told?.error?.message ?? 'No connection. Try again.', { isShown: true });
    return;
  }
  const item = form.closest('li');
  const room = item.querySelector('div > a');
  const open = createElement('a', 'quiet door-to', 'Open');
  open.href = room.href;
  open.ariaLabel = `Open ${room.textContent}`;
  const hadFocus = form.contains(document.activeElement);
  form.replaceWith(open);
  if (hadFocus) open.focus();
  const members = item.querySelector('[data-members]');
  members.textContent = count(members.dataset.members = Number(members.dataset.members) + 1);
  announce(`You joined ${room.textContent}`, { isShown: true });
}

// In the capture phase: before other submit handlers.
document.addEventListener('submit', (event) => {
  if (!event.target.matches('.rows .door-to')) return;
  event.preventDefault();
  join(event.target);
}, true);
