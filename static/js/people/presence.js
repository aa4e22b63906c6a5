// Who is online, and who is typing.
import { fetchJson } from '#js/core/fetch-json.js';
import { createElement } from '#js/core/dom.js';
import { nameOf, shown } from '#js/people/names.js';

// How long somebody's typing is shown, and how often the person's own is sent, in milliseconds.
const TYPING_LASTS = 5_000;
const TYPING_EVERY = 3_000;
// How many online people are named.
const NAMED = 20;

export class RoomPresence {
  #channel; #me; #link; #typingLine; #members;
  #online = new Set();
  #others = 0;
  #typing = new Map();
  #names = new Map();
  #told = 0;

  constructor({ link, typing }, channel, me) {
    this.#link = link;
    this.#typingLine = typing;
    this.#members = Number(link.dataset.members);
    this.#channel = channel;
    this.#me = me;
    channel.on('presence', ({ user, online }) => {
      if (online) this.#online.add(user); else { this.#online.delete(user); this.stoppedTyping(user); }
      this.#show();
    });
    channel.on('typing', ({ user, name }) => this.#isTyping(user, name));
    for (const what of ['pointerenter', 'focus']) this.#link.addEventListener(what, () => this.#name());
    channel.addEventListener('down', () => { this.#online.clear(); this.#others = 0; this.#show(); });
  }

  // The answer to a join: the count of online people, and the first of them.
  here({ count, users }) {
    this.#online = new Set(users);
    this.#others = count - users.length;
    this.#show();
  }

  // The number of members changed.
  members(change) {
    this.#members += change;
    this.#show();
  }

  // A person's name; typing events contain only usernames.
  meet(author) { this.#names.set(author.username, shown(author)); }

  typed() {
    if (Date.now() - this.#told < TYPING_EVERY) return;
    this.#told = Date.now();
    this.#channel.hint('typing');
  }

  posted() { this.#told = 0; }

  stoppedTyping(user) {
    clearTimeout(this.#typing.get(user));
    if (this.#typing.delete(user)) this.#say();
  }

  // `name` is present if it differs from the username.
  #isTyping(user, name) {
    if (user === this.#me.username) return;
    if (name && !this.#names.has(user)) this.#names.set(user, name);
    clearTimeout(this.#typing.get(user));
    this.#typing.set(user, setTimeout(() => { this.#typing.delete(user); this.#say(); }, TYPING_LASTS));
    this.#say();
  }

  #say() {
    const users = [...this.#typing.keys()].map((user) => this.#names.get(user) ?? nameOf(user) ?? user);
    if (!users.length) this.#typingLine.textContent = '';
    else if (users.length === 1) this.#typingLine.textContent = `${users[0]} is typing…`;
    else if (users.length === 2) this.#typingLine.textContent = `${users[0]} and ${users[1]} are typing…`;
    else this.#typingLine.textContent = 'Several people are typing…';
  }

  // Names the online people on hover, from the list of members.
  async #name() {
    if (this.#link.title || !this.#online.size || 'fixed' in this.#link.dataset) return;
    const answer = await fetchJson(this.#link.pathname);
    const names = (answer?.members ?? []).filter(({ online }) => online).map(({ person }) => shown(person));
    const count = this.#online.size + this.#others;
    const named = names.slice(0, NAMED);
    if (named.length) this.#link.title = `Online: ${named.join(', ')}${count > named.length ? ` and ${count - named.length} more` : ''}`;
  }

  #show() {
    const count = this.#online.size + this.#others;
    const members = `${this.#members} ${this.#members === 1 ? 'member' : 'members'}`;
    if ('fixed' in this.#link.dataset) return;
    this.#link.title = '';
    // Narrow windows show the number alone.
    const rest = members.slice(String(this.#members).length) + (count ? ` · ${count} online` : '');
    this.#link.lastElementChild.replaceChildren(String(this.#members), createElement('span', 'wide', rest));
    this.#link.querySelector('.dot')?.remove();
    if (count) this.#link.prepend(createElement('span', 'dot dot--on'));
  }
}
