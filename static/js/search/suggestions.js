// Suggestions in the search field: filters, and for a filter its people, rooms and dates. The field is a combobox: the focus stays in it,
// and Enter searches unless a suggestion is selected. People and rooms come from the palette's sources.
import { best } from '#js/core/fuzzy.js';
import { createElement } from '#js/core/dom.js';
import { otherRooms, ownRooms, people } from '#js/palette/sources.js';
import { visit } from '#js/core/visit.js';

const MOST = 8;
// The debounce before a request, in milliseconds.
const REST = 120;
// The token at the caret: a filter with the beginning of its value, or the beginning of a word.
const WORD = /(?:^|\s)(-?)(?:(from|in|mentions|has|is|before|after|on|during):("[^"]*|\S*)|([a-z]*))$/iu;

const FILTERS = [
  ['from:', 'Messages from someone'], ['in:', 'In a room or conversation'], ['mentions:', 'Messages that mention someone'], ['has:link', 'With a link'], ['has:file', 'With a file'], ['has:image', 'With a picture'],
  ['is:pinned', 'Pinned messages'], ['after:', 'After a date'], ['before:', 'Before a date'], ['during:', 'On a day, or in a week or month'],
].map(([value, detail]) => ({ value, detail }));
const DATES = ['today', 'yesterday', 'this-week', 'last-week', 'this-month', 'last-month', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'].map((value) => ({ value, label: value.replace('-', ' ') }));

const me = (detail) => ({ value: 'me', label: 'Me', detail });
const person = ({ username, label }) => ({ value: username, label, detail: `@${username}` });

// People in the sidebar's conversations.
function company() {
  return [...document.querySelectorAll('.sidebar a > [data-person]')].map((face) => ({ username: face.dataset.person, label: face.parentElement.querySelector('.name').textContent }));
}

async function somebody(typed) {
  const near = company().map((one) => ({ ...one, names: [one.label, one.username] }));
  const known = typed ? best(typed, near, MOST) : near.slice(0, MOST - 1);
  const others = (await people(typed)).filter(({ username }) => known.every((one) => one.username !== username));
  return ['', 'm', 'me'].includes(typed.toLowerCase()) ? [me(), ...known.map(person), ...others.map(person)] : [...known, ...others].map(person);
}

async function somewhere(typed) {
  const own = ownRooms();
  const names = new Set(own.map(({ slug }) => slug));
  const others = (await otherRooms(typed)).filter(({ slug }) => !names.has(slug));
  return best(typed, [...own, ...others], MOST).map(({ slug, label, person }) => ({ value: person ? `@${person}` : slug, label, isGroup: slug.startsWith('dm-') && !person, detail: person ? `@${person}` : slug === label || slug.startsWith('dm-') ? '' : `#${slug}` }));
}

const among = (list, typed) => list.filter(({ value, label = value }) => [value, label].some((name) => name.toLowerCase().startsWith(typed.toLowerCase())));

// The suggestions for a filter's value, and whether they take a request.
const VALUES = {
  from: somebody, mentions: somebody, in: somewhere,
  has: (typed) => among([{ value: 'link', detail: 'With a link' }, { value: 'file', detail: 'With a file' }, { value: 'image', detail: 'With a picture' }], typed),
  is: (typed) => among([{ value: 'pinned', detail: 'Pinned messages' }], typed),
  before: (typed) => among(DATES, typed), after: (typed) => among(DATES, typed), on: (typed) => among(DATES, typed), during: (typed) => among(DATES, typed),
};

class Suggestions {
  #field; #list = createElement('ul', 'completions suggestions'); #said = createElement('div', 'unseen');
  #shown = []; #at = -1; #from = 0; #resting; #turn = 0;

  constructor(form) {
    this.#field = form.elements.q;
    this.#list.id = 'suggestions';
    this.#list.role = 'listbox';
    this.#list.ariaLabel = 'Suggestions';
    this.#list.hidden = true;
    this.#said.role = 'status';
    form.append(this.#list, this.#said);
    for (const [name, value] of Object.entries({ role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': 'suggestions' })) this.#field.setAttribute(name, value);
    this.#field.addEventListener('input', () => this.#look());
    this.#field.addEventListener('click', () => this.#look());
    this.#field.addEventListener('blur', () => this.#close());
    this.#field.addEventListener('keydown', (event) => this.#key(event));
    // The field keeps the focus when the list is clicked.
    this.#list.addEventListener('pointerdown', (event) => event.preventDefault());
    this.#list.addEventListener('click', ({ target }) => {
      const option = target.closest('[role=option]');
      if (option) this.#accept([...this.#list.children].indexOf(option));
    });
    // Continues the existing token.
    if (document.activeElement === this.#field) this.#field.setSelectionRange(this.#field.value.length, this.#field.value.length);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#close();
      visit(`/search?${new URLSearchParams(new FormData(form))}`);
    });
  }

  #look() {
    clearTimeout(this.#resting);
    const turn = ++this.#turn;
    const { selectionStart: caret, value } = this.#field;
    const [, , key, typed = '', word = ''] = value.slice(0, caret).match(WORD) ?? [];
    const isWord = key === undefined;
    const text = (isWord ? word : typed).replace(/^"/, '');
    if (isWord && !text && value.trim()) return this.#close();
    this.#from = caret - (isWord ? word : typed).length;
    if (isWord) return this.#show(text ? among(FILTERS, text).filter(({ value: filter }) => filter !== text) : FILTERS, false);
    const find = async () => {
      const found = await VALUES[key.toLowerCase()](text);
      // A complete value needs no suggestion.
      if (turn === this.#turn) this.#show(found.some((one) => one.value === text) ? [] : found, !!text);
    };
    // Values that are on the page already are shown at once.
    if (text && ['from', 'mentions', 'in'].includes(key.toLowerCase())) this.#resting = setTimeout(find, REST);
    else find();
  }

  // `isFirst`: Enter takes the first one.
  #show(found, isFirst) {
    this.#shown = found.slice(0, MOST);
    if (!this.#shown.length) return this.#close();
    this.#list.replaceChildren(...this.#shown.map(({ value, label = value, detail }, nth) => {
      const option = createElement('li', '');
      option.role = 'option';
      option.id = `suggestion-${nth}`;
      option.append(createElement('span', 'label', label), ...(detail ? [createElement('span', 'detail', detail)] : []));
      return option;
    }));
    this.#list.hidden = false;
    this.#field.ariaExpanded = 'true';
    this.#said.textContent = this.#shown.length === 1 ? '1 suggestion' : `${this.#shown.length} suggestions`;
    this.#choose(isFirst ? 0 : -1);
  }

  #close() {
    this.#turn += 1;
    clearTimeout(this.#resting);
    this.#shown = [];
    this.#list.hidden = true;
    this.#field.ariaExpanded = 'false';
    this.#said.textContent = '';
    this.#choose(-1);
  }

  #choose(number) {
    this.#at = number;
    [...this.#list.children].forEach((option, nth) => { option.ariaSelected = String(nth === number); });
    const option = this.#list.hidden ? null : this.#list.children[number];
    if (!option) return this.#field.removeAttribute('aria-activedescendant');
    option.scrollIntoView({ block: 'nearest' });
    this.#field.setAttribute('aria-activedescendant', option.id);
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
    const count = this.#shown.length;
    if (!count) {
      if (event.key !== 'ArrowDown') return;
      event.preventDefault();
      return this.#look();
    }
    if (event.key === 'ArrowDown') this.#choose((this.#at + 1) % count);
    else if (event.key === 'ArrowUp') this.#choose((this.#at <= 0 ? count : this.#at) - 1);
    else if (event.key === 'Escape') this.#close();
    else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey && this.#at >= 0) this.#accept(this.#at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #accept(number) {
    const { value, isGroup } = this.#shown[number];
    if (isGroup && !/-in:$/i.test(this.#field.value.slice(0, this.#from))) return this.#within(value);
    const isOpen = value.endsWith(':');
    const caret = this.#field.selectionStart;
    const put = isOpen || this.#field.value[caret] === ' ' ? value : `${value} `;
    this.#close();
    this.#field.setRangeText(put, this.#from, caret, 'end');
    if (isOpen) this.#look();
  }

  // A group conversation has no name to type: it becomes a chip.
  #within(slug) {
    const { value, selectionStart: caret } = this.#field;
    const before = value.slice(0, this.#from).replace(/in:$/i, '').trim();
    const words = `${before} ${value.slice(caret).trim()}`.trim();
    this.#close();
    visit(`/search?${new URLSearchParams(words ? { in: slug, q: words } : { in: slug })}`);
  }
}

export function start(form) { return new Suggestions(form); }
