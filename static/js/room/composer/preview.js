// A preview of a message, rendered by the server while the text changes.

import { part } from '#js/room/composer/text.js';

// How long after the last key, in milliseconds.
const PAUSE = 350;

export class Preview {
  #field; #channel; #button; #panel; #body; #timer; #turn = 0;

  constructor(field, channel) {
    this.#field = field;
    this.#channel = channel;
    this.#button = part(field.form, 'preview-button');
    this.#panel = part(field.form, 'preview');
    this.#body = this.#panel.querySelector('.body');
    this.#button.setAttribute('aria-controls', this.#panel.id);
    this.#set(!this.#panel.hidden);
    this.#button.addEventListener('click', (event) => {
      // The button submits the form only without scripts.
      event.preventDefault();
      this.#set(!this.isOpen);
      this.#field.focus();
    });
    field.addEventListener('input', () => {
      clearTimeout(this.#timer);
      if (this.isOpen) this.#timer = setTimeout(() => this.#look(), PAUSE);
    });
  }

  get isOpen() { return !this.#panel.hidden; }

  close() { this.#set(false); }

  #set(isOpen) {
    this.#panel.hidden = !isOpen;
    this.#button.setAttribute('aria-pressed', isOpen);
    if (isOpen) this.#look();
    else this.#body.replaceChildren();
  }

  async #look() {
    const body = this.#field.value;
    const turn = this.#turn += 1;
    if (!body.trim()) return this.#say('Nothing to preview yet');
    const answer = await this.#channel.ask('preview', { body });
    // Outdated by a later request, or closed.
    if (turn !== this.#turn || !this.isOpen) return;
    if (answer.ok) this.#body.innerHTML = answer.html; // Sanitized by the server, as every message is.
    else this.#say(answer.error.code === 'lost' ? 'Preview isn’t available offline.' : answer.error.message);
  }

  #say(text) {
    const line = document.createElement('p');
    line.className = 'preview-note';
    line.textContent = text;
    this.#body.replaceChildren(line);
  }
}
