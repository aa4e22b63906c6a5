// The ways in which files come into a room's composer: the buttons, pasting, and dropping them anywhere on the room.
import { icon, createElement } from '#js/core/dom.js';

export class Intake {
  #main; #take; #cover = null;

  // `take` gets a list of files.
  constructor(form, main, take, signal) {
    this.#main = main;
    this.#take = take;
    for (const [opener, field] of [['.attach', '#attach-files'], ['.camera', '#attach-camera']]) {
      const input = form.querySelector(field);
      form.querySelector(opener)?.addEventListener('click', () => input.click());
      input?.addEventListener('change', () => {
        const files = [...input.files];
        // The same file can be chosen again.
        input.value = '';
        if (files.length) take(files);
      });
    }
    // Before the field's own handler.
    form.elements.body.addEventListener('paste', (event) => this.#paste(event), { capture: true });
    // A file that is dropped anywhere else would replace the page.
    for (const name of ['dragover', 'drop']) addEventListener(name, (event) => this.#drag(event), { signal });
    addEventListener('dragleave', ({ relatedTarget }) => { if (!relatedTarget) this.#uncover(); }, { signal });
    signal.addEventListener('abort', () => this.#uncover());
  }

  // Programs copy a picture of a text along with it: the text is meant. File managers copy a file's name along with it.
  #paste(event) {
    const { files } = event.clipboardData ?? {};
    if (!files?.length) return;
    const lines = event.clipboardData.getData('text/plain').split(/\r?\n/).filter(Boolean);
    if (!lines.every((line) => [...files].some(({ name }) => line.endsWith(name)))) return;
    event.preventDefault();
    this.#take([...files].map(named));
  }

  #drag(event) {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    const isHere = this.#main.contains(event.target) && !document.querySelector('dialog[open]');
    event.dataTransfer.dropEffect = isHere ? 'copy' : 'none';
    if (event.type === 'dragover') {
      if (isHere) this.#show();
      else this.#uncover();
      return;
    }
    this.#uncover();
    if (!isHere) return;
    // A folder has no bytes.
    const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory;
    const items = [...event.dataTransfer.items].filter(({ kind }) => kind === 'file');
    const files = items.filter((item) => !isFolder(item)).map((item) => item.getAsFile()).filter(Boolean);
    this.#take(files, items.length > files.length ? 'Folders can’t be sent. Choose the files in them.' : '');
  }

  #show() {
    if (this.#cover) return;
    this.#cover = createElement('div', 'drop-here');
    const words = createElement('p', '', `Drop files to add them to your message in ${this.#main.dataset.name}`);
    words.prepend(icon('attach'));
    this.#cover.append(words);
    this.#main.append(this.#cover);
  }

  #uncover() {
    this.#cover?.remove();
    this.#cover = null;
  }
}

// Browsers call every pasted picture "image.png".
function named(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString();
  const name = `pasted-${now.slice(0, 10)}-${now.slice(11, 19).replaceAll(':', '')}.${file.name.split('.').pop()}`;
  return new File([file], name, { type: file.type, lastModified: file.lastModified });
}
