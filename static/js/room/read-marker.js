// The read marker: advanced when the last message is seen, moved back by "mark unread", and the line over the first unread message.
import { unreadLine } from '#js/room/grouping.js';

// How long a message must be visible to count as seen, in milliseconds.
const GLANCE = 400;

export class ReadMarker {
  #channel; #timeline; #scroll; #sidebar; #room; #list;
  #isLive = false; #isHeld = false; #told; #waiting;

  constructor(main, { log, list }, channel, timeline, scroll, sidebar, signal) {
    this.#list = list;
    this.#room = main.dataset.room;
    this.#told = Number(main.dataset.read);
    this.#channel = channel;
    this.#timeline = timeline;
    this.#scroll = scroll;
    this.#sidebar = sidebar;
    sidebar.isReading = () => this.#isReading();
    if (timeline.isLatest && this.#told >= timeline.last) sidebar.seen(this.#room, timeline.last);
    scroll.addEventListener('moved', () => this.look());
    for (const name of ['focus', 'blur']) addEventListener(name, () => { this.look(); sidebar.look(); }, { signal });
    document.addEventListener('visibilitychange', () => this.look(), { signal });
    signal.addEventListener('abort', () => this.#end());
    // After "mark unread" only scrolling or moving through the log counts as reading.
    for (const name of ['wheel', 'touchmove', 'pointerdown']) log.addEventListener(name, (event) => { if (name !== 'pointerdown' || event.target === log) this.#go(); }, { passive: true });
    log.addEventListener('keydown', ({ key }) => { if (/^(Arrow|Page|Home|End)/.test(key)) this.#go(); });
    channel.addEventListener('down', () => { this.#isLive = false; });
    channel.on('read', ({ seq }) => this.#elsewhere(seq));
  }

  // Navigation to another page.
  #end() {
    this.#isLive = false;
    this.#scroll = null;
    clearTimeout(this.#waiting);
  }

  // The room is synchronized.
  live() {
    this.#isLive = true;
    this.look();
  }

  // The person posted: everything before it is read.
  posted() { this.#go(); }

  look() {
    if (!this.#isLive || !this.#isReading() || this.#timeline.last <= this.#told || this.#waiting) return;
    this.#waiting = setTimeout(() => this.#tell(), GLANCE);
  }

  #isReading() { return !!this.#scroll && !this.#isHeld && this.#scroll.isAtEnd && document.hasFocus() && document.visibilityState === 'visible'; }

  async #tell() {
    this.#waiting = null;
    if (!this.#isReading()) return;
    const seq = this.#timeline.last;
    const answer = await this.#channel.ask('read', { seq });
    // A delayed marker needs no message.
    if (answer.error?.retry_after) this.#waiting = setTimeout(() => this.#tell(), answer.error.retry_after * 1_000);
    if (!answer.ok || this.#isHeld) return;
    this.#told = Math.max(this.#told, seq);
    this.#sidebar.count(this.#room, answer);
    this.look();
  }

  // Moves the marker back to just before a message, and holds it until the person reads on.
  async unread(seq) {
    this.#isHeld = true;
    clearTimeout(this.#waiting);
    this.#waiting = null;
    const answer = await this.#channel.ask('unread', { seq });
    if (!answer.ok) { this.#isHeld = false; return answer; }
    this.#told = seq - 1;
    this.#sidebar.count(this.#room, answer);
    this.#mark(this.#list.querySelector(`#m${seq}`));
    return answer;
  }

  // Read, or marked unread, in another window of the person.
  #elsewhere(seq) {
    if (seq < this.#told) {
      this.#isHeld = true;
      this.#mark(this.#timeline.messages().find((node) => Number(node.dataset.seq) > seq));
    }
    this.#told = seq;
    this.#sidebar.look();
  }

  // Draws the line over the first unread message.
  #mark(node) {
    if (!node || !this.#scroll) return;
    this.#scroll.keep(() => {
      for (const old of this.#list.querySelectorAll('.fresh')) old.remove();
      node.before(unreadLine());
      this.#timeline.regroup();
    });
  }

  #go() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.look();
  }
}
