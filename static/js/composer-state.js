// What the composer is doing besides writing something new: answering a message, or giving one other words.

export class State {
  #bar = document.querySelector('#composer-state');
  #button;
  #words = this.#bar.querySelector('.words');
  onCancel = () => {};
  // The message that is edited, or answered.
  editing = null;
  answering = null;

  constructor(button) {
    this.#button = button;
    this.#bar.querySelector('#escape').hidden = false;
    this.#bar.querySelector('a').addEventListener('click', (event) => { event.preventDefault(); this.onCancel(); });
  }

  edit(message) {
    this.editing = message;
    this.#show();
  }

  answer(message) {
    this.answering = message;
    this.#show();
  }

  #show() {
    const { editing, answering } = this;
    for (const old of document.querySelectorAll('.message--editing')) old.classList.remove('message--editing');
    const node = editing && document.getElementById(`m${editing.seq}`);
    node?.classList.add('message--editing');
    node?.scrollIntoView({ block: 'nearest' });
    this.#bar.hidden = !editing && !answering;
    this.#bar.classList.toggle('state--editing', !!editing);
    this.#button.textContent = editing ? 'Save' : 'Send';
    if (editing) this.#words.textContent = 'Editing message';
    else if (answering) {
      const name = document.createElement('strong');
      name.textContent = answering.name;
      this.#words.replaceChildren('Replying to ', name, answering.excerpt ? `: ${answering.excerpt}` : '');
    } else this.#words.textContent = '';
  }
}
