// The list of a room's members, live while it is open: who is there, by asking again when somebody came or went.
import { askFor } from '#js/get.js';
import { cameOrWent } from '#js/people-live.js';
import { onPage } from '#js/page.js';
import { leave, settled } from '#js/seats.js';
import { connection, sidebar } from '#js/shell.js';

// How long after a change the list is asked for: those who change pages come and go at once. In milliseconds.
const SETTLE = 1_500;
// How often without one, while somebody looks.
const OFTEN = 60_000;

onPage((main, signal) => {
  const list = main.querySelector('#members');
  if (!list) return;
  const room = list.dataset.of;
  const line = connection.in(room, signal);
  let due;

  async function look() {
    const answer = await askFor(`/rooms/${encodeURIComponent(room)}/members${location.search}`);
    if (signal.aborted) return;
    for (const { person, online } of answer?.members ?? []) {
      cameOrWent({ user: person.username, online });
      const said = list.querySelector(`[data-name-of="${CSS.escape(person.username)}"]`)?.parentElement.querySelector('[data-said]');
      if (said) said.textContent = online ? ', online' : '';
    }
  }

  function soon() {
    clearTimeout(due);
    if (!signal.aborted) due = setTimeout(look, SETTLE);
  }

  function listen() {
    // Only who belongs to the room may listen in it; others see how it was when they looked.
    if (list.dataset.live === 'true') settled(room).then(() => { if (!signal.aborted) line.ask('join'); });
    soon();
  }

  line.addEventListener('up', listen);
  if (line.isUp) listen();
  line.on('presence', soon);
  // Who is live in a room hears its messages, not its activity: the sidebar counts them all the same.
  line.on('message', (message) => sidebar.heard(room, message));
  const looking = setInterval(() => { if (!document.hidden) soon(); }, OFTEN);
  signal.addEventListener('abort', () => {
    clearInterval(looking);
    clearTimeout(due);
    if (list.dataset.live === 'true') leave(room, signal.reason);
  });
});
