// The entries of the sidebar as elements: bold with a count if unread, highlighted if the person is mentioned.
import { createElement, icon } from '#js/core/dom.js';
import { participants, show } from '#js/people/names.js';

// How many conversations are listed; beyond that only unread ones.
const CONVERSATIONS = 20;
// The same for rooms: how many at first, how many more on demand, and how many appear by themselves at most.
const ROOMS = 50;
const MORE = 50;
const MOST = 200;

const order = new Intl.Collator(undefined, { sensitivity: 'base' });

export class Entries {
  #sidebar = document.querySelector('.sidebar');
  // The open room.
  here = null;
  // How many more rooms were requested.
  #asked = 0;

  // The rooms in the page's markup.
  rooms() { return [...this.#sidebar.querySelectorAll('a[data-room]')].map((entry) => entry.dataset.room); }

  show(row, level) {
    const entry = this.#find(row.room) ?? (this.#isFull(row) ? null : this.#add(row));
    if (!entry) return;
    const isQuiet = level === 'muted';
    entry.classList.toggle('unread', row.unread > 0 && !isQuiet);
    entry.classList.toggle('muted', isQuiet);
    const name = entry.querySelector('.name');
    if (name && !isDirect(row)) {
      name.textContent = row.name;
      const isPrivate = row.visibility === 'private';
      sign(entry.querySelector('.hash'), row, isPrivate);
      if (!isPrivate) entry.querySelector('.private')?.remove();
      else if (!entry.querySelector('.private')) name.after(createElement('span', 'unseen private', ', private'));
    }
    badge(entry, isQuiet ? 0 : row.unread, isQuiet ? 0 : row.mentions);
  }

  remove(room) { this.#find(room)?.closest('li').remove(); }

  // The number of unread mentions, on the entry of their page.
  mentions(count) {
    for (const entry of this.#sidebar.querySelectorAll('a[data-mentions]')) {
      entry.classList.toggle('unread', count > 0);
      badge(entry, count, count);
    }
  }

  // Lists the next unlisted rooms by name, muted ones last, and returns their slugs.
  more(rows, isMuted) {
    const next = this.#unlisted(rows).sort((one, other) => isMuted(one) - isMuted(other) || order.compare(one.name, other.name)).slice(0, MORE);
    this.#asked += next.length;
    for (const row of next) this.#add(row);
    return next.map(({ room }) => room);
  }

  // Shows whether some rooms are not listed.
  offer(rows) {
    const isPart = this.#unlisted(rows).length > 0;
    let more = this.#sidebar.querySelector('.more');
    if (!more && isPart) {
      more = createElement('p', 'more');
      more.append(createElement('a', '', 'Show more'));
      more.firstChild.href = '/rooms?mine=yes';
      this.#sidebar.querySelector('[data-list=rooms]').after(more);
    }
    if (more) more.hidden = !isPart;
  }

  // Lists a room at its place in the order.
  list(row) { return this.#find(row.room) ?? this.#add(row); }

  #unlisted(rows) {
    const listed = new Set(this.rooms());
    return rows.filter((row) => !isDirect(row) && !listed.has(row.room));
  }

  #list(row) { return this.#sidebar.querySelector(isDirect(row) ? '[data-list=directs]' : '[data-list=rooms]') ?? this.#sidebar.querySelector('.list ul'); }

  #isFull(row) {
    const { length } = this.#list(row)?.children ?? [];
    return (length >= (isDirect(row) ? CONVERSATIONS : ROOMS + this.#asked) && !row.unread) || length >= MOST + this.#asked;
  }

  #find(room) { return this.#sidebar.querySelector(`a[data-room="${CSS.escape(room)}"]`); }

  // Inserts a new room among the others.
  #add(row) {
    const list = this.#list(row);
    const template = document.querySelector(isDirect(row) ? '#listed-direct' : '#listed') ?? document.querySelector('#listed');
    if (!list || !template) return null;
    const item = template.content.firstElementChild.cloneNode(true);
    const entry = item.querySelector('a');
    entry.href = `/rooms/${row.room}`;
    entry.dataset.room = row.room;
    if (row.room === this.here) entry.setAttribute('aria-current', 'page');
    entry.querySelector('.name').textContent = row.name;
    entry.querySelector('.portrait')?.replaceWith(participants(row));
    if (isDirect(row)) { list.prepend(item); return entry; }
    const after = [...list.children].find((other) => order.compare(nameIn(other), row.name) > 0);
    list.insertBefore(item, after ?? null);
    list.closest('.list')?.querySelector('.none')?.remove();
    list.closest('.list')?.removeAttribute('hidden');
    return entry;
  }
}

const nameIn = (item) => item.querySelector('.name')?.textContent ?? '';

// A room's icon, or else a sign for public or private.
function sign(before, { room, icon: file }, isPrivate) {
  if (!file) {
    const next = icon(isPrivate ? 'lock' : 'hash');
    next.classList.add('hash');
    return before.replaceWith(next);
  }
  const frame = before.matches('.room-icon') ? before : createElement('span', 'hash room-icon');
  if (frame !== before) before.replaceWith(frame);
  show(frame, `/rooms/${room}/icon?v=${file}`);
}

// The count at the end of an entry, and its text for screen readers.
function badge(entry, unread, mentions) {
  entry.querySelectorAll('.count, .unseen:not(.private)').forEach((node) => node.remove());
  if (!unread) return;
  const count = createElement('span', mentions ? 'count count--to-me' : 'count', mentions ? `${cut(mentions)}` : `${cut(unread)}`);
  count.ariaHidden = 'true';
  const isList = entry.matches('[data-mentions]');
  entry.append(count, createElement('span', 'unseen', `, ${unread} unread${mentions && !isList ? `, ${mentions} ${mentions === 1 ? 'mention' : 'mentions'}` : ''}`));
}

const cut = (number) => (number > 99 ? '99+' : number);

// Direct messages are a room with its people's names.
export const isDirect = (row) => !!(row.is_direct || row.direct);
