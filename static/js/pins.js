// How many pins the room has, in its head.

export class Pins {
  #line; #main; #link; #asking = null;

  constructor(main, line) {
    this.#line = line;
    this.#main = main;
    this.#link = main.querySelector('.pins');
  }

  // Hears of a message before it is shown: what was pinned or let go changes the number, and the server knows it.
  heard(message) {
    const node = this.#main.querySelector(`#m${message.seq}`);
    if (node ? node.hasAttribute('data-pinned') === !!message.pinned : !message.pinned) return;
    clearTimeout(this.#asking);
    this.#asking = setTimeout(async () => {
      const answer = await this.#line.read('pins');
      if (answer.ok) this.#show(answer.count);
    }, 50);
  }

  #show(count) {
    // In a narrow window it stands in the room's menu.
    const too = this.#main.querySelector('.pins-too');
    if (too) {
      too.hidden = !count;
      too.lastElementChild.textContent = count;
    }
    this.#link.dataset.pins = count;
    this.#link.hidden = !count;
    this.#link.querySelector('[aria-hidden]:not(.icon)').textContent = count;
    this.#link.lastElementChild.textContent = `${count} pinned ${count === 1 ? 'message' : 'messages'}`;
  }
}
