// Completion: a list above the composer for the word at the caret. It handles no key while it is closed.
import { isCode, part, replace } from '#js/room/composer/text.js';
import { sources } from '#js/room/composer/completion-sources.js';
import { used } from '#js/emoji/emoji.js';

// A word with a sign, at the end of the text before the caret. Chinese, Japanese and Korean input methods produce full-width signs.
const WORD = /([@#:/＠＃：])([\p{L}\p{M}\p{N}._+-]*)$/u;
const PLAIN = { '＠': '@', '＃': '#', '：': ':' };

export class Completion {
  #field; #sources; #list; #said;
  #options = []; #at = 0; #from = -1; #closedAt = -1; #turn = 0;
  // The search that is running: the list shows results for older text.
  #looking = null;

  constructor(field, room) {
    this.#field = field;
    this.#sources = sources(room);
    this.#list = part(field.form, 'completions');
    this.#said = part(field.form, 'completions-said');
    field.setAttribute('aria-autocomplete', 'list');
    field.setAttribute('aria-haspopup', 'listbox');
    field.setAttribute('aria-controls', this.#list.id);
    field.addEventListener('input', () => this.#look());
    // Some input methods end a composition without an input event.
    field.addEventListener('compositionend', () => this.#look());
    field.addEventListener('click', () => this.#look());
    field.addEventListener('keyup', ({ key }) => { if (['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(key)) this.#look(); });
    field.addEventListener('blur', () => this.close());
    // The field keeps the focus when the list is clicked.
    this.#list.addEventListener('pointerdown', (event) => event.preventDefault());
    this.#list.addEventListener('click', ({ target }) => {
      const option = target.closest('[role=option]');
      if (option) this.#accept(Number(option.dataset.at));
    });
  }

  get isOpen() { return this.#options.length > 0; }

  // Handles a key meant for the list, and returns whether it was one.
  takes(event) {
    // 229 means that the input method handles the key.
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return false;
    if (!this.isOpen) return false;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) this.#select((this.#at + move + this.#options.length) % this.#options.length);
    else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey) this.#take();
    else if (event.key === 'Escape') { this.#closedAt = this.#from; this.close(); }
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  // Accepts an option; if the text has changed, the best match for the present text.
  async #take() {
    const turn = this.#turn;
    if (this.#looking) await this.#looking;
    if (this.isOpen && turn === this.#turn) this.#accept(this.#at);
  }

  close() {
    this.#turn += 1;
    this.#looking = null;
    if (!this.isOpen) return;
    this.#options = [];
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#said.textContent = '';
    this.#field.removeAttribute('aria-activedescendant');
  }

  #look() {
    const { selectionStart, selectionEnd, value } = this.#field;
    const before = value.slice(Math.max(0, selectionStart - 80), selectionStart);
    const found = selectionStart === selectionEnd && before.match(WORD);
    const [word, sign, typed] = found && begins(before.slice(0, found.index), PLAIN[found[1]] ?? found[1]) ? found : [];
    const from = selectionStart - (word?.length ?? 0);
    // A command is the first word of all.
    const source = sign === '/' && from > 0 ? undefined : this.#sources[PLAIN[sign] ?? sign];
    // A list closed with Escape stays closed until another word begins.
    if (!source || typed.length < source.least || from === this.#closedAt || isCode(value, from)) {
      if (!source) this.#closedAt = -1;
      return this.close();
    }
    const turn = this.#turn += 1;
    this.#looking = source.find(typed).catch(() => []).then((options) => {
      if (turn !== this.#turn) return;
      this.#looking = null;
      // A complete name needs no completion; an emoji's name is complete with its last colon.
      if (!options.length || (options.length === 1 && options[0].key === typed && !options[0].sign)) return this.close();
      this.#from = from;
      this.#show(options, source.name);
    });
  }

  #show(options, name) {
    this.#options = options;
    this.#list.ariaLabel = name;
    this.#list.replaceChildren(...options.map((option, at) => {
      const node = document.createElement('li');
      node.id = `${this.#list.id}-${at}`;
      node.role = 'option';
      node.dataset.at = at;
      const parts = [['sign', option.sign], ['label', option.label], ['detail', option.detail]].filter(([, text]) => text);
      node.append(...parts.map(([part, text]) => Object.assign(document.createElement('span'), { className: part, textContent: text })));
      return node;
    }));
    this.#list.hidden = false;
    this.#said.textContent = options.length === 1 ? '1 suggestion' : `${options.length} suggestions`;
    this.#select(0);
  }

  #select(at) {
    this.#at = at;
    for (const node of this.#list.children) node.ariaSelected = String(Number(node.dataset.at) === at);
    this.#field.setAttribute('aria-activedescendant', `${this.#list.id}-${at}`);
    this.#list.children[at].scrollIntoView({ block: 'nearest' });
  }

  #accept(at) {
    const { text, sign } = this.#options[at];
    if (sign) used(sign);
    const { selectionStart, value } = this.#field;
    // An existing space is enough.
    const put = value[selectionStart] === ' ' ? text.trimEnd() : text;
    this.close();
    replace(this.#field, this.#from, selectionStart, put);
    this.close();
  }
}

// Whether a word with a sign may begin after `before`, as on the server (`src/chat/markdown/words.rs`).
export function begins(before, sign) {
  const last = [...before.slice(-2)].at(-1);
  if (!last) return true;
  if (isJoined(last) || sign === '/') return false;
  if (sign === ':') return last !== ':' && last !== '：';
  if ('@＠#＃'.includes(last)) return false;
  if (last !== '/' && last !== '.') return true;
  // Not in a path or a host, but in a list of names.
  const first = before.slice(-80).split(/\s/).at(-1).split('/')[0].replace(/^[([{"'*_]+/, '');
  if (/^[@＠#＃]/.test(first)) return true;
  const [host, next = ''] = first.split('.');
  return sign === '@' && !before.includes('://') && !(isJoined([...host].at(-1) ?? '') && isJoined([...next][0] ?? ''));
}

// Chinese, Japanese and Korean put no space around a name.
const isJoined = (letter) => letter === '_' || (letter < '\u2E80' && /^[\p{L}\p{N}]/u.test(letter));
