// The list of a room's members, live while it is open: who is there, by asking again when somebody came or went.
import { io } from '#vendor/socket.io-client/socket.io.esm.min.js';
import { cameOrWent, renamed } from '#js/people-live.js';

// How long after a change the list is asked for: those who change pages come and go at once. In milliseconds.
const SETTLE = 1_500;
// How often without one, while somebody looks.
const OFTEN = 60_000;

const list = document.querySelector('#members');
const room = list.dataset.of;
let due;

async function look() {
  const answer = await fetch(`/rooms/${encodeURIComponent(room)}/members`, { headers: { accept: 'application/json' } });
  if (!answer.ok) return;
  for (const { person, online } of (await answer.json()).members) {
    cameOrWent({ user: person.username, online });
    const said = list.querySelector(`[data-name-of="${CSS.escape(person.username)}"]`)?.parentElement.querySelector('[data-said]');
    if (said) said.textContent = online ? ', online' : '';
  }
}

function soon() {
  clearTimeout(due);
  due = setTimeout(look, SETTLE);
}

const socket = io('/chat', { transports: ['websocket'], reconnectionDelay: 500, reconnectionDelayMax: 10_000 });
socket.on('connect', () => {
  // Only who belongs to the room may listen in it; others see the list as it was when they came.
  if (list.dataset.live === 'true') socket.emit('join', { room });
  soon();
});
socket.on('presence', (data) => { if (data.room === room) soon(); });
socket.on('person', renamed);
socket.on('signed_out', () => location.assign('/login'));
setInterval(() => { if (!document.hidden) soon(); }, OFTEN);
