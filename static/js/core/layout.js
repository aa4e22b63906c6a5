// What surrounds the content of every signed-in page: the palette, shortcuts, the drawer, logging out, and sending posts
// of rooms that are not open.
import { start as startAhead } from '#js/core/prefetch.js';
import { announce } from '#js/core/announce.js';
import { Drawer } from '#js/sidebar/drawer.js';
import { menu } from '#js/core/details-menu.js';
import { DraftSync } from '#js/room/composer/drafts.js';
import { dropRoom } from '#js/offline/cache.js';
import { Shortcuts } from '#js/core/shortcuts.js';
import { Logout } from '#js/account/logout.js';
import { logElements } from '#js/room/log-elements.js';
import { LogKeys } from '#js/room/log-keys.js';
import { posts } from '#js/files/held-posts.js';
import { flushElsewhere } from '#js/offline/outbox.js';
import '#js/sidebar/arrangement.js';
import { Palette } from '#js/palette/palette.js';
import { RecentRooms, commands } from '#js/palette/sources.js';
import { onPage, open } from '#js/core/page.js';
import { connection, me, sidebar, title } from '#js/core/session.js';
import { toggle } from '#js/core/theme.js';
import { start as startVisits } from '#js/core/visit.js';
import { watch } from '#js/sidebar/room-list.js';

const recent = new RecentRooms(me);
// The open room.
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
const keys = new Shortcuts({ palette });
const closeProfile = menu(document.querySelector('.me'));
new Logout(me, new DraftSync(me, connection));

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
  keys.open(main, here && new LogKeys(main, logElements(main), signal));
  bindOpeners(main);
  const [search, picker] = [main.querySelector('.seek'), main.querySelector('form.to')];
  if (search) import('#js/search/suggestions.js').then(({ start }) => start(search));
  if (picker) import('#js/people/participant-picker.js').then(({ start }) => start(picker));
  // Sends posts of other rooms, and those that were in flight in the room that was left.
  const flush = () => flushElsewhere(me, connection, here, signal);
  connection.addEventListener('up', flush, { signal });
  posts.addEventListener('ready', flush, { signal });
  if (connection.isUp) flush();
});
connection.on('removed', ({ room: lost }) => dropRoom(me, lost));

startAhead();
startVisits((name) => title.name(name));
open(document.querySelector('main'));
