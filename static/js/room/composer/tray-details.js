// A chosen file's details: the description of a picture, and its place in the order. Loaded on first use.
import { button, createElement } from '#js/core/dom.js';
import { about } from '#js/files/describe.js';

// The longest description, in characters.
const LONGEST = 500;

export class TrayDetails {
  #dialog = createElement('dialog', 'ask tray-details');
  #upload; #tray; #face; #changed;

  constructor(upload, tray, face, changed) {
    this.#upload = upload;
    this.#tray = tray;
    this.#face = face;
    this.#changed = changed;
  }

  open(picture) {
    const form = createElement('form', '');
    form.method = 'dialog';
    const title = createElement('h2', '', this.#upload.name);
    title.id = 'tray-details-title';
    this.#dialog.setAttribute('aria-labelledby', title.id);
    form.append(title);
    let field;
    if (picture) {
      field = createElement('textarea', '');
      Object.assign(field, { rows: 3, maxLength: LONGEST, value: this.#upload.alt, autofocus: true });
      const label = createElement('label', 'field', 'Description');
      label.append(field, createElement('small', '', 'What the picture shows, for people who can’t see it'));
      // Enter saves, as in the composer; Shift+Enter begins a line.
      field.addEventListener('keydown', (event) => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.#dialog.close('save'); } });
      form.append(picture, label);
    } else form.append(createElement('p', '', about(this.#upload)));
    const foot = createElement('div', 'row');
    if (this.#tray.uploads.length > 1) foot.append(this.#mover('Move earlier', -1), this.#mover('Move later', 1));
    const save = createElement('button', 'button', 'Done');
    save.value = 'save';
    foot.append(save);
    form.append(foot);
    this.#dialog.append(form);
    this.#dialog.addEventListener('close', () => {
      if (field && this.#dialog.returnValue === 'save') this.#upload.alt = field.value.trim().replaceAll(/\s+/g, ' ');
      this.#dialog.remove();
      this.#changed();
      this.#face.focus();
    });
    document.querySelector('main').append(this.#dialog);
    this.#dialog.showModal();
  }

  #mover(text, step) {
    const node = button(text, () => { this.#tray.move(this.#upload, this.#tray.uploads.indexOf(this.#upload) + step); look(); });
    const look = () => {
      const to = this.#tray.uploads.indexOf(this.#upload) + step;
      node.setAttribute('aria-disabled', to < 0 || to >= this.#tray.uploads.length);
    };
    this.#tray.addEventListener('change', look);
    look();
    return node;
  }
}
