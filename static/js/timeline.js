// The log on the page: messages in their places, the scroll position where the reader has it.
import { element, pendingElement, quote } from '#js/message.js';
import { clock, dayKey, dayName, fullTime } from '#js/time.js';

// How near to the end counts as at the end, in pixels.
const NEAR = 60;
// Within how many milliseconds messages of one author join; the server groups alike.
const JOIN_WITHIN = 5 * 60 * 1000;

export class Timeline {
  #log = document.querySelector('#log');
  #list = document.querySelector('#messages');
  #pill = document.querySelector('#pill');
  #me; #hasOlder; #isLoading = false; #unseen = 0; #seen = 0; #seeing;
  onOlder = async () => false;
  onSeen = () => {};

  constructor(main, me) {
    this.#me = me;
    this.#hasOlder = main.dataset.older === 'true';
  }

  get first() { return Number(this.#messages()[0]?.dataset.seq ?? 1); }

  begin() {
    this.#arrange(this.#messages());
    const target = this.#list.querySelector('.message--target, .notice--target') ?? (location.hash.startsWith('#m') && document.getElementById(location.hash.slice(1)));
    if (target) target.scrollIntoView({ block: 'center' });
    else this.#toEnd();
    this.#log.addEventListener('scroll', () => this.look(), { passive: true });
    this.#pill.addEventListener('click', () => { this.#toEnd(); this.#log.focus({ preventScroll: true }); });
    addEventListener('focus', () => this.look());
    document.addEventListener('visibilitychange', () => this.look());
    // A page that grows or shrinks keeps its end in sight, if it was.
    new ResizeObserver(() => { if (this.wasAtEnd) this.#toEnd(); }).observe(this.#log);
  }

  // Shows a message in its present state: in the place where it is, or at the end if it is new.
  show(message, isLatest) {
    const old = document.getElementById(`m${message.seq}`);
    if (old && Number(old.dataset.rev) >= message.rev) return;
    const node = element(message, this.#me);
    if (old) {
      const stays = this.#isAtEnd();
      old.replaceWith(node);
      this.#arrange([node, this.#next(node)]);
      for (const answers of this.#list.querySelectorAll(`.answers[data-to="${message.seq}"]`)) quote(answers);
      if (stays) this.#toEnd();
      return;
    }
    const messages = this.#messages();
    const last = messages.at(-1);
    if (!isLatest || (last && message.seq < Number(last.dataset.seq))) return; // Older than what is shown: it is loaded when asked for.
    if (message.kind === 'text') document.querySelector('#empty')?.remove();
    const follows = this.#isAtEnd();
    const before = this.#list.querySelector('[data-nonce]');
    if (before) before.before(node); else this.#list.append(node);
    this.#arrange([node]);
    const isOwn = message.author.username === this.#me.username;
    if (follows || (isOwn && message.kind === 'text')) this.#toEnd();
    else if (message.kind === 'text') this.#announce();
  }

  // Shows older messages above, and leaves what is being read where it is.
  prepend(messages, more) {
    // Old words are not news: nobody hears them read out.
    this.#log.ariaLive = 'off';
    setTimeout(() => { this.#log.ariaLive = 'polite'; }, 500);
    const anchor = this.#messages()[0];
    const top = anchor?.getBoundingClientRect().top ?? 0;
    const nodes = messages.map((message) => element(message, this.#me));
    const older = document.querySelector('#older');
    for (const day of this.#list.querySelectorAll('.day')) if (day.nextElementSibling === anchor) day.remove();
    if (older) older.after(...nodes); else this.#list.prepend(...nodes);
    this.#hasOlder = more;
    if (!more) older?.remove();
    this.#arrange([...nodes, anchor]);
    if (anchor) this.#log.scrollTop += anchor.getBoundingClientRect().top - top;
  }

  // Shows the posts that are on their way, after everything else.
  pending(posts) {
    const follows = this.#isAtEnd();
    for (const old of this.#list.querySelectorAll('[data-nonce]')) old.remove();
    const nodes = posts.map((post) => pendingElement(post, this.#me));
    this.#list.append(...nodes);
    if (nodes.length) document.querySelector('#empty')?.remove();
    const last = this.#messages().at(-1);
    const joins = last?.dataset.author === this.#me.username && Date.now() - Date.parse(last.dataset.at) < JOIN_WITHIN;
    if (nodes[0] && !joins) nodes[0].classList.add('message--first');
    if (follows || nodes.length) this.#toEnd();
  }

  // Looks at what can be seen: loads older messages near the top, notes what has been read at the end.
  look() {
    this.wasAtEnd = this.#isAtEnd();
    if (this.wasAtEnd) this.#clearPill();
    if (this.#log.scrollTop < 600 && this.#hasOlder && !this.#isLoading) this.#loadOlder();
    if (!this.wasAtEnd || !document.hasFocus()) return;
    const seq = Number(this.#messages().at(-1)?.dataset.seq ?? 0);
    if (seq <= this.#seen) return;
    this.#seen = seq;
    clearTimeout(this.#seeing);
    this.#seeing = setTimeout(() => this.onSeen(this.#seen), 500);
  }

  async #loadOlder() {
    this.#isLoading = true;
    const loaded = await this.onOlder();
    this.#isLoading = false;
    if (loaded) this.look();
  }

  #messages() { return [...this.#list.querySelectorAll('[data-seq]:not([data-nonce])')]; }

  #previous(node) {
    let at = node.previousElementSibling;
    while (at && !at.dataset.seq) at = at.previousElementSibling;
    return at;
  }

  #next(node) {
    let at = node.nextElementSibling;
    while (at && !at.dataset.seq) at = at.nextElementSibling;
    return at;
  }

  // Puts days between, joins what belongs together, and tells times as the reader has them.
  #arrange(nodes) {
    for (const node of nodes) {
      if (!node) continue;
      const before = this.#previous(node);
      const { at, author } = node.dataset;
      // The line over what is new stands between a day and its message.
      const top = node.previousElementSibling?.matches('.fresh') ? node.previousElementSibling : node;
      if (top.previousElementSibling?.matches('.day')) top.previousElementSibling.remove();
      const isNewDay = !before || dayKey(before.dataset.at) !== dayKey(at);
      if (isNewDay) {
        const day = document.createElement('div');
        day.className = 'day';
        day.setAttribute('role', 'separator');
        day.textContent = dayName(at);
        top.before(day);
      }
      if (node.matches('.message')) {
        for (const answers of node.querySelectorAll('.answers')) quote(answers);
        const joins = !isNewDay && top === node && before.matches('.message') && before.dataset.author === author && Date.parse(at) - Date.parse(before.dataset.at) < JOIN_WITHIN;
        node.classList.toggle('message--first', !joins || !!node.querySelector('.answers'));
      }
      for (const time of node.querySelectorAll('time')) {
        time.title = fullTime(at);
        (time.querySelector('a') ?? time).textContent = clock(at);
      }
    }
  }

  #isAtEnd() { return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR; }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#clearPill();
    this.look();
  }

  #announce() {
    this.#unseen += 1;
    this.#pill.textContent = `↓ ${this.#unseen} new`;
    this.#pill.hidden = false;
  }

  #clearPill() {
    this.#unseen = 0;
    this.#pill.hidden = true;
  }
}
