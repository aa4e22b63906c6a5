// Moving through a room's log by keys. Tab comes to the log once and leaves it again, however much stands there: in it, arrows lead from
// one message, notice or day to the next. Enter goes into a message, to its buttons, and the arrow to the right to its links; Escape
// comes back out. Only keys do any of it: the order of what stands there stays as it is, for readers of the screen that have their own ways.
import { visit } from '#js/visit.js';

const WORDS = '.message, .notice:not([hidden])';
const ITEMS = `${WORDS}, .day > button, .turn > a`;
const CONTROLS = 'a[href], button:enabled, summary, pre, .body table';

export class LogKeys {
  #main; #log; #list; #end;
  // Where one was last, and whether the focus is only on its way through one of the edges.
  #at; #isLeaving = false; #isTab = false;

  constructor(main, signal) {
    this.#main = main;
    this.#log = main.querySelector('#log');
    this.#list = main.querySelector('#messages');
    this.#end = main.querySelector('.floats:not(.floats--top)');
    if (!this.#list) return;
    // The edges of the log are what Tab comes to, from either side; they pass the focus on.
    this.#log.tabIndex = -1;
    for (const edge of [this.#list, this.#end]) {
      edge.tabIndex = 0;
      edge.addEventListener('focus', () => { if (!this.#isLeaving && edge.matches(':focus-visible')) this.#enter(); });
    }
    this.#list.addEventListener('focusin', ({ target, relatedTarget }) => {
      this.#at = target.closest(ITEMS) ?? this.#at;
      // From nowhere, as after a click on a text, Tab comes into the middle of a message.
      if (this.#isTab && !relatedTarget && target !== this.#list) this.#at.focus({ preventScroll: true });
    });
    addEventListener('keydown', ({ key }) => { this.#isTab = key === 'Tab'; }, { capture: true, signal });
    this.#list.addEventListener('keydown', (event) => this.#key(event));
  }

  // To the next message, or the one before; from nowhere, to the last that can be seen.
  move(step, items = '.message') {
    if (!this.#list) return false;
    const all = [...this.#list.querySelectorAll(items)];
    if (!all.length) return false;
    const from = document.activeElement.closest?.(ITEMS);
    // What is next to something that is none of them is found by where it stands.
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

  // Inside of a message Tab leads through what is in it, back to it before the first, and out of the log behind the last.
  #tab(event, item, isInside) {
    const isBack = event.shiftKey;
    if (!item) { if (!isBack) done(event, this.#enter()); return; }
    const isMore = isInside && visible(item).some((node) => node !== event.target && (isBack ? isBefore(node, event.target) : isBefore(event.target, node)));
    if (isMore) return;
    if (isInside && isBack) { done(event, item.focus({ preventScroll: true })); return; }
    // From the edge the browser goes on by itself, to whatever comes next.
    this.#isLeaving = true;
    (isBack ? this.#list : this.#end).focus({ preventScroll: true });
    this.#isLeaving = false;
  }

  // To where one was, if that is still to be seen.
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

// What is in a message to be pressed, followed or scrolled, in order.
function visible(item, css = CONTROLS) {
  return [...item.querySelectorAll(css)].filter((node) => node.offsetParent && getComputedStyle(node).visibility === 'visible'
    && (!node.matches('pre, table') || node.scrollWidth > node.clientWidth));
}

const isBefore = (one, other) => !!(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
const done = (event) => event.preventDefault();
