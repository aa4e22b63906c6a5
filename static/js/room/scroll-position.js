// The scroll position in the log: at the end or scrolled up, never moved by other people's messages. The pill counts those meanwhile.

// How near the end counts as the end, in pixels.
const NEAR = 60;
// From how many viewport heights the end is far away.
const FAR = 2;
// How long a message that was jumped to stays highlighted, in milliseconds.
const MARKED = 2_500;

export class ScrollPosition extends EventTarget {
  #log; #list; #pill;
  #count = 0; #isAtEnd = true; #height = 0; #isLatest = true;
  // Navigates to the room's last messages if they are not on the page.
  onLatest = () => {};

  constructor({ log, list, pill }, signal) {
    super();
    this.#log = log;
    this.#list = list;
    this.#pill = pill;
    this.#log.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#pill.addEventListener('click', () => { if (!this.isLatest) return this.onLatest();
      this.toEnd();
      this.#log.focus({ preventScroll: true });
    });
    // When the viewport or the content changes its size, a log at its end stays there.
    const sizes = new ResizeObserver(() => { if (this.#isAtEnd) this.toEnd(); });
    sizes.observe(this.#log);
    sizes.observe(this.#list);
    signal.addEventListener('abort', () => sizes.disconnect());
  }

  // At the end of the room, not only of the page.
  get isAtEnd() { return this.#isAtEnd; }

  get isLatest() { return this.#isLatest; }

  // Whether the room's last message is on the page.
  set isLatest(isLatest) {
    this.#isLatest = isLatest;
    this.#isAtEnd = this.#measure();
    this.#say();
  }

  get isNearBottom() { return this.#left < 600; }

  // The position to restore later: the seq and offset of the topmost visible message, or "end".
  described() {
    const node = this.#isAtEnd ? null : this.#top();
    return node?.dataset.seq ? [Number(node.dataset.seq), Math.round(this.offset(node))] : 'end';
  }

  get isNearTop() { return this.#log.scrollTop < 600; }

  toEnd() {
    this.#isAtEnd = this.#isLatest;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#height = this.#log.clientHeight;
    this.count(0);
    this.dispatchEvent(new Event('moved'));
  }

  // Scrolls a message into view and highlights it.
  to(node, { mark = true, block = 'center' } = {}) {
    node.scrollIntoView({ block });
    this.#isAtEnd = this.#measure();
    if (!mark) return;
    node.classList.add('message--found');
    setTimeout(() => node.classList.remove('message--found'), MARKED);
  }

  // Measures again after other code has scrolled the log.
  look() {
    this.#height = this.#log.clientHeight;
    this.#isAtEnd = this.#measure();
    if (this.#isAtEnd) this.#count = 0;
    this.#say();
  }

  // Changes the log without moving what is being read.
  keep(change) {
    if (this.#isAtEnd) { change(); this.toEnd(); return; }
    const anchor = this.#top();
    const top = anchor?.getBoundingClientRect().top ?? 0;
    change();
    if (anchor?.isConnected) this.#log.scrollTop += anchor.getBoundingClientRect().top - top;
  }

  // The topmost visible message.
  #top() {
    const edge = this.#log.getBoundingClientRect().top;
    return [...this.#list.querySelectorAll('[data-seq]')].find((node) => node.getBoundingClientRect().bottom > edge);
  }

  // A node's offset from the top of the viewport; `restore` scrolls back to it.
  offset(node) { return node.getBoundingClientRect().top - this.#log.getBoundingClientRect().top; }

  // Whether at least the first line of a node is visible.
  sees(node) {
    const top = this.offset(node);
    return top >= 0 && top < this.#log.clientHeight - 20;
  }

  restore(node, offset) {
    this.#log.scrollTop += this.offset(node) - offset;
    this.#isAtEnd = this.#measure();
  }

  // How many new messages are below.
  count(number) {
    this.#count = number;
    this.#say();
  }

  // Near the end the pill shows the count; far away, also that these are older messages.
  #say() {
    const isFar = !this.#isLatest || this.#left > FAR * this.#log.clientHeight;
    const news = this.#count ? `${this.#count} new ${this.#count === 1 ? 'message' : 'messages'}` : '';
    const parts = isFar ? ['You’re viewing older messages', news, 'Jump to latest'].filter(Boolean) : news ? [`↓ ${news}`] : [];
    const text = parts.join(' · ');
    if (this.#pill.textContent !== text) this.#pill.textContent = text;
    this.#pill.classList.toggle('pill--far', isFar);
    this.#pill.hidden = !text;
  }

  more() { this.count(this.#count + 1); }

  #scrolled() {
    // A viewport that has just shrunk was not scrolled by anybody.
    if (this.#log.clientHeight !== this.#height && this.#isAtEnd) { this.toEnd(); return; }
    this.#height = this.#log.clientHeight;
    this.#isAtEnd = this.#measure();
    if (this.#isAtEnd) this.#count = 0;
    this.#say();
    this.dispatchEvent(new Event('moved'));
  }

  // How much is below, in pixels.
  get #left() { return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight; }

  #measure() { return this.#isLatest && this.#left < NEAR; }
}
