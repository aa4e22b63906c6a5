// Notifications of the desktop while a tab is open: asked for only on a click, shown in one tab, and only of what one is not looking at.
import { make, button } from '#js/make.js';
import { shown } from '#js/people-live.js';
import { visit } from '#js/visit.js';

const DISMISSED = 'notifications:dismissed';
// How long a tab keeps a message to itself, so that the other tabs leave it alone; in milliseconds.
const HELD = 5_000;

export class Notices {
  #sidebar; #here; #letGo;

  constructor(sidebar) {
    this.#sidebar = sidebar;
    sidebar.addEventListener('heard', ({ detail }) => this.#heard(detail));
    for (const name of ['focus', 'blur', 'pageshow']) addEventListener(name, () => this.#look());
    document.addEventListener('visibilitychange', () => this.#look());
    this.#offer();
  }

  // Another page is open: that of a room, or none.
  open(main, room) {
    this.#letGo?.();
    this.#letGo = null;
    this.#here = room;
    this.#look();
    // Wherever else a page has a button for it.
    for (const asker of main.querySelectorAll('[data-notifications]')) {
      asker.hidden = !('Notification' in window) || Notification.permission !== 'default';
      asker.addEventListener('click', async () => { await Notification.requestPermission(); asker.hidden = true; });
    }
  }

  // One line in the sidebar, until somebody says yes or no to it.
  #offer() {
    if (!('Notification' in window) || Notification.permission !== 'default' || localStorage.getItem(DISMISSED)) return;
    const bar = make('div', 'offer');
    const end = () => { bar.remove(); localStorage.setItem(DISMISSED, '1'); };
    bar.append(
      make('p', '', 'Get notified when someone messages or mentions you?'),
      button('Turn on', async () => { await Notification.requestPermission(); end(); }),
      button('Not now', end),
    );
    document.querySelector('.sidebar .me')?.before(bar);
    // It takes its room from the list above.
    document.querySelector('.sidebar [aria-current]')?.scrollIntoView({ block: 'nearest' });
  }

  async #heard({ room, message, isToMe, level }) {
    if (!('Notification' in window) || Notification.permission !== 'granted') return;
    if (level === 'muted' || (level === 'mentions' && !isToMe)) return;
    if (!navigator.locks) { this.#show(room, message); return; }
    const { held } = await navigator.locks.query();
    // Somebody who looks at the room, in this tab or another, needs no telling.
    if (held.some(({ name }) => name === looking(room))) return;
    await navigator.locks.request(`parlor:told:${room}#${message.seq}`, { ifAvailable: true }, (lock) => {
      if (!lock) return undefined;
      this.#show(room, message);
      return new Promise((resolve) => setTimeout(resolve, HELD));
    });
  }

  #show(room, { seq, author, html }) {
    const words = new DOMParser().parseFromString(html, 'text/html').body.textContent.trim();
    const who = this.#sidebar.isDirect(room) ? shown(author) : `${shown(author)} in ${this.#sidebar.nameOf(room)}`;
    const notice = new Notification(who, { body: words.slice(0, 200), tag: `${room}#${seq}`, icon: '/favicon.ico' });
    notice.addEventListener('click', () => {
      notice.close();
      window.focus();
      const message = room === this.#here && document.getElementById(`m${seq}`);
      if (message) message.scrollIntoView({ block: 'center' });
      else visit(`/rooms/${room}/${seq}`);
    });
  }

  // While one looks at a room, this tab holds its name, where the other tabs see it.
  #look() {
    const isLooking = this.#here && document.visibilityState === 'visible' && document.hasFocus();
    if (!isLooking) { this.#letGo?.(); this.#letGo = null; return; }
    if (this.#letGo || !navigator.locks) return;
    const until = new Promise((resolve) => { this.#letGo = resolve; });
    navigator.locks.request(looking(this.#here), { mode: 'shared' }, () => until);
  }
}

const looking = (room) => `parlor:looking:${room}`;
