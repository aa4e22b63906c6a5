// The list of a room's members: presence is fetched again after somebody came or went.
import { fetchJson } from '#js/core/fetch-json.js';
import { cameOrWent } from '#js/people/names.js';
import { onPage } from '#js/core/page.js';
import { leaveRoom, leaveSettled } from '#js/core/joined-rooms.js';
import { connection, sidebar } from '#js/core/session.js';

// How long after a change the list is fetched: people who change pages come and go at once. In milliseconds.
const SETTLE = 1_500;
// How often it is fetched without a change, while the page is visible.
const OFTEN = 60_000;

onPage((main, signal) => {
  const list = main.querySelector('#members');
  if (!list) return;
  const room = list.dataset.of;
  const channel = connection.in(room, signal);
  let due;

  async function look() {
    const answer = await fetchJson(`/rooms/${encodeURIComponent(room)}/members${location.search}`);
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
    // Only members may join the room; for others the list stays as it was.
    if (list.dataset.live === 'true') leaveSettled(room).then(() => { if (!signal.aborted) channel.ask('join'); });
    soon();
  }

  channel.addEventListener('up', listen);
  if (channel.isUp) listen();
  channel.on('presence', soon);
  // A joined connection gets the room's messages instead of its activity: the sidebar must count them too.
  channel.on('message', (message) => sidebar.heard(room, message));
  const looking = setInterval(() => { if (!document.hidden) soon(); }, OFTEN);
  signal.addEventListener('abort', () => {
    clearInterval(looking);
    clearTimeout(due);
    if (list.dataset.live === 'true') leaveRoom(room, signal.reason);
  });
});
