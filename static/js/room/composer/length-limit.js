// How many characters are left in a message, shown before the limit is reached.
import { count, part } from '#js/room/composer/text.js';

// From how many characters left this is shown, and at which counts screen readers announce it.
const SHOWN_FROM = 500;
const SAID_AT = [500, 100, 0, -1];

export class LengthLimit {
  #left; #said; #button; #max; #step = 0;

  constructor(form, max) {
    this.#left = part(form, 'left');
    this.#said = part(form, 'left-said');
    this.#button = form.querySelector('.button');
    this.#max = max;
  }

  // Measures a text, and returns whether it is within the limit.
  measure(text) {
    // A text has at most as many characters as UTF-16 units: most texts need no counting.
    const left = this.#max - (text.length > this.#max - SHOWN_FROM ? count(text) : text.length);
    const isOver = left < 0;
    this.#left.textContent = left >= SHOWN_FROM ? '' : isOver ? `${-left} ${-left === 1 ? 'character' : 'characters'} too long` : `${left} left`;
    this.#left.classList.toggle('left--over', isOver);
    this.#button.disabled = isOver;
    this.#button.title = isOver ? `Messages can have up to ${this.#max} characters. Remove ${-left}.` : '';
    const step = SAID_AT.filter((at) => left <= at).length;
    if (step > this.#step || (step < this.#step && this.#step === SAID_AT.length)) {
      this.#said.textContent = isOver ? `The message is ${-left} ${-left === 1 ? 'character' : 'characters'} too long.` : `${left} characters left.`;
    } else if (!step) {
      this.#said.textContent = '';
    }
    this.#step = step;
    return !isOver;
  }
}
