// What every page of somebody who is signed in does: one connection, the sidebar, the title, notifications. A room's page adds its own in `app.js`.
import { Connection } from '#js/connection.js';
import { Notices } from '#js/notify.js';
import { end, keepOnly, onEnd } from '#js/own.js';
import { onPage } from '#js/page.js';
import { cameOrWent, renamed } from '#js/people-live.js';
import { Sidebar } from '#js/sidebar.js';
import { fullTime, moment, onNewDay } from '#js/time.js';
import { remember } from '#js/theme.js';
import { Title } from '#js/title.js';

const frame = document.querySelector('.app');
// Who is signed in here.
export const me = {
  username: frame.dataset.me,
  name: frame.dataset.myName,
  id: Number(frame.dataset.myId),
  isAdmin: frame.dataset.admin === 'true',
  notify: frame.dataset.notify || 'mentions',
};
export const connection = new Connection();
export const title = new Title();
export const sidebar = new Sidebar(connection, me, title);
export const notices = new Notices(sidebar);

onPage((main, signal) => {
  const room = main.matches('.room') ? main.dataset.room : undefined;
  connection.moved();
  sidebar.open(room);
  notices.open(main, room);
  // Messages out of their room tell the day with the hour, as the reader has it.
  const write = () => {
    for (const time of main.querySelectorAll('.gathered time, time.moment')) {
      time.title = fullTime(time.dateTime);
      (time.querySelector('a') ?? time).textContent = moment(time.dateTime);
    }
  };
  write();
  onNewDay(write, signal);
});

// What others link opens beside the chat, but for what leads to this very server.
document.addEventListener('click', ({ target }) => {
  const link = target.closest?.('.body a[target=_blank]');
  if (link?.origin === location.origin) link.removeAttribute('target');
}, true);

// A name that is cut off is told in full to whoever points at it.
document.querySelector('.sidebar').addEventListener('pointerover', ({ target }) => {
  const name = target.closest?.('a')?.querySelector('.name');
  if (name) name.title = name.scrollWidth > name.clientWidth ? name.textContent : '';
});

connection.on('person', renamed);
connection.on('online', cameOrWent);
// Others are told by the server that one is here; one's own pages know it.
connection.addEventListener('up', () => cameOrWent({ user: me.username, online: true }));
onPage(() => { if (connection.isUp) cameOrWent({ user: me.username, online: true }); });

remember();
// Whoever was here before leaves nothing, and neither does who is here now.
keepOnly(me);
connection.onEnd = (reason) => end(me, reason);
onEnd(me, (reason) => connection.end(reason));
addEventListener('unauthenticated', () => connection.end('unauthenticated'));

connection.open();
