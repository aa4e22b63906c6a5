// The log on the page: every message in its place and its present state.
import { announceMessage } from '#js/core/announce.js';
import { JOIN_WITHIN, groupMessages, unreadLine, next, previous } from '#js/room/grouping.js';
import { folding } from '#js/room/notice-folding.js';
import { createElement } from '#js/core/dom.js';
import { element, pendingElement, update } from '#js/room/message.js';
import { key, onNewDay } from '#js/core/time.js';

// How many messages a page holds, and how many more may come before the furthest are removed.
const MOST = 300;
const SLACK = 50;

export class Timeline {
  #list; #older; #newer; #since;
  #main; #me; #scroll; #replies; #hasOlder; #head; #isLoading = false; #unreadFrom = 0;
  onOlder = async () => false;
  onNewer = async () => false;

  constructor(main, { list, older, newer, since }, me, scroll, replies) {
    this.#main = main;
    this.#list = list;
    this.#older = older;
    this.#newer = newer;
    this.#since = since;
    this.#me = me;
    this.#scroll = scroll;
    this.#replies = replies;
    this.#hasOlder = main.dataset.older === 'true';
    this.#head = Number(main.dataset.head);
    scroll.isLatest = this.isLatest;
    folding(this.#list);
    // The first unread message is above this page: the line over it is drawn when older messages load.
    const read = Number(main.dataset.read);
    if (main.dataset.member === 'true' && read + 1 < this.first) this.#unreadFrom = read + 1;
  }

  // Whether the room's last message is on the page.
  get isLatest() { return this.#main.dataset.latest === 'true'; }

  get first() { return Number(this.#list.querySelector('[data-seq]:not([data-nonce])')?.dataset.seq ?? 1); }

  get last() { return Number(this.#lastNode?.dataset.seq ?? 0); }

  // Searched from the end: this runs on every scroll event.
  get #lastNode() {
    let node = this.#list.lastElementChild;
    while (node && (!node.dataset.seq || node.dataset.nonce)) node = node.previousElementSibling;
    return node;
  }

  messages() { return [...this.#list.querySelectorAll('[data-seq]:not([data-nonce])')]; }

  // Restores the scroll position, which `first.js` knows (and has set already if the page came directly from the server).
  begin(signal) {
    groupMessages(this.messages(), { isTimed: this.#main.dataset.times === key() });
    for (const node of this.messages()) this.#replies.fill(node);
    globalThis.openLog(this.#main);
    this.#scroll.look();
    const line = this.#list.querySelector('.fresh');
    if (line && !this.#scroll.isAtEnd) this.#scroll.count(this.messages().filter((node) => node.matches('.message') && line.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING).length);
    this.#scroll.addEventListener('moved', () => this.look());
    // At midnight "Today" becomes "Yesterday" everywhere in the log.
    onNewDay(() => this.#scroll.keep(() => this.regroup()), signal);
    this.look();
  }

  // Shows a message in its present state: in its place, or at the end if it is new.
  show(message) {
    const isNews = message.seq > this.#head;
    this.#head = Math.max(this.#head, message.seq);
    const old = this.#list.querySelector(`#m${message.seq}`);
    if (old) {
      if (Number(old.dataset.rev) >= message.rev) return;
      this.#scroll.keep(() => {
        update(old, message, this.#me);
        this.#replies.fill(old);
        groupMessages([old, next(old)]);
        this.#replies.changed(message);
      });
      return;
    }
    const isOwn = message.author.username === this.#me.username;
    const isWords = message.kind === 'text';
    if (isNews && isWords && !isOwn && !message.deleted_at) announceMessage(message);
    // A full page does not grow while its reader is scrolled up: newer messages load when the reader reaches them.
    if (this.isLatest && message.seq > this.last && this.#isFull && !this.#scroll.isAtEnd && !isOwn) this.#reaches({ newer: true });
    if (!this.isLatest || message.seq < this.last) {
      this.#replies.changed(message);
      if (isNews && isWords && !isOwn) this.#scroll.more();
      return;
    }
    if (isWords) this.#list.querySelector('#empty')?.remove();
    const wasAtEnd = this.#scroll.isAtEnd;
    const node = element(message, this.#me);
    const before = this.#list.querySelector('[data-nonce]');
    if (before) before.before(node); else this.#list.append(node);
    groupMessages([node]);
    this.#replies.fill(node);
    if (this.#isFull) this.#dropFirst();
    if (wasAtEnd || (isOwn && isWords)) this.#scroll.toEnd();
    else if (isWords) this.#scroll.more();
  }

  // Shows older messages above, without moving what is being read.
  prepend(messages, more) {
    this.#scroll.keep(() => {
      const anchor = this.messages()[0];
      const nodes = messages.map((message) => element(message, this.#me));
      const isHeld = this.#older?.contains(document.activeElement);
      if (this.#hasOlder) this.#older.after(...nodes); else this.#list.prepend(...nodes);
      this.#reaches({ older: more });
      this.#drawUnreadLine();
      groupMessages([...nodes, anchor]);
      for (const node of nodes) this.#replies.fill(node);
      // The focus was on the link that has just been removed.
      if (isHeld && !this.#older.isConnected) anchor?.focus({ preventScroll: true });
      if (this.#isFull) this.#dropLast();
    });
  }

  // Shows newer messages below, without moving what is being read.
  append(messages, more) {
    this.#scroll.keep(() => {
      const nodes = messages.filter(({ seq }) => !this.#list.querySelector(`#m${seq}`)).map((message) => element(message, this.#me));
      const last = this.#lastNode;
      const isHeld = this.#newer?.contains(document.activeElement);
      if (last) last.after(...nodes); else this.#list.prepend(...nodes);
      groupMessages(nodes);
      for (const node of nodes) this.#replies.fill(node);
      if (this.#isFull) this.#dropFirst();
      // Newer messages may have arrived during the request.
      this.#reaches({ newer: more || (nodes.length > 0 && this.last < this.#head) });
      if (isHeld && !this.#newer.isConnected) (nodes[0] ?? last)?.focus({ preventScroll: true });
    });
    this.#scroll.look();
  }

  get #isFull() { return this.#list.childElementCount > MOST + SLACK; }

  // Removes the topmost messages beyond the limit.
  #dropFirst() {
    const all = this.messages();
    const going = all.slice(0, Math.max(0, all.length - MOST));
    if (!going.length || going.some((node) => node.contains(document.activeElement))) return;
    const stays = all[going.length];
    const last = going.at(-1);
    const line = this.#list.querySelector('.fresh');
    if (line && line.compareDocumentPosition(last) & Node.DOCUMENT_POSITION_FOLLOWING) this.#unreadFrom = Number(next(line).dataset.seq);
    this.#scroll.keep(() => {
      while (last.isConnected) this.#list.querySelector(':scope > :not(#older)').remove();
      this.#reaches({ older: true });
      groupMessages([stays]);
    });
  }

  // Removes the bottommost messages beyond the limit.
  #dropLast() {
    const going = this.messages().slice(MOST);
    if (!going.length || going.some((node) => node.contains(document.activeElement))) return;
    const top = previous(going[0]);
    while (top.nextElementSibling) top.nextElementSibling.remove();
    this.#reaches({ newer: true });
  }

  // Records whether there are older and newer messages than those on the page, and shows the links to them.
  #reaches({ older = this.#hasOlder, newer = !this.isLatest }) {
    const { room } = this.#main.dataset;
    this.#hasOlder = older;
    this.#main.dataset.older = older;
    this.#main.dataset.latest = !newer;
    this.#scroll.isLatest = !newer;
    this.#older ??= turn('older', 'Load older messages', `/rooms/${room}?before=${this.first}`);
    this.#newer ??= turn('newer', 'Load newer messages', `/rooms/${room}?after=${this.last}`);
    if (!older) this.#older.remove(); else if (!this.#older.isConnected) this.#list.prepend(this.#older);
    if (!newer) this.#newer.remove(); else if (!this.#newer.isConnected) this.#list.append(this.#newer);
  }

  // Draws the line over the first unread message, once that message is on the page.
  #drawUnreadLine() {
    if (!this.#unreadFrom || this.first > this.#unreadFrom) return;
    const node = this.messages().find((one) => one.matches('.message') && Number(one.dataset.seq) >= this.#unreadFrom && one.dataset.author !== this.#me.username);
    this.#unreadFrom = 0;
    this.#since?.remove();
    node?.before(unreadLine());
  }

  // Shows the posts that the server has not acknowledged, after everything else.
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
    this.#scroll.toEnd();
  }

  // Something was inserted between messages: they may group differently.
  regroup() { groupMessages(this.messages()); }

  // Loads more messages before the reader reaches the top or the bottom.
  async look() {
    if (this.#isLoading) return;
    const load = this.#scroll.isNearTop && this.#hasOlder ? this.onOlder : this.#scroll.isNearBottom && !this.isLatest ? this.onNewer : null;
    if (!load) return;
    this.#isLoading = true;
    const loaded = await load();
    this.#isLoading = false;
    if (loaded) this.look();
  }
}

// A link to more messages, with the server's markup.
function turn(id, text, href) {
  const node = createElement('div', 'turn');
  const link = createElement('a', '', text);
  link.href = href;
  node.id = id;
  node.append(link);
  return node;
}
