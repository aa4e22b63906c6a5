// Warns before sending about mentioned people who are not in the room, and so are not notified.
import { begins } from '#js/room/composer/completion.js';
import { isCode, part } from '#js/room/composer/text.js';
import { fetchJson } from '#js/core/fetch-json.js';
import { createElement } from '#js/core/dom.js';

const NAME = /[@＠]([a-z0-9][a-z0-9._-]{0,79})/gi;
const GROUPS = new Set(['room', 'here', 'everyone', 'channel', 'all']);
// How many names of one message are looked up.
const MOST = 10;
// How long to wait for an answer, and how long an answer stays fresh, in milliseconds.
const PATIENCE = 1_500;
const FRESH = 60_000;

export class AbsentMentions {
  #field; #room;
  #note;
  // What each typed name means: a promise, then the person; null for a member and for nobody.
  #asked = new Map();
  #known = new Map();
  // The names that were warned about already: after that the message is sent.
  #said = new Set();

  constructor(field, room) {
    this.#field = field;
    this.#note = part(field.form, 'absent');
    this.#room = room;
    field.addEventListener('input', () => this.#look());
  }

  // Whether a name is unknown yet, or belongs to a non-member without a warning so far.
  mustAsk(text) {
    return names(text).some((name) => !this.#known.has(name) || (this.#known.get(name) && !this.#said.has(name)));
  }

  // Looks the names up, and returns whether the message may be sent. It may if no answer comes in time.
  async ask(text) {
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, null));
    const found = await Promise.race([Promise.all(names(text).map((name) => this.#find(name))), late]);
    const isNews = names(text).some((name) => this.#known.get(name) && !this.#said.has(name));
    if (!found || !isNews) return true;
    this.#show(text, true);
    return false;
  }

  // The message was sent: the next one is warned about again.
  forget() {
    this.#said.clear();
    this.#note.hidden = true;
    this.#note.replaceChildren();
  }

  async #look() {
    const text = this.#field.value;
    // The name at the caret may be incomplete.
    await Promise.all(names(text).filter((name) => !text.slice(0, this.#field.selectionStart).toLowerCase().endsWith(name)).map((name) => this.#find(name)));
    if (this.#field.value === text) this.#show(text, false);
  }

  #show(text, isHeld) {
    const absent = names(text).filter((name) => this.#known.get(name));
    for (const name of absent) this.#said.add(name);
    this.#note.hidden = !absent.length;
    if (!absent.length) return this.#note.replaceChildren();
    const who = new Intl.ListFormat('en').format([...new Set(absent.map((name) => this.#known.get(name)))]);
    const words = createElement('span', 'words', `${who} ${absent.length === 1 ? 'isn’t' : 'aren’t'} in this room and won’t be notified.${isHeld ? ' Send again to post it anyway.' : ''}`);
    const add = createElement('a', 'quiet', 'Add people');
    add.href = `/rooms/${this.#room}/members`;
    this.#note.replaceChildren(words, add);
  }

  #find(name) {
    if (!this.#asked.has(name)) {
      this.#asked.set(name, this.#meaning(name).then((who) => { this.#known.set(name, who); return who; }));
      setTimeout(() => { this.#asked.delete(name); this.#known.delete(name); }, FRESH);
    }
    return this.#asked.get(name);
  }

  // The longest prefix that is somebody's name, as on the server.
  async #meaning(typed) {
    for (let name = typed; name; name = name.slice(0, -1)) {
      const query = encodeURIComponent(name);
      const members = await fetchJson(`/rooms/${this.#room}/members?q=${query}`);
      if (!members || members.members.some(({ person }) => person.username === name)) return null;
      const people = await fetchJson(`/people?q=${query}`);
      const person = people?.people.find(({ username }) => username === name);
      if (person) return person.name;
      if (!/[._-]$/.test(name)) return null;
    }
    return null;
  }
}

// Possible names in a text: outside of code and quoted lines.
function names(text) {
  const found = new Set();
  if (!/[@＠]/.test(text)) return [];
  for (const { 0: whole, 1: name, index } of text.matchAll(NAME)) {
    const line = text.slice(text.lastIndexOf('\n', index - 1) + 1, index);
    if (/^ {0,3}>/.test(line) || !begins(text.slice(0, index), '@') || isCode(text, index)) continue;
    const next = text[index + whole.length] ?? '';
    if (/[@＠]/.test(next) && !/[._-]$/.test(name)) continue;
    const lower = name.toLowerCase();
    if (!GROUPS.has(lower.replace(/[._-]+$/, ''))) found.add(lower);
    if (found.size === MOST) break;
  }
  return [...found];
}
