// The number of pinned messages, in the room's header.

export class PinCount {
  #channel; #link; #menuLink; #list; #asking = null;

  constructor({ link, menuLink, list }, channel) {
    this.#channel = channel;
    this.#link = link;
    this.#menuLink = menuLink;
    this.#list = list;
  }

  // Called before a message is shown: if its pin changed, asks the server for the count.
  heard(message) {
    const node = this.#list.querySelector(`#m${message.seq}`);
    if (node ? node.hasAttribute('data-pinned') === !!message.pinned : !message.pinned) return;
    clearTimeout(this.#asking);
    this.#asking = setTimeout(async () => {
      const answer = await this.#channel.read('pins');
      if (answer.ok) this.#show(answer.count);
    }, 50);
  }

  #show(count) {
    // In narrow windows the count is in the room's menu.
    if (this.#menuLink) {
      this.#menuLink.hidden = !count;
      this.#menuLink.lastElementChild.textContent = count;
    }
    this.#link.dataset.pins = count;
    this.#link.hidden = !count;
    this.#link.querySelector('[aria-hidden]:not(.icon)').textContent = count;
    this.#link.lastElementChild.textContent = `${count} pinned ${count === 1 ? 'message' : 'messages'}`;
  }
}
