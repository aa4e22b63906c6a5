// Who is online, and who is typing.
import { askFor } from '#js/get.js';
import { make } from '#js/make.js';
import { nameOf, shown } from '#js/people-live.js';

// How long somebody's typing is shown, and how often one's own is told, in milliseconds.
const TYPING_LASTS = 5_000;
const TYPING_EVERY = 3_000;
// How many of those who are online are named.
const NAMED = 20;

export class People {
  #connection; #me;
  #link = document.querySelector('.people a');
  #members = Number(this.#link.dataset.members);
  #line = document.querySelector('#typing');
  #online = new Set();
  #others = 0;
  #typing = new Map();
  #names = new Map();
  #told = 0;

  constructor(connection, me) {
    this.#connection = connection;
    this.#me = me;
    connection.on('presence', ({ user, online }) => {
      if (online) this.#online.add(user); else { this.#online.delete(user); this.stoppedTyping(user); }
      this.#show();
    });
    connection.on('typing', ({ user, name }) => this.#isTyping(user, name));
    for (const what of ['pointerenter', 'focus']) this.#link.addEventListener(what, () => this.#name());
    connection.addEventListener('down', () => { this.#online.clear(); this.#others = 0; this.#show(); });
  }

  // Who is here, as a join tells: a count of everybody, and the first names of them.
  here({ count, users }) {
    this.#online = new Set(users);
    this.#others = count - users.length;
    this.#show();
  }

  // Somebody became a member, or is none any more.
  members(change) {
    this.#members += change;
    this.#show();
  }

  // What somebody is called; typing tells only usernames.
  meet(author) { this.#names.set(author.username, shown(author)); }

  typed() {
    if (Date.now() - this.#told < TYPING_EVERY) return;
    this.#told = Date.now();
    this.#connection.hint('typing');
  }

  posted() { this.#told = 0; }

  stoppedTyping(user) {
    clearTimeout(this.#typing.get(user));
    if (this.#typing.delete(user)) this.#say();
  }

  // `name` is there where it is another one than the username.
  #isTyping(user, name) {
    if (user === this.#me.username) return;
    if (name && !this.#names.has(user)) this.#names.set(user, name);
    clearTimeout(this.#typing.get(user));
    this.#typing.set(user, setTimeout(() => { this.#typing.delete(user); this.#say(); }, TYPING_LASTS));
    this.#say();
  }

  #say() {
    const users = [...this.#typing.keys()].map((user) => this.#names.get(user) ?? nameOf(user) ?? user);
    if (!users.length) this.#line.textContent = '';
    else if (users.length === 1) this.#line.textContent = `${users[0]} is typing…`;
    else if (users.length === 2) this.#line.textContent = `${users[0]} and ${users[1]} are typing…`;
    else this.#line.textContent = 'Several people are typing…';
  }

  // Names who is online to whoever points there: the list of members knows what they are called.
  async #name() {
    if (this.#link.title || !this.#online.size || 'fixed' in this.#link.dataset) return;
    const answer = await askFor(this.#link.pathname);
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
    this.#link.lastElementChild.replaceChildren(String(this.#members), make('span', 'wide', rest));
    this.#link.querySelector('.dot')?.remove();
    if (count) this.#link.prepend(make('span', 'dot dot--on'));
  }
}
