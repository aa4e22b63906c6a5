// The buttons beside a field and their shortcuts: formatting and emoji. Their code is loaded on first use.
import { replace } from '#js/room/composer/text.js';
import { letter } from '#js/core/shortcuts.js';
import { pick } from '#js/emoji/open-picker.js';

// By key with Ctrl or ⌘; a capital means Shift.
const KEYS = { b: 'bold', i: 'italic', e: 'code', X: 'strike', E: 'block', U: 'link', 9: 'quote', 8: 'bullets', 7: 'numbers' };
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export class ComposerToolbar {
  #form; #field;

  constructor(form) {
    this.#form = form;
    this.#field = form.elements.body;
    const row = form.querySelector('.format');
    for (const press of row.querySelectorAll('[data-keys]')) {
      const keys = isMac ? press.dataset.keys.replace('Ctrl+', '⌘').replace('Shift+', '⇧') : press.dataset.keys;
      press.title = `${press.ariaLabel} (${keys})`;
    }
    // The field keeps its selection, and a phone's keyboard stays open.
    form.addEventListener('pointerdown', (event) => { if (event.target.closest('.format, .format-opener, .emoji-opener')) event.preventDefault(); });
    form.addEventListener('click', ({ target }) => {
      const press = target.closest('[data-format]');
      if (press) this.#format(press.dataset.format);
      else if (target.closest('.format-opener')) this.#turn(target.closest('.format-opener'), row);
      else if (target.closest('.emoji-opener')) this.#emoji(target.closest('.emoji-opener'));
    });
    row.addEventListener('keydown', (event) => this.#along(event, row));
  }

  // Handles a formatting shortcut, and returns whether it was one.
  takes(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.isComposing || event.target !== this.#field) return false;
    const digit = event.shiftKey && /^Digit([789])$/.exec(event.code ?? '')?.[1];
    const key = letter(event);
    const format = KEYS[digit || (event.shiftKey ? key.toUpperCase() : key.length === 1 && !/\d/.test(key) ? key.toLowerCase() : '')];
    if (!format) return false;
    event.preventDefault();
    event.stopPropagation();
    this.#format(format);
    return true;
  }

  async #format(name) {
    const { format } = await import('#js/room/composer/formatting.js');
    format(this.#field, name);
  }

  #turn(opener, row) {
    const isOpen = row.classList.toggle('is-open');
    opener.ariaExpanded = String(isOpen);
  }

  #emoji(opener) {
    const { selectionStart: from, selectionEnd: to } = this.#field;
    pick(opener, (emoji) => replace(this.#field, from, to, emoji), this.#field);
  }

  // One tab stop; arrow keys move inside.
  #along(event, row) {
    const all = [...row.querySelectorAll('button')];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = all.at(to % all.length);
    for (const press of all) press.tabIndex = press === next ? 0 : -1;
    next.focus();
  }
}
