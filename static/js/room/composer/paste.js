// Pasting: text is pasted as it is, a URL over a selection makes a link, and many lines can be formatted as code.
import { fenced, isCode, part, replace } from '#js/room/composer/text.js';

const MANY_LINES = 6;

export class Paste {
  #field; #offer;
  #pasted = null;

  constructor(field) {
    this.#field = field;
    this.#offer = part(field.form, 'paste');
    field.addEventListener('paste', (event) => this.#paste(event));
    // Further typing withdraws the offer.
    field.addEventListener('input', (event) => { if (event.inputType !== 'insertFromPaste') this.withdraw(); });
    this.#offer.querySelector('button').addEventListener('click', () => this.#fence());
  }

  withdraw() {
    this.#pasted = null;
    this.#offer.hidden = true;
  }

  #paste(event) {
    // Files were pasted.
    if (event.defaultPrevented) return;
    const text = event.clipboardData?.getData('text/plain').replaceAll('\r\n', '\n');
    const { selectionStart: from, selectionEnd: to, value } = this.#field;
    this.withdraw();
    if (!text || isCode(value, from)) return;
    const selected = value.slice(from, to);
    if (selected.trim() && !selected.includes('\n') && isAddress(text.trim())) {
      event.preventDefault();
      replace(this.#field, from, to, link(selected, text.trim()));
      return;
    }
    if (!isLikeCode(text)) return;
    // The browser pastes it; after that it can be wrapped.
    this.#pasted = { from, text };
    this.#offer.querySelector('.words').textContent = `${text.split('\n').length} lines pasted.`;
    queueMicrotask(() => { this.#offer.hidden = !this.#pasted; });
  }

  // Puts fences around the pasted text.
  #fence() {
    const { from, text } = this.#pasted ?? {};
    const { value } = this.#field;
    const isThere = text !== undefined && value.startsWith(text, from);
    this.withdraw();
    if (!isThere) return this.#field.focus();
    replace(this.#field, from, from + text.length, fenced(value, from, from + text.length));
  }
}

// A link whose text and address cannot break its syntax.
function link(words, address) {
  const encoded = address.replaceAll(/[()<>\\]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  // Escapes stay, and a lone backtick would begin code that ends after the link.
  const isOdd = (words.match(/`/g)?.length ?? 0) % 2 === 1;
  const escaped = words.replaceAll(/\\[^]|[[\]\\`]/g, (sign) => (sign.length > 1 || (sign === '`' && !isOdd) ? sign : `\\${sign}`));
  return `[${escaped}](${encoded})`;
}

function isAddress(text) {
  return /^https?:\/\/\S+$/i.test(text) && URL.canParse(text);
}

// Many lines, or a few that begin or end as code does.
function isLikeCode(text) {
  const lines = text.split('\n').filter((line) => line.trim());
  if (/^ {0,3}(```|~~~)/.test(text)) return false;
  const odd = lines.filter((line) => /^(\t| {2,})\S/.test(line) || /[;{}]\s*$/.test(line) || /^\s*<\/?\w/.test(line)).length;
  return lines.length >= MANY_LINES || (lines.length >= 2 && odd >= lines.length / 2);
}
