// The log on the page: every message in its place and its present state.
import { tell } from '#js/announce.js';
import { JOIN_WITHIN, arrange, fresh, next, previous } from '#js/arrange.js';
import { folding } from '#js/fold.js';
import { make } from '#js/make.js';
import { element, pendingElement, update } from '#js/message.js';
import { key, onNewDay } from '#js/time.js';

// How many messages are on the page, and how many more before those that are furthest away go.
const MOST = 300;
const SLACK = 50;

export class Timeline {
  #list = document.querySelector('#messages');
  #older = document.querySelector('#older');
  #newer = document.querySelector('#newer');
  #main; #me; #place; #quotes; #hasOlder; #head; #isLoading = false; #unreadFrom = 0;
  onOlder = async () => false;
  onNewer = async () => false;

  constructor(main, me, place, quotes) {
    this.#main = main;
    this.#me = me;
    this.#place = place;
    this.#quotes = quotes;
    this.#hasOlder = main.dataset.older === 'true';
    this.#head = Number(main.dataset.head);
    place.isLatest = this.isLatest;
    folding(this.#list);
    // More is new than the page shows: the line over it comes with the older messages.
    const read = Number(main.dataset.read);
    if (main.dataset.member === 'true' && read + 1 < this.first) this.#unreadFrom = read + 1;
  }

  // Whether the room's last message is on the page.
  get isLatest() { return this.#main.dataset.latest === 'true'; }

  get first() { return Number(this.#list.querySelector('[data-seq]:not([data-nonce])')?.dataset.seq ?? 1); }

  get last() { return Number(this.#lastNode?.dataset.seq ?? 0); }

  // Looked for from the end: it is asked for with every step of the scrollbar.
  get #lastNode() {
    let node = this.#list.lastElementChild;
    while (node && (!node.dataset.seq || node.dataset.nonce)) node = node.previousElementSibling;
    return node;
  }

  messages() { return [...this.#list.querySelectorAll('[data-seq]:not([data-nonce])')]; }

  // Finds one's place, which `first.js` knows, and found already where the page has just come from the server.
  begin(signal) {
    arrange(this.messages(), { isTimed: this.#main.dataset.times === key() });
    for (const node of this.messages()) this.#quotes.fill(node);
    globalThis.openLog(this.#main);
    this.#place.look();
    const line = this.#list.querySelector('.fresh');
    if (line && !this.#place.isAtEnd) this.#place.count(this.messages().filter((node) => node.matches('.message') && line.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING).length);
    this.#place.addEventListener('moved', () => this.look());
    // What was today is yesterday, everywhere in the log.
    onNewDay(() => this.#place.keep(() => this.arrange()), signal);
    this.look();
  }

  // Shows a message in its present state: in the place where it is, or at the end if it is new.
  show(message) {
    const isNews = message.seq > this.#head;
    this.#head = Math.max(this.#head, message.seq);
    const old = this.#list.querySelector(`#m${message.seq}`);
    if (old) {
      if (Number(old.dataset.rev) >= message.rev) return;
      this.#place.keep(() => {
        update(old, message, this.#me);
        this.#quotes.fill(old);
        arrange([old, next(old)]);
        this.#quotes.changed(message);
      });
      return;
    }
    const isOwn = message.author.username === this.#me.username;
    const isWords = message.kind === 'text';
    if (isNews && isWords && !isOwn && !message.deleted_at) tell(message);
    // Who reads further up keeps what they read: what comes then is loaded when they come to it.
    if (this.isLatest && message.seq > this.last && this.#isFull && !this.#place.isAtEnd && !isOwn) this.#reaches({ newer: true });
    if (!this.isLatest || message.seq < this.last) {
      this.#quotes.changed(message);
      if (isNews && isWords && !isOwn) this.#place.more();
      return;
    }
    if (isWords) this.#list.querySelector('#empty')?.remove();
    const wasAtEnd = this.#place.isAtEnd;
    const node = element(message, this.#me);
    const before = this.#list.querySelector('[data-nonce]');
    if (before) before.before(node); else this.#list.append(node);
    arrange([node]);
    this.#quotes.fill(node);
    if (this.#isFull) this.#dropFirst();
    if (wasAtEnd || (isOwn && isWords)) this.#place.toEnd();
    else if (isWords) this.#place.more();
  }

  // Shows older messages above, and leaves what is being read where it is.
  prepend(messages, more) {
    this.#place.keep(() => {
      const anchor = this.messages()[0];
      const nodes = messages.map((message) => element(message, this.#me));
      const isHeld = this.#older?.contains(document.activeElement);
      if (this.#hasOlder) this.#older.after(...nodes); else this.#list.prepend(...nodes);
      this.#reaches({ older: more });
      this.#line();
      arrange([...nodes, anchor]);
      for (const node of nodes) this.#quotes.fill(node);
      // Who stood on a link that has done its work stays there.
      if (isHeld && !this.#older.isConnected) anchor?.focus({ preventScroll: true });
      if (this.#isFull) this.#dropLast();
    });
  }

  // Shows newer messages below, and leaves what is being read where it is.
  append(messages, more) {
    this.#place.keep(() => {
      const nodes = messages.filter(({ seq }) => !this.#list.querySelector(`#m${seq}`)).map((message) => element(message, this.#me));
      const last = this.#lastNode;
      const isHeld = this.#newer?.contains(document.activeElement);
      if (last) last.after(...nodes); else this.#list.prepend(...nodes);
      arrange(nodes);
      for (const node of nodes) this.#quotes.fill(node);
      if (this.#isFull) this.#dropFirst();
      // Something may have come while these were asked for.
      this.#reaches({ newer: more || (nodes.length > 0 && this.last < this.#head) });
      if (isHeld && !this.#newer.isConnected) (nodes[0] ?? last)?.focus({ preventScroll: true });
    });
    this.#place.look();
  }

  get #isFull() { return this.#list.childElementCount > MOST + SLACK; }

  // Takes away what is furthest up, down to as many as stay.
  #dropFirst() {
    const all = this.messages();
    const going = all.slice(0, Math.max(0, all.length - MOST));
    if (!going.length || going.some((node) => node.contains(document.activeElement))) return;
    const stays = all[going.length];
    const last = going.at(-1);
    const line = this.#list.querySelector('.fresh');
    if (line && line.compareDocumentPosition(last) & Node.DOCUMENT_POSITION_FOLLOWING) this.#unreadFrom = Number(next(line).dataset.seq);
    this.#place.keep(() => {
      while (last.isConnected) this.#list.querySelector(':scope > :not(#older)').remove();
      this.#reaches({ older: true });
      arrange([stays]);
    });
  }

  // And what is furthest down.
  #dropLast() {
    const going = this.messages().slice(MOST);
    if (!going.length || going.some((node) => node.contains(document.activeElement))) return;
    const top = previous(going[0]);
    while (top.nextElementSibling) top.nextElementSibling.remove();
    this.#reaches({ newer: true });
  }

  // How far the page reaches: whether there are older messages, and newer ones.
  #reaches({ older = this.#hasOlder, newer = !this.isLatest }) {
    const { room } = this.#main.dataset;
    this.#hasOlder = older;
    this.#main.dataset.older = older;
    this.#main.dataset.latest = !newer;
    this.#place.isLatest = !newer;
    this.#older ??= turn('older', 'Load older messages', `/rooms/${room}?before=${this.first}`);
    this.#newer ??= turn('newer', 'Load newer messages', `/rooms/${room}?after=${this.last}`);
    if (!older) this.#older.remove(); else if (!this.#older.isConnected) this.#list.prepend(this.#older);
    if (!newer) this.#newer.remove(); else if (!this.#newer.isConnected) this.#list.append(this.#newer);
  }

  // Draws the line over what is new, once its place is on the page.
  #line() {
    if (!this.#unreadFrom || this.first > this.#unreadFrom) return;
    const node = this.messages().find((one) => one.matches('.message') && Number(one.dataset.seq) >= this.#unreadFrom && one.dataset.author !== this.#me.username);
    this.#unreadFrom = 0;
    document.querySelector('#since')?.remove();
    node?.before(fresh());
  }

  // Shows the posts that are on their way, after everything else.
  pending(posts) {
    const held = this.#list.querySelector('[data-nonce]:focus-within')?.dataset.nonce;
    for (const old of this.#list.querySelectorAll('[data-nonce]')) old.remove();
    const nodes = posts.map((post) => pendingElement(post, this.#me));
    this.#list.append(...nodes);
    if (held) (nodes.find(({ dataset }) => dataset.nonce === held) ?? this.#lastNode)?.focus({ preventScroll: true });
    if (!nodes.length) return;
    this.#list.querySelector('#empty')?.remove();
    const last = this.#lastNode;
    const joins = last?.dataset.author === this.#me.username && Date.now() - Date.parse(last.dataset.at) < JOIN_WITHIN;
    if (!joins || nodes[0].querySelector('.answers')) nodes[0].classList.add('message--first');
    this.#place.toEnd();
  }

  // Something was put between messages: they may stand otherwise now.
  arrange() { arrange(this.messages()); }

  // Loads more before one comes to the top or to the bottom.
  async look() {
    if (this.#isLoading) return;
    const load = this.#place.isNearTop && this.#hasOlder ? this.onOlder : this.#place.isNearBottom && !this.isLatest ? this.onNewer : null;
    if (!load) return;
    this.#isLoading = true;
    const loaded = await load();
    this.#isLoading = false;
    if (loaded) this.look();
  }
}

// A link to more, as the server has it on pages.
function turn(id, text, href) {
  const node = make('div', 'turn');
  const link = make('a', '', text);
  link.href = href;
  node.id = id;
  node.append(link);
  return node;
}
