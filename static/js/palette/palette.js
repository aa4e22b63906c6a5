// The palette: type a few letters of a room, a person or a command, and go there. A combobox: the focus stays in the field,
// and the arrow keys move the selection.
import { best } from '#js/core/fuzzy.js';
import { createElement } from '#js/core/dom.js';
import { inMessages, otherRooms, ownRooms, people } from '#js/palette/sources.js';

const MOST = 12;
// The debounce before a request, in milliseconds.
const REST = 120;

export class Palette {
  #dialog = document.querySelector('#palette');
  #field = this.#dialog.querySelector('input');
  #list = this.#dialog.querySelector('[role=listbox]');
  #none = this.#dialog.querySelector('.palette-none');
  #recent; #commands;
  #others = []; #people = []; #shown = []; #at = 0; #resting; #asked = 0;

  // The open room.
  here;

  constructor({ recent, commands }) {
    this.#recent = recent;
    this.#commands = commands;
    this.#field.addEventListener('input', () => this.#typed());
    this.#dialog.addEventListener('keydown', (event) => this.#key(event));
    this.#dialog.addEventListener('click', (event) => this.#pressed(event));
    this.#list.addEventListener('pointermove', ({ target }) => {
      const option = target.closest('[role=option]');
      if (option) this.#choose([...this.#list.children].indexOf(option));
    });
  }

  get isOpen() { return this.#dialog.open; }

  toggle() {
    if (this.isOpen) return this.#dialog.close();
    // Does not open over another dialog.
    if (document.querySelector('dialog[open]')) return;
    this.#field.value = '';
    this.#people = [];
    this.#dialog.showModal();
    this.#show();
    this.#ask();
  }

  async #ask() {
    this.#others = await otherRooms();
    if (this.isOpen) this.#show(true);
  }

  #typed() {
    this.#show();
    clearTimeout(this.#resting);
    this.#resting = setTimeout(async () => {
      const asked = ++this.#asked;
      const [found, rooms] = await Promise.all([people(this.#field.value), this.#field.value.trim() ? otherRooms(this.#field.value) : []]);
      if (asked !== this.#asked || !this.isOpen) return;
      this.#people = found;
      const known = new Set(this.#others.map(({ slug }) => slug));
      this.#others.push(...rooms.filter(({ slug }) => !known.has(slug)));
      this.#show(true);
    }, REST);
  }

  // Recent rooms first, then unread ones; not the open room.
  #rooms() {
    const own = ownRooms();
    const known = new Set(own.map(({ slug }) => slug));
    const recent = this.#recent.list();
    const rank = ({ slug, isUnread }) => (slug === this.here ? 99 : recent.includes(slug) ? recent.indexOf(slug) : isUnread ? 20 : 40);
    return [...own.sort((a, b) => rank(a) - rank(b)), ...this.#others.filter(({ slug }) => !known.has(slug))];
  }

  #show(keeps = false) {
    const typed = this.#field.value;
    const { kind, label: old } = this.#shown[this.#at] ?? {};
    // The search entry is first only until there are results.
    const chosen = keeps && (kind !== 'Search' || this.#at > 0) ? old : null;
    const rooms = this.#rooms();
    const found = typed.trim() ? best(typed, [...rooms, ...this.#people, ...this.#commands], MOST) : [...rooms.slice(0, 6), ...this.#commands].slice(0, MOST + 4);
    this.#shown = typed.trim() ? [...found, inMessages(typed.trim(), this.here)] : found;
    this.#list.replaceChildren(...this.#shown.map((entry, number) => option(entry, number)));
    this.#none.hidden = found.length > 0;
    this.#none.textContent = found.length ? '' : 'No results';
    this.#field.ariaExpanded = String(this.#shown.length > 0);
    this.#choose(Math.max(0, this.#shown.findIndex(({ label }) => label === chosen)));
  }

  #choose(number) {
    this.#list.children[this.#at]?.removeAttribute('aria-selected');
    this.#at = number;
    const option = this.#list.children[number];
    if (!option) return this.#field.removeAttribute('aria-activedescendant');
    option.ariaSelected = 'true';
    option.scrollIntoView({ block: 'nearest' });
    this.#field.setAttribute('aria-activedescendant', option.id);
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const count = this.#shown.length;
    const to = { ArrowDown: this.#at + 1, ArrowUp: this.#at - 1 + count }[event.key];
    if (to !== undefined && count) { event.preventDefault(); this.#choose(to % count); }
    if (event.key === 'Enter' && event.target === this.#field) { event.preventDefault(); this.#run(this.#at); }
  }

  #pressed(event) {
    // A click beside the palette closes it.
    if (event.target === this.#dialog) return this.#dialog.close();
    const option = event.target.closest('[role=option]');
    if (option) this.#run([...this.#list.children].indexOf(option));
  }

  #run(number) {
    const entry = this.#shown[number];
    if (!entry) return;
    this.#dialog.close();
    entry.run();
  }
}

function option({ kind, sign, hue, fill, label, detail, key, isUnread }, number) {
  const node = createElement('li', isUnread ? 'found found--unread' : 'found');
  node.role = 'option';
  node.id = `found-${number}`;
  const mark = createElement('span', hue === undefined ? 'found-sign' : `avatar avatar--s hue-${hue}`, sign);
  fill?.(mark);
  mark.ariaHidden = 'true';
  const words = createElement('span', 'found-words');
  words.append(createElement('span', 'found-label', label));
  if (detail) words.append(createElement('span', 'found-detail', detail));
  node.append(mark, words);
  if (key) {
    const keys = createElement('kbd', '', key);
    keys.ariaHidden = 'true';
    node.append(keys);
  } else node.append(createElement('span', 'found-kind', kind));
  return node;
}
