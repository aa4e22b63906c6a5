// Desktop notifications while a tab is open: permission is asked for only on a click, one tab shows each notification, and not for a room in view.
import { isPushed, turnOn, withdraw } from '#js/core/push.js';
import { isQuiet } from '#js/core/quiet.js';
import { playSound } from '#js/core/sound.js';
import { names } from '#js/files/describe.js';
import { createElement, button } from '#js/core/dom.js';
import { shown } from '#js/people/names.js';
import { visit } from '#js/core/visit.js';

const DISMISSED = 'notifications:dismissed';
// How long a tab claims a message, so that other tabs do not show it; in milliseconds.
const HELD = 5_000;

export class Notifications {
  #sidebar; #me; #here; #letGo;

  constructor(sidebar, me) {
    this.#sidebar = sidebar;
    this.#me = me;
    sidebar.addEventListener('heard', ({ detail }) => this.#heard(detail));
    for (const name of ['focus', 'blur', 'pageshow']) addEventListener(name, () => this.#look());
    document.addEventListener('visibilitychange', () => this.#look());
    this.#offer();
  }

  // Navigation to a room's page or another page.
  open(main, room) {
    this.#letGo?.();
    this.#letGo = null;
    this.#here = room;
    this.#look();
    // Buttons elsewhere on the page.
    for (const asker of main.querySelectorAll('[data-notifications]')) {
      asker.hidden = !('Notification' in window) || Notification.permission !== 'default';
      asker.addEventListener('click', async () => { await turnOn(this.#me); asker.hidden = true; });
    }
  }

  // An offer in the sidebar, until the person accepts or declines.
  #offer() {
    if (!('Notification' in window) || Notification.permission !== 'default' || localStorage.getItem(DISMISSED)) return;
    const bar = createElement('div', 'offer');
    const end = () => { bar.remove(); localStorage.setItem(DISMISSED, '1'); };
    bar.append(
      createElement('p', '', 'Get notified when someone messages or mentions you?'),
      button('Turn on', async () => { await turnOn(this.#me); end(); }),
      button('Not now', end),
    );
    document.querySelector('.sidebar .me')?.before(bar);
    // It takes its space from the list above.
    document.querySelector('.sidebar [aria-current]')?.scrollIntoView({ block: 'nearest' });
  }

  async #heard({ room, message, isToMe, hasKeyword, level }) {
    if (level === 'muted' || (level === 'mentions' && !isToMe && !hasKeyword)) return;
    if (!('Notification' in window) || Notification.permission !== 'granted') return;
    if (!navigator.locks) { if (!await isQuiet()) this.#show(room, message); return; }
    const { held } = await navigator.locks.query();
    // No notification if the room is in view, in this tab or another.
    if (held.some(({ name }) => name === looking(room))) return;
    if (await isQuiet()) return;
    await navigator.locks.request(`parlor:told:${room}#${message.seq}`, { ifAvailable: true }, (lock) => {
      if (!lock) return undefined;
      this.#show(room, message);
      return new Promise((resolve) => setTimeout(resolve, HELD));
    });
  }

  #show(room, { seq, author, html, attachments }) {
    playSound();
    // The worker shows it.
    if (isPushed()) return;
    const words = new DOMParser().parseFromString(html, 'text/html').body.textContent.trim() || names(attachments);
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

  // While a room is in view, this tab holds a lock with its name, which the other tabs see.
  #look() {
    const isLooking = this.#here && document.visibilityState === 'visible' && document.hasFocus();
    if (!isLooking) { this.#letGo?.(); this.#letGo = null; return; }
    withdraw(this.#here);
    if (this.#letGo || !navigator.locks) return;
    const until = new Promise((resolve) => { this.#letGo = resolve; });
    navigator.locks.request(looking(this.#here), { mode: 'shared' }, () => until);
  }
}

const looking = (room) => `parlor:looking:${room}`;
