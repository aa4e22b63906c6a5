// The unread count in the tab: a number before the title, and a dot on the icon.

// The icon of `static/favicon.svg` with a dot: green for unread messages, brass for mentions.
const DOTS = { unread: '#8ff0c8', mine: '#f3b53a' };

export class Title {
  #name = document.title.replace(/^\(\d+\+?\) /, '');
  #icon = document.querySelector('link[rel=icon]');
  #plain = this.#icon?.href;
  #drawing;
  #unread = 0; #mentions = 0;

  // The page's title without the count.
  name(text) {
    this.#name = text;
    this.#show();
  }

  count({ unread, mentions }) {
    this.#unread = unread;
    this.#mentions = mentions;
    this.#show();
    this.#mark();
    // On the icon of the installed app: what is for this person counts, other messages are a dot.
    const badge = mentions ? navigator.setAppBadge?.(mentions) : unread ? navigator.setAppBadge?.() : navigator.clearAppBadge?.();
    badge?.catch(() => { /* The app is not installed. */ });
    // The count is also on the button that opens the list of rooms, where the list is hidden.
    const { dataset, style } = document.documentElement;
    dataset.waiting = mentions ? 'mine' : unread ? 'some' : 'none';
    style.setProperty('--waiting', `"${unread > 99 ? '99+' : unread}"`);
    style.setProperty('--waiting-said', `", ${unread} unread"`);
  }

  #show() {
    const count = this.#unread > 99 ? '(99+) ' : `(${this.#unread}) `;
    document.title = `${this.#unread ? count : ''}${this.#name}`;
  }

  async #mark() {
    if (!this.#icon) return;
    const dot = this.#mentions ? DOTS.mine : this.#unread ? DOTS.unread : null;
    this.#icon.dataset.dot = dot ? (this.#mentions ? 'mine' : 'unread') : '';
    if (!dot) { this.#icon.href = this.#plain; return; }
    // Drawn over the present icon, so that there is only one drawing to maintain.
    this.#drawing ??= fetch(this.#plain).then((answer) => answer.text()).catch(() => null);
    const drawing = await this.#drawing;
    if (!drawing || !this.#icon.dataset.dot) return;
    const [, , width = 32] = /viewBox="([^"]*)"/.exec(drawing)?.[1].split(/\s+/).map(Number) ?? [];
    const circle = `<circle cx="${width * 0.78}" cy="${width * 0.22}" r="${width * 0.2}" fill="${dot}" stroke="#143f31" stroke-width="${width * 0.06}"/></svg>`;
    this.#icon.href = `data:image/svg+xml,${encodeURIComponent(drawing.replace(/<\/svg>\s*$/, circle))}`;
  }
}
