// The menu of all actions on a message: opened with the mouse, a long press or keys.
import { positionPopover } from '#js/core/popover-position.js';
import { icon, createElement } from '#js/core/dom.js';
import { used } from '#js/emoji/emoji.js';
import { usual } from '#js/emoji/open-picker.js';

// How long a long press takes, in milliseconds.
const REST = 450;
const narrow = matchMedia('(width < 40rem)');

export class ActionMenu {
  #actions; #menu; #node; #opener;

  constructor(actions, menu) {
    this.#actions = actions;
    this.#menu = menu;
    if (!('popover' in HTMLElement.prototype)) return; // Then the three dots stay a link to a page.
    actions.list.addEventListener('click', (event) => this.#pressed(event));
    actions.list.addEventListener('keydown', (event) => { if (event.key === ' ' && event.target.matches('.more')) this.#pressed(event); });
    this.#menu.addEventListener('keydown', (event) => this.#key(event));
    this.#menu.addEventListener('click', (event) => this.#chosen(event));
    this.#menu.addEventListener('toggle', ({ newState }) => { if (newState === 'closed') this.#closed(); });
    this.#rests();
  }

  // Marks the three dots as a menu button instead of a link.
  names(more) {
    if (!more || !('popover' in HTMLElement.prototype)) return;
    more.role = 'button';
    more.ariaHasPopup = 'menu';
    more.ariaExpanded = 'false';
  }

  // Opens the menu for a message, beside `opener`.
  open(node, opener = node) {
    this.#node = node;
    this.#opener = opener;
    this.names(node.querySelector('.more'));
    node.querySelector('.more').ariaExpanded = 'true';
    const offered = this.#actions.offered(node);
    const quick = narrow.matches && offered.some(({ name }) => name === 'react') ? [this.#quick(node)] : [];
    this.#menu.replaceChildren(...quick, ...offered.map((act) => {
      const item = createElement('button', act.isGrave ? 'act act--grave' : 'act');
      item.type = 'button';
      item.role = 'menuitem';
      item.tabIndex = -1;
      item.dataset.act = act.name;
      item.append(icon(act.name), createElement('span', '', act.text));
      if (act.key) item.append(Object.assign(createElement('kbd', '', act.key), { ariaHidden: 'true' }));
      return item;
    }));
    node.classList.add('message--acted');
    this.#menu.showPopover();
    positionPopover(this.#menu, opener);
    this.#items[0]?.focus();
  }

  get #items() { return [...this.#menu.querySelectorAll('[role=menuitem]')]; }

  // The usual emoji, at the top of the menu in narrow windows.
  #quick(node) {
    const row = createElement('div', 'quick');
    row.role = 'group';
    row.ariaLabel = 'React';
    row.append(...usual().map(({ emoji, name }) => {
      const face = createElement('button', 'face', emoji);
      face.type = 'button';
      face.role = 'menuitem';
      face.tabIndex = -1;
      face.dataset.emoji = emoji;
      face.ariaLabel = name;
      return face;
    }));
    return row;
  }

  #pressed(event) {
    const more = event.target.closest('.more');
    if (!more || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.open(more.closest('.message'), more);
  }

  #chosen(event) {
    const emoji = event.target.closest('.face')?.dataset.emoji;
    const act = event.target.closest('.act')?.dataset.act;
    if (!act && !emoji) return;
    const node = this.#node;
    this.#menu.hidePopover();
    if (emoji) { used(emoji); this.#actions.react(node, emoji); return; }
    this.#actions.do(act, node, node.querySelector('.acting') ?? node);
  }

  #key(event) {
    const items = this.#items;
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, ArrowRight: at + 1, ArrowLeft: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); items[to % items.length].focus(); return; }
    if (event.key === 'Tab') { event.preventDefault(); this.#menu.hidePopover(); }
    // A letter moves to the next entry that begins with it.
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
      const match = [...items.slice(at + 1), ...items].find((item) => item.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()));
      match?.focus();
      event.stopPropagation();
    }
  }

  #closed() {
    this.#node?.classList.remove('message--acted');
    this.names(this.#node?.querySelector('.more'));
    // Returns the focus, unless it has moved elsewhere already.
    if (!document.activeElement || document.activeElement === document.body || this.#menu.contains(document.activeElement)) this.#opener?.focus({ preventScroll: true });
  }

  // A long press opens the menu when the finger is lifted: the lift would dismiss a menu opened under it. A finger that moves
  // scrolls.
  #rests() {
    let timer;
    let from = null;
    const list = this.#actions.list;
    list.addEventListener('pointerdown', (event) => {
      const node = event.target.closest('.message:not([data-nonce])');
      if (event.pointerType !== 'touch' || !node || event.target.closest('a, button')) return;
      from = { x: event.clientX, y: event.clientY, node, hasRested: false };
      timer = setTimeout(() => { from.hasRested = true; node.classList.add('message--acted'); }, REST);
    });
    const stop = () => { clearTimeout(timer); from?.node.classList.remove('message--acted'); from = null; };
    list.addEventListener('pointermove', (event) => { if (from && Math.hypot(event.clientX - from.x, event.clientY - from.y) > 8) stop(); });
    for (const name of ['pointerup', 'pointercancel']) list.addEventListener(name, () => {
      const node = from?.hasRested && from.node;
      stop();
      if (node) setTimeout(() => { getSelection()?.removeAllRanges(); this.open(node, node.querySelector('.more')); });
    });
    list.addEventListener('contextmenu', (event) => { if (from && !event.target.closest('a')) event.preventDefault(); });
  }
}
