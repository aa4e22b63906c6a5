// What stands around every page of somebody who is signed in and is not its content: the palette, the keys, the drawer, leaving, and
// posts that wait for rooms which are not open.
import { announce } from '#js/announce.js';
import { Drawer } from '#js/drawer.js';
import { drop } from '#js/kept.js';
import { Keys } from '#js/keys.js';
import { Leaving } from '#js/leaving.js';
import { LogKeys } from '#js/log-keys.js';
import { flushElsewhere } from '#js/outbox.js';
import { Palette } from '#js/palette.js';
import { Recent, commands } from '#js/palette-sources.js';
import { connection, me, sidebar } from '#js/shell.js';
import { toggle } from '#js/theme.js';
import { watch } from '#js/watch.js';

const room = document.querySelector('main.room');
const here = room?.dataset.room;
const recent = new Recent(me);
if (here) recent.visited(here);

async function readAll() {
  const waiting = [];
  await watch(connection, (rows) => waiting.push(...rows.filter(({ unread }) => unread)));
  for (const { room, head } of waiting) {
    const answer = await connection.ask('read', { room, seq: head.seq });
    if (answer.ok) sidebar.count(room, answer);
  }
  announce(waiting.length ? 'All caught up' : 'Nothing unread', { isShown: true });
}

const drawer = new Drawer();
const palette = new Palette({ recent, here, commands: commands({ keys: () => keys.show(), theme: toggle, readAll }) });
const keys = new Keys({ palette, log: room && new LogKeys(room) });
new Leaving(me);

for (const button of document.querySelectorAll('[data-open=palette]')) {
  button.hidden = false;
  button.querySelector('kbd').textContent = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘ K' : 'Ctrl K';
  button.addEventListener('click', () => { drawer.close(); palette.toggle(); });
}
for (const link of document.querySelectorAll('[data-open=keys]')) {
  link.addEventListener('click', (event) => { event.preventDefault(); link.closest('dialog')?.close(); drawer.close(); keys.show(); });
}
connection.addEventListener('up', () => flushElsewhere(me, connection, here));
connection.on('removed', ({ room: lost }) => drop(me, lost));
