// How much room is left in a message, told before there is none.
import { count, part } from '#js/composer-text.js';

// From how many characters left on it is shown, and at which counts it is also said aloud.
const SHOWN_FROM = 500;
const SAID_AT = [500, 100, 0, -1];

export class Limit {
  #left; #said; #button; #max; #step = 0;

  constructor(form, max) {
    this.#left = part(form, 'left');
    this.#said = part(form, 'left-said');
    this.#button = form.querySelector('.button');
    this.#max = max;
  }

  // Measures a text; whether it is within the limit.
  measure(text) {
    // A text has at most as many characters as a script counts: most need no counting.
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
