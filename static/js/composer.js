// Writing: Enter sends, Shift+Enter begins a line; what is sent appears at once.

export class Composer {
  #text; #left = document.querySelector('#left'); #max; #outbox; #people;

  constructor(form, outbox, people, max) {
    this.#text = form.elements.body;
    this.#max = max;
    this.#outbox = outbox;
    this.#people = people;
    form.addEventListener('submit', (event) => { event.preventDefault(); this.#send(); });
    this.#text.addEventListener('keydown', (event) => {
      // Not while an input method is composing: there Enter chooses a word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener('input', () => { this.#people.typed(); this.#measure(); });
    if (matchMedia('(pointer: fine)').matches) this.#text.focus({ preventScroll: true });
  }

  #send() {
    const body = this.#text.value;
    if (!body.trim() || [...body].length > this.#max) return this.#text.focus();
    this.#outbox.add(body);
    this.#people.posted();
    this.#text.value = '';
    this.#measure();
    this.#text.focus();
  }

  // Tells the limit before it bites.
  #measure() {
    const left = this.#max - [...this.#text.value].length;
    this.#left.textContent = left < 500 ? `${left} characters left` : '';
  }
}
