// The sidebar in narrow windows: a drawer that its button opens, and that Escape, the backdrop and navigation close. While it is
// open, the rest of the page is inert. Without scripts it opens by its address.

const narrow = matchMedia('(width < 48rem)');

export class Drawer {
  #sidebar = document.querySelector('.sidebar');
  #skip = document.querySelector('.skip');
  #opener;

  constructor() {
    document.addEventListener('click', (event) => this.#pressed(event));
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.isOpen && !event.defaultPrevented && !document.querySelector('dialog[open]')) { event.preventDefault(); this.close(); }
      else if (event.key === ' ' && event.target.matches?.('.menu')) { event.preventDefault(); event.target.click(); }
    });
    narrow.addEventListener('change', () => this.close());
  }

  // Navigation closes the drawer.
  open(main) {
    if (this.isOpen) this.#turn(false);
    for (const menu of main.querySelectorAll('.menu')) {
      menu.role = 'button';
      menu.ariaExpanded = 'false';
      menu.setAttribute('aria-controls', 'rooms');
    }
  }

  get isOpen() { return this.#sidebar.classList.contains('is-open'); }

  close() {
    if (!this.isOpen) return;
    this.#turn(false);
    this.#opener?.focus({ preventScroll: true });
  }

  #pressed(event) {
    const menu = event.target.closest?.('.menu');
    if (menu && narrow.matches) {
      event.preventDefault();
      this.#opener = menu;
      this.#turn(true);
      (this.#sidebar.querySelector('[aria-current=page]') ?? this.#sidebar.querySelector('a, button')).focus({ preventScroll: true });
    } else if (this.isOpen && event.target.closest?.('.veil')) {
      event.preventDefault();
      this.close();
    }
  }

  #turn(isOpen) {
    this.#sidebar.classList.toggle('is-open', isOpen);
    for (const node of [document.querySelector('#content'), this.#skip]) if (node) node.inert = isOpen;
    if (this.#opener) this.#opener.ariaExpanded = String(isOpen);
  }
}
