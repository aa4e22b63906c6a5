// Where the reader is in the log: at the end or scrolled up, never moved by what others do; the pill counts what came meanwhile.

// How near to the end counts as at the end, in pixels.
const NEAR = 60;
// How many heights of the view from the end are far.
const FAR = 2;
// How long a place that one jumped to stays marked, in milliseconds.
const MARKED = 2_500;

export class Place extends EventTarget {
  #log = document.querySelector('#log');
  #list = document.querySelector('#messages');
  #pill = document.querySelector('#pill');
  #count = 0; #isAtEnd = true; #height = 0; #isLatest = true;
  // Leads to the room's last messages, where they are not on the page.
  onLatest = () => {};

  constructor(signal) {
    super();
    this.#log.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#pill.addEventListener('click', () => { if (!this.isLatest) return this.onLatest();
      this.toEnd();
      this.#log.focus({ preventScroll: true });
    });
    // A page that grows or shrinks, by a keyboard or a picture, keeps its end in sight if it was.
    const sizes = new ResizeObserver(() => { if (this.#isAtEnd) this.toEnd(); });
    sizes.observe(this.#log);
    sizes.observe(this.#list);
    signal.addEventListener('abort', () => sizes.disconnect());
  }

  // At the end of the room, which may be further than that of the page.
  get isAtEnd() { return this.#isAtEnd; }

  get isLatest() { return this.#isLatest; }

  // Whether the room's last message is on the page.
  set isLatest(isLatest) {
    this.#isLatest = isLatest;
    this.#isAtEnd = this.#measure();
    this.#say();
  }

  get isNearBottom() { return this.#left < 600; }

  // Where one is, for coming back: the message at the top of the view, and how far down it stands; or at the end of the room.
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

  // Brings a message into view, as one that was asked for.
  to(node, { mark = true, block = 'center' } = {}) {
    node.scrollIntoView({ block });
    this.#isAtEnd = this.#measure();
    if (!mark) return;
    node.classList.add('message--found');
    setTimeout(() => node.classList.remove('message--found'), MARKED);
  }

  // Sees where one is, after something else has moved the log.
  look() {
    this.#height = this.#log.clientHeight;
    this.#isAtEnd = this.#measure();
    if (this.#isAtEnd) this.#count = 0;
    this.#say();
  }

  // Changes the log, and leaves what is being read where it is.
  keep(change) {
    if (this.#isAtEnd) { change(); this.toEnd(); return; }
    const anchor = this.#top();
    const top = anchor?.getBoundingClientRect().top ?? 0;
    change();
    if (anchor?.isConnected) this.#log.scrollTop += anchor.getBoundingClientRect().top - top;
  }

  // The first message that can be seen.
  #top() {
    const edge = this.#log.getBoundingClientRect().top;
    return [...this.#list.querySelectorAll('[data-seq]')].find((node) => node.getBoundingClientRect().bottom > edge);
  }

  // How far down the view a node stands, and putting it there again.
  offset(node) { return node.getBoundingClientRect().top - this.#log.getBoundingClientRect().top; }

  // Whether a node is in view, at least by its first line.
  sees(node) {
    const top = this.offset(node);
    return top >= 0 && top < this.#log.clientHeight - 20;
  }

  restore(node, offset) {
    this.#log.scrollTop += this.offset(node) - offset;
    this.#isAtEnd = this.#measure();
  }

  // How many new messages wait below.
  count(number) {
    this.#count = number;
    this.#say();
  }

  // Nearby it is enough to say what is new; far from the end, also that one is.
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
    // A page that just became smaller has not been scrolled by anybody.
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
