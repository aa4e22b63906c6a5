// What every signed-in page has: one connection, the sidebar, the title, notifications. `app.js` adds the rest.
import { Connection } from '#js/core/connection.js';
import { Notifications } from '#js/core/notifications.js';
import { endSession, dropOthers, onSessionEnd } from '#js/core/user-storage.js';
import { onPage } from '#js/core/page.js';
import { blockChanged } from '#js/people/blocked.js';
import { cameOrWent, fill, renamed } from '#js/people/names.js';
import { panel, resume } from '#js/core/push.js';
import { Sidebar } from '#js/sidebar/sidebar.js';
import { fullTime, moment, onNewDay } from '#js/core/time.js';
import { remember } from '#js/core/theme.js';
import { Title } from '#js/core/title.js';

const frame = document.querySelector('.app');
// The signed-in person.
export const me = {
  username: frame.dataset.me,
  name: frame.dataset.myName,
  id: Number(frame.dataset.myId),
  photo: frame.dataset.myPhoto,
  isAdmin: frame.dataset.admin === 'true',
  notify: frame.dataset.notify || 'mentions',
};
export const connection = new Connection();
export const title = new Title();
export const sidebar = new Sidebar(connection, me, title);
export const notices = new Notifications(sidebar, me);

onPage((main, signal) => {
  const room = main.matches('.room') ? main.dataset.room : undefined;
  connection.moved();
  sidebar.open(room);
  notices.open(main, room);
  // Messages outside of their room show the day with the time, in the reader's format.
  const write = () => {
    for (const time of main.querySelectorAll('.gathered time, time.moment')) {
      time.title = fullTime(time.dateTime);
      (time.querySelector('a') ?? time).textContent = moment(time.dateTime);
    }
  };
  write();
  onNewDay(write, signal);
});

// Links in messages open in a new tab, except those to this server.
document.addEventListener('click', ({ target }) => {
  const link = target.closest?.('.body a[target=_blank]');
  if (link?.origin === location.origin) link.removeAttribute('target');
}, true);

// A truncated name is shown in full on hover.
document.querySelector('.sidebar').addEventListener('pointerover', ({ target }) => {
  const name = target.closest?.('a')?.querySelector('.name');
  if (name) name.title = name.scrollWidth > name.clientWidth ? name.textContent : '';
});

connection.on('person', renamed);
connection.on('person', ({ username, name, photo }) => {
  if (username !== me.username) return;
  Object.assign(me, { name, photo });
  fill(document.querySelector('.me .avatar'), me);
});
connection.on('blocked', blockChanged);
connection.on('online', cameOrWent);
// The server informs other people of this person's presence; the person's own pages know it.
connection.addEventListener('up', () => cameOrWent({ user: me.username, online: true }));
onPage(() => { if (connection.isUp) cameOrWent({ user: me.username, online: true }); });

remember();
resume(me);
panel(me);
// Deletes what earlier people left in this browser, and this person's data at the end of the session.
dropOthers(me);
connection.onEnd = (reason) => endSession(me, reason);
onSessionEnd(me, (reason) => connection.end(reason));
addEventListener('unauthenticated', () => connection.end('unauthenticated'));

connection.open();
