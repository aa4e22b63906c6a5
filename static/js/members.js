// The list of a room's members, live while it is open: who is there, by asking again when somebody came or went.
import { askFor } from '#js/get.js';
import { cameOrWent } from '#js/people-live.js';
import { connection, sidebar } from '#js/shell.js';

// How long after a change the list is asked for: those who change pages come and go at once. In milliseconds.
const SETTLE = 1_500;
// How often without one, while somebody looks.
const OFTEN = 60_000;

const list = document.querySelector('#members');
const room = list.dataset.of;
const line = connection.in(room);
let due;

async function look() {
  const answer = await askFor(`/rooms/${encodeURIComponent(room)}/members${location.search}`);
  for (const { person, online } of answer?.members ?? []) {
    cameOrWent({ user: person.username, online });
    const said = list.querySelector(`[data-name-of="${CSS.escape(person.username)}"]`)?.parentElement.querySelector('[data-said]');
    if (said) said.textContent = online ? ', online' : '';
  }
}

function soon() {
  clearTimeout(due);
  due = setTimeout(look, SETTLE);
}

connection.addEventListener('up', () => {
  // Only who belongs to the room may listen in it; others see how it was when they looked.
  if (list.dataset.live === 'true') line.ask('join');
  soon();
});
line.on('presence', soon);
// Who is live in a room hears its messages, not its activity: the sidebar counts them all the same.
line.on('message', (message) => sidebar.heard(room, message));
setInterval(() => { if (!document.hidden) soon(); }, OFTEN);
