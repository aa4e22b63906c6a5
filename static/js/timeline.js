// The log on the page: every message in its place and its present state.
import { tell } from '#js/announce.js';
import { JOIN_WITHIN, arrange, fresh, next } from '#js/arrange.js';
import { element, pendingElement, update } from '#js/message.js';
import { key, onNewDay } from '#js/time.js';

export class Timeline {
  #list = document.querySelector('#messages');
  #main; #me; #place; #quotes; #hasOlder; #isLoading = false; #unreadFrom = 0;
  onOlder = async () => false;

  constructor(main, me, place, quotes) {
    this.#main = main;
    this.#me = me;
    this.#place = place;
    this.#quotes = quotes;
    this.#hasOlder = main.dataset.older === 'true';
    // More is new than the page shows: the line over it comes with the older messages.
    const read = Number(main.dataset.read);
    if (main.dataset.member === 'true' && read + 1 < this.first) this.#unreadFrom = read + 1;
  }

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
  show(message, isLatest) {
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
    if (!isLatest || message.seq < this.last) { this.#quotes.changed(message); return; } // Not shown: it is loaded when asked for.
    if (message.kind === 'text') document.querySelector('#empty')?.remove();
    const wasAtEnd = this.#place.isAtEnd;
    const node = element(message, this.#me);
    const before = this.#list.querySelector('[data-nonce]');
    if (before) before.before(node); else this.#list.append(node);
    arrange([node]);
    this.#quotes.fill(node);
    const isOwn = message.author.username === this.#me.username;
    if (message.kind === 'text' && !isOwn && wasAtEnd) tell(message);
    if (wasAtEnd || (isOwn && message.kind === 'text')) this.#place.toEnd();
    else if (message.kind === 'text') this.#place.more();
  }

  // Shows older messages above, and leaves what is being read where it is.
  prepend(messages, more) {
    this.#place.keep(() => {
      const anchor = this.messages()[0];
      const nodes = messages.map((message) => element(message, this.#me));
      const older = document.querySelector('#older');
      if (older) older.after(...nodes); else this.#list.prepend(...nodes);
      this.#hasOlder = more;
      if (!more) older?.remove();
      this.#line();
      arrange([...nodes, anchor]);
      for (const node of nodes) this.#quotes.fill(node);
    });
  }

  // Draws the line over what is new, once its place is on the page.
  #line() {
    if (!this.#unreadFrom || this.first > this.#unreadFrom) return;
    const node = this.messages().find((one) => one.matches('.message') && Number(one.dataset.seq) >= this.#unreadFrom && one.dataset.author !== this.#me.username);
    this.#unreadFrom = 0;
    node?.before(fresh());
  }

  // Shows the posts that are on their way, after everything else.
  pending(posts) {
    for (const old of this.#list.querySelectorAll('[data-nonce]')) old.remove();
    const nodes = posts.map((post) => pendingElement(post, this.#me));
    this.#list.append(...nodes);
    if (!nodes.length) return;
    document.querySelector('#empty')?.remove();
    const last = this.#lastNode;
    const joins = last?.dataset.author === this.#me.username && Date.now() - Date.parse(last.dataset.at) < JOIN_WITHIN;
    if (!joins || nodes[0].querySelector('.answers')) nodes[0].classList.add('message--first');
    this.#place.toEnd();
  }

  // Something was put between messages: they may stand otherwise now.
  arrange() { arrange(this.messages()); }

  // Loads older messages before one comes to the top.
  async look() {
    if (!this.#place.isNearTop || !this.#hasOlder || this.#isLoading) return;
    this.#isLoading = true;
    const loaded = await this.onOlder();
    this.#isLoading = false;
    if (loaded) this.look();
  }
}
