// What stands around every page of somebody who is signed in and is not its content: the palette, the keys, the drawer, leaving, and
// posts that wait for rooms which are not open.
import { start as startAhead } from '#js/ahead.js';
import { announce } from '#js/announce.js';
import { Drawer } from '#js/drawer.js';
import { menu } from '#js/details-menu.js';
import { DraftSync } from '#js/drafts.js';
import { drop } from '#js/kept.js';
import { Keys } from '#js/keys.js';
import { Leaving } from '#js/leaving.js';
import { LogKeys } from '#js/log-keys.js';
import { flushElsewhere } from '#js/outbox.js';
import '#js/sidebar-arranged.js';
import { Palette } from '#js/palette.js';
import { Recent, commands } from '#js/palette-sources.js';
import { onPage, open } from '#js/page.js';
import { connection, me, sidebar, title } from '#js/shell.js';
import { toggle } from '#js/theme.js';
import { start as startVisits } from '#js/visit.js';
import { watch } from '#js/watch.js';

const recent = new Recent(me);
// The room that is open.
let here;

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
const palette = new Palette({ recent, commands: commands({ keys: () => keys.show(), theme: toggle, readAll }) });
const keys = new Keys({ palette });
const closeProfile = menu(document.querySelector('.me'));
new Leaving(me, new DraftSync(me, connection));

function bindOpeners(root) {
  for (const button of root.querySelectorAll('[data-open=palette]')) {
    button.hidden = false;
    button.querySelector('kbd').textContent = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘ K' : 'Ctrl K';
    button.addEventListener('click', () => { drawer.close(); palette.toggle(); });
  }
  for (const link of root.querySelectorAll('[data-open=keys]')) {
    link.addEventListener('click', (event) => { event.preventDefault(); link.closest('dialog')?.close(); drawer.close(); keys.show(); });
  }
}
for (const root of document.querySelectorAll('.sidebar, dialog')) bindOpeners(root);

onPage((main, signal) => {
  here = main.matches('.room') ? main.dataset.room : undefined;
  if (here) recent.visited(here);
  closeProfile();
  drawer.open(main);
  palette.here = here;
  keys.open(main, here && new LogKeys(main, signal));
  bindOpeners(main);
  const [search, picker] = [main.querySelector('.seek'), main.querySelector('form.to')];
  if (search) import('#js/search.js').then(({ start }) => start(search));
  if (picker) import('#js/picker.js').then(({ start }) => start(picker));
  // What waits in other rooms is sent, and so is what was on its way in the room that was left.
  const flush = () => flushElsewhere(me, connection, here, signal);
  connection.addEventListener('up', flush, { signal });
  if (connection.isUp) flush();
});
connection.on('removed', ({ room: lost }) => drop(me, lost));

startAhead();
startVisits((name) => title.name(name));
open(document.querySelector('main'));
