// Keyboard navigation in a room's log. The log is one tab stop. Inside it, up and down arrows move between messages, notices and days; Enter moves
// to the buttons of a message, the right arrow to its links, and Escape back to the message. The DOM order and roles stay as they are, for
// screen readers with their own navigation.
import { visit } from '#js/core/visit.js';

const WORDS = '.message, .notice:not([hidden])';
const ITEMS = `${WORDS}, .day > button, .turn > a`;
const CONTROLS = 'a[href], button:enabled, summary, pre, .body table, video, audio';

export class LogKeys {
  #main; #log; #list; #end;
  // The last focused item, and whether the focus only passes through one of the edges.
  #at; #isLeaving = false; #isTab = false;

  constructor(main, { log, list, end }, signal) {
    this.#main = main;
    this.#log = log;
    this.#list = list;
    this.#end = end;
    if (!list) return;
    // Tab reaches the edges of the log first, from either side; they pass the focus on.
    this.#log.tabIndex = -1;
    for (const edge of [this.#list, this.#end]) {
      edge.tabIndex = 0;
      edge.addEventListener('focus', () => { if (!this.#isLeaving && edge.matches(':focus-visible')) this.#enter(); });
    }
    this.#list.addEventListener('focusin', ({ target, relatedTarget }) => {
      this.#at = target.closest(ITEMS) ?? this.#at;
      // After a click on text, Tab would land in the middle of a message.
      if (this.#isTab && !relatedTarget && target !== this.#list) this.#at.focus({ preventScroll: true });
    });
    addEventListener('keydown', ({ key }) => { this.#isTab = key === 'Tab'; }, { capture: true, signal });
    this.#list.addEventListener('keydown', (event) => this.#key(event));
  }

  // Focuses the next or the previous message; without a focused one, the last visible one.
  move(step, items = '.message') {
    if (!this.#list) return false;
    const all = [...this.#list.querySelectorAll(items)];
    if (!all.length) return false;
    const from = document.activeElement.closest?.(ITEMS);
    // If the focused item is not in this list, its neighbor is found by DOM order.
    const at = all.indexOf(from);
    const to = !from || !this.#list.contains(from) ? this.#lastSeen(all)
      : at >= 0 ? all[at + step]
        : step > 0 ? all.find((node) => isBefore(from, node)) : all.findLast((node) => isBefore(node, from));
    if (to) this.#to(to);
    return true;
  }

  toEnd() {
    if (!this.#list) return false;
    if (this.#main.dataset.latest !== 'true') { visit(`/rooms/${this.#main.dataset.room}`); return true; }
    this.#log.scrollTop = this.#log.scrollHeight;
    [...this.#list.querySelectorAll('.message')].at(-1)?.focus({ preventScroll: true });
    return true;
  }

  #key(event) {
    const { target, key } = event;
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || target.matches('textarea, input, select')) return;
    // A player has its own.
    if (target.matches('video, audio') && key !== 'Tab' && key !== 'Escape') return;
    const item = target.closest(ITEMS);
    const isInside = !!item && item !== target;
    if (key === 'Tab') this.#tab(event, item, isInside);
    else if (!item || event.shiftKey) return;
    else if (key === 'ArrowDown' || key === 'ArrowUp') done(event, this.move(key === 'ArrowDown' ? 1 : -1, ITEMS));
    else if (key === 'Home' && !isInside) done(event, this.#to(this.#list.querySelector(WORDS)));
    else if (key === 'Enter' && !isInside && !target.matches('button, a')) done(event, (visible(item, '.acting :is(a, button)')[0] ?? visible(item)[0])?.focus());
    else if (key === 'Escape' && isInside) done(event, item.focus({ preventScroll: true }));
    else if ((key === 'ArrowRight' || key === 'ArrowLeft') && !target.matches('pre, table')) {
      const all = visible(item).filter((node) => !node.matches('pre, table'));
      const step = (key === 'ArrowRight') === (getComputedStyle(item).direction === 'ltr') ? 1 : -1;
      (all[all.indexOf(target) + step] ?? (step < 0 ? item : target)).focus({ preventScroll: true });
      event.preventDefault();
    }
  }

  // Inside a message, Tab moves through its controls; Shift+Tab before the first returns to the message, and Tab after the last leaves the log.
  #tab(event, item, isInside) {
    const isBack = event.shiftKey;
    if (!item) { if (!isBack) done(event, this.#enter()); return; }
    const isMore = isInside && visible(item).some((node) => node !== event.target && (isBack ? isBefore(node, event.target) : isBefore(event.target, node)));
    if (isMore) return;
    if (isInside && isBack) { done(event, item.focus({ preventScroll: true })); return; }
    // From the edge, the browser moves the focus on by itself.
    this.#isLeaving = true;
    (isBack ? this.#list : this.#end).focus({ preventScroll: true });
    this.#isLeaving = false;
  }

  // Focuses the last focused item if it is still visible.
  #enter() {
    const { top, bottom } = this.#log.getBoundingClientRect();
    const isSeen = (node) => { const box = node.getBoundingClientRect(); return box.bottom > top && box.top < bottom; };
    const all = [...this.#list.querySelectorAll(ITEMS)];
    const to = this.#at?.isConnected && isSeen(this.#at) ? this.#at : all.length && this.#lastSeen(all);
    if (to) this.#to(to);
  }

  #to(node) {
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: 'nearest' });
  }

  #lastSeen(all) {
    const { bottom } = this.#log.getBoundingClientRect();
    return all.findLast((node) => node.getBoundingClientRect().bottom <= bottom + 1) ?? all.at(-1);
  }
}

// The focusable controls and scrollable parts of a message, in order.
function visible(item, css = CONTROLS) {
  return [...item.querySelectorAll(css)].filter((node) => node.offsetParent && getComputedStyle(node).visibility === 'visible'
    && (!node.matches('pre, table') || node.scrollWidth > node.clientWidth));
}

const isBefore = (one, other) => !!(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
const done = (event) => event.preventDefault();
