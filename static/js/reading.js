// How far one has read: told when the last message is seen, taken back by "mark unread", and the line over what is new.
import { fresh } from '#js/arrange.js';

// How long something must be in sight to count as seen, in milliseconds.
const GLANCE = 400;

export class Reading {
  #line; #timeline; #place; #sidebar; #room;
  #list = document.querySelector('#messages');
  #isLive = false; #isHeld = false; #told; #waiting;

  constructor(main, line, timeline, place, sidebar, signal) {
    this.#room = main.dataset.room;
    this.#told = Number(main.dataset.read);
    this.#line = line;
    this.#timeline = timeline;
    this.#place = place;
    this.#sidebar = sidebar;
    sidebar.isReading = () => this.#isReading();
    if (timeline.isLatest && this.#told >= timeline.last) sidebar.seen(this.#room, timeline.last);
    place.addEventListener('moved', () => this.look());
    for (const name of ['focus', 'blur']) addEventListener(name, () => { this.look(); sidebar.look(); }, { signal });
    document.addEventListener('visibilitychange', () => this.look(), { signal });
    signal.addEventListener('abort', () => this.#end());
    // After "mark unread" only somebody who moves through the log again is reading.
    const log = document.querySelector('#log');
    for (const name of ['wheel', 'touchmove', 'pointerdown']) log.addEventListener(name, (event) => { if (name !== 'pointerdown' || event.target === log) this.#go(); }, { passive: true });
    log.addEventListener('keydown', ({ key }) => { if (/^(Arrow|Page|Home|End)/.test(key)) this.#go(); });
    line.addEventListener('down', () => { this.#isLive = false; });
    line.on('read', ({ seq }) => this.#elsewhere(seq));
  }

  // Another page is open.
  #end() {
    this.#isLive = false;
    this.#place = null;
    clearTimeout(this.#waiting);
  }

  // The room is whole from here on.
  live() {
    this.#isLive = true;
    this.look();
  }

  // One wrote something oneself: everything before it has been read.
  posted() { this.#go(); }

  look() {
    if (!this.#isLive || !this.#isReading() || this.#timeline.last <= this.#told || this.#waiting) return;
    this.#waiting = setTimeout(() => this.#tell(), GLANCE);
  }

  #isReading() { return !!this.#place && !this.#isHeld && this.#place.isAtEnd && document.hasFocus() && document.visibilityState === 'visible'; }

  async #tell() {
    this.#waiting = null;
    if (!this.#isReading()) return;
    const seq = this.#timeline.last;
    const answer = await this.#line.ask('read', { seq });
    // Nobody is told that a marker moves later.
    if (answer.error?.retry_after) this.#waiting = setTimeout(() => this.#tell(), answer.error.retry_after * 1_000);
    if (!answer.ok || this.#isHeld) return;
    this.#told = Math.max(this.#told, seq);
    this.#sidebar.count(this.#room, answer);
    this.look();
  }

  // The marker goes back to just before a message, and stays there until one reads on.
  async unread(seq) {
    this.#isHeld = true;
    clearTimeout(this.#waiting);
    this.#waiting = null;
    const answer = await this.#line.ask('unread', { seq });
    if (!answer.ok) { this.#isHeld = false; return answer; }
    this.#told = seq - 1;
    this.#sidebar.count(this.#room, answer);
    this.#mark(this.#list.querySelector(`#m${seq}`));
    return answer;
  }

  // Read on, or marked unread, at another of one's windows.
  #elsewhere(seq) {
    if (seq < this.#told) {
      this.#isHeld = true;
      this.#mark(this.#timeline.messages().find((node) => Number(node.dataset.seq) > seq));
    }
    this.#told = seq;
    this.#sidebar.look();
  }

  // Draws the line over the first message that is new.
  #mark(node) {
    if (!node || !this.#place) return;
    this.#place.keep(() => {
      for (const old of this.#list.querySelectorAll('.fresh')) old.remove();
      node.before(fresh());
      this.#timeline.arrange();
    });
  }

  #go() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.look();
  }
}
