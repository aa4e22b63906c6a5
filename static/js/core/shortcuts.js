// Keyboard shortcuts for the whole page. While typing, only those with Ctrl, ⌘ or Alt and Escape work; none during input method composition.
// Single letters can be turned off in the list of shortcuts.
import { nextRoom } from '#js/sidebar/room-order.js';
import { visit } from '#js/core/visit.js';

const SETTING = 'keys';
// How long `g` waits for the next key, in milliseconds.
const PATIENCE = 1_200;

const PLACES = { h: '/', r: '/rooms', m: '/mentions', s: '/search', d: '/direct', p: '/people' };

export class Shortcuts {
  #palette; #log;
  #list = document.querySelector('#all-keys');
  #switch = this.#list.querySelector('[name=single-keys]');
  #went = 0;

  constructor({ palette }) {
    this.#palette = palette;
    offer(this.#list);
    this.#list.addEventListener('click', (event) => { if (event.target === this.#list) this.#list.close(); });
    // In the capture phase: after `g` a letter is a destination.
    document.addEventListener('keydown', (event) => this.#place(event), true);
    document.addEventListener('keydown', (event) => this.#key(event));
  }

  // Navigation: the new page may have a log.
  open(main, log) {
    this.#log = log;
    offer(main);
  }

  show() {
    if (document.querySelector('dialog[open]')) return;
    this.#switch.checked = areSingle();
    this.#list.showModal();
  }

  #place(event) {
    const isNext = this.#went && Date.now() - this.#went < PATIENCE;
    this.#went = 0;
    const place = PLACES[letter(event)];
    if (!isNext || !isPlain(event) || isTyping(event.target) || !place) return;
    event.preventDefault();
    event.stopPropagation();
    visit(place);
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    const key = letter(event);
    if (key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey) return done(event, this.#palette.toggle());
    if (document.querySelector('dialog[open], :popover-open')) return;
    if (event.altKey && !event.ctrlKey && !event.metaKey && (key === 'ArrowUp' || key === 'ArrowDown')) {
      const room = nextRoom(key === 'ArrowDown' ? 1 : -1, { isUnread: event.shiftKey });
      if (room) done(event, visit(room));
      return;
    }
    if (key === 'Escape') return this.#escape(event);
    if (!isPlain(event) || isTyping(event.target)) return;
    if (key === 'End') return this.#message(event, key);
    if (areSingle()) this.#single(event, key);
  }

  #single(event, key) {
    switch (key) {
      case '?': return done(event, this.show());
      case 'g': this.#went = Date.now(); return done(event);
      case '/': return done(event, visit('/search'));
      case 'n': case 'b': {
        const room = nextRoom(key === 'n' ? 1 : -1);
        return room && done(event, visit(room));
      }
      case 'j': case 'k': case 'G': return this.#message(event, key);
    }
  }

  #message(event, key) {
    if (!this.#log) return;
    const moved = key === 'G' || key === 'End' ? this.#log.toEnd() : this.#log.move(key === 'j' ? 1 : -1);
    if (moved) event.preventDefault();
  }

  // Open dialogs close by themselves; otherwise Escape returns to the composer.
  #escape(event) {
    const composer = document.querySelector('#composer textarea');
    if (!composer || event.target === composer || document.querySelector('.sidebar.is-open')) return;
    if (isTyping(event.target) && !event.target.closest('.room')) return;
    done(event, composer.focus());
  }
}

// The switch for single letters in a list of shortcuts.
function offer(root) {
  for (const box of root.querySelectorAll('[name=single-keys]')) {
    box.checked = areSingle();
    box.closest('label').hidden = false;
    box.addEventListener('change', () => setSingle(box.checked));
  }
}

// The letter of a key; on non-Latin layouts (Russian, Greek, Hebrew, Arabic), the letter at its position.
export function letter({ key, code = '', shiftKey }) {
  if (key.length !== 1 || /^[\x20-\x7e\u00c0-\u024f]$/.test(key)) return key;
  if (code.startsWith('Key')) return shiftKey ? code.slice(3) : code.slice(3).toLowerCase();
  if (code === 'Slash') return shiftKey ? '?' : '/';
  return key;
}

const areSingle = () => { try { return localStorage.getItem(SETTING) !== 'off'; } catch { return true; } };
const setSingle = (on) => { try { if (on) localStorage.removeItem(SETTING); else localStorage.setItem(SETTING, 'off'); } catch { /* Then for this page only they stay as they were. */ } };
const isPlain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
const isTyping = (target) => target instanceof HTMLElement && (target.isContentEditable || target.matches('textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])'));
const done = (event) => event.preventDefault();
