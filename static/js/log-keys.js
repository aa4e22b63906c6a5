// Moving through a room's messages by keys: the focus walks from one to the next.
import { visit } from '#js/visit.js';

const MESSAGES = '#messages .message:not([data-nonce])';

export class LogKeys {
  #main; #log;

  constructor(main) {
    this.#main = main;
    this.#log = main.querySelector('#log');
  }

  // To the next message, or the one before; from nowhere, to the last that can be seen.
  move(step) {
    const all = [...document.querySelectorAll(MESSAGES)];
    if (!all.length) return false;
    const at = all.indexOf(document.activeElement?.closest?.('.message'));
    const to = at < 0 ? this.#lastSeen(all) : all[at + step];
    if (!to) return true;
    to.focus({ preventScroll: true });
    to.scrollIntoView({ block: 'nearest' });
    return true;
  }

  toEnd() {
    if (this.#main.dataset.latest !== 'true') { visit(`/rooms/${this.#main.dataset.room}`); return true; }
    this.#log.scrollTop = this.#log.scrollHeight;
    [...document.querySelectorAll(MESSAGES)].at(-1)?.focus({ preventScroll: true });
    return true;
  }

  #lastSeen(all) {
    const { bottom } = this.#log.getBoundingClientRect();
    return all.findLast((node) => node.getBoundingClientRect().bottom <= bottom + 1) ?? all.at(-1);
  }
}
