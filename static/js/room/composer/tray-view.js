// The chosen files above the field: what each is, how much of it is uploaded, what went wrong. Files are reordered by dragging, or with
// Shift and the arrow keys; a press opens a file's description (`room/composer/tray-details.js`).
import { announce } from '#js/core/announce.js';
import { icon, createElement } from '#js/core/dom.js';
import { fetchJson } from '#js/core/fetch-json.js';
import { about, iconOf, size } from '#js/files/describe.js';

// The size of a small picture of a file, in pixels.
const FACE = 160;
// From which part of a person's share on they are told how much they have.
const NEARLY = 0.8;
// How far the pointer goes before a press is a drag, in pixels.
const SLACK = 6;

export class TrayView {
  #tray; #node; #items = new Map();
  #note = createElement('p', 'tray-note');

  constructor(tray, node, signal) {
    this.#tray = tray;
    this.#node = node;
    tray.addEventListener('change', () => this.#draw(), { signal });
    node.addEventListener('keydown', (event) => this.#key(event));
    node.addEventListener('pointerdown', (event) => this.#drag(event));
    this.#note.role = 'status';
    node.after(this.#note);
    this.#draw();
  }

  // Says how much room there is for files, before there is none.
  async remind() {
    const { used, quota } = (await fetchJson('/uploads')) ?? {};
    this.#note.textContent = quota && used > quota * NEARLY && this.#tray.uploads.length ? `Your files take ${size(used)} of ${size(quota)}.` : '';
  }

  #draw() {
    const { uploads } = this.#tray;
    const held = this.#node.contains(document.activeElement) ? document.activeElement : null;
    const at = held ? [...this.#node.children].findIndex((item) => item.contains(held)) : -1;
    for (const [upload, item] of this.#items) if (!uploads.includes(upload)) { item.end.abort(); item.node.remove(); this.#items.delete(upload); }
    for (const upload of uploads) if (!this.#items.has(upload)) this.#items.set(upload, this.#item(upload));
    const nodes = uploads.map((upload) => this.#items.get(upload).node);
    if (nodes.some((node, place) => this.#node.children[place] !== node)) this.#node.replaceChildren(...nodes);
    this.#node.hidden = !uploads.length;
    if (!uploads.length) this.#note.textContent = '';
    if (!held) return;
    // A file that was moved keeps the focus; after one that was removed its neighbor has it.
    if (held.isConnected) held.focus();
    else if (nodes.length) nodes[Math.min(at, nodes.length - 1)].querySelector('.tray-face').focus();
    else this.#node.closest('form').elements.body.focus();
  }

  #item(upload) {
    const end = new AbortController();
    const node = createElement('li', 'tray-item');
    const face = createElement('button', 'tray-face');
    face.type = 'button';
    face.setAttribute('aria-keyshortcuts', 'Shift+ArrowLeft Shift+ArrowRight Delete');
    face.addEventListener('click', () => this.#describe(upload, face));
    const sign = createElement('span', 'tray-sign');
    sign.append(icon(iconOf(upload.type)));
    const words = createElement('span', 'tray-words');
    const state = createElement('span', 'tray-state');
    const more = createElement('span', 'unseen');
    words.append(createElement('span', 'tray-name', upload.name), state, more);
    const alt = createElement('span', 'tray-alt', 'Alt');
    alt.ariaHidden = 'true';
    face.append(sign, words, alt);
    const bar = createElement('progress', 'tray-progress');
    bar.max = 1;
    const problem = createElement('p', 'tray-problem');
    problem.role = 'alert';
    const again = press('retry', `Retry ${upload.name}`, () => upload.retry());
    const remove = press('close', `Remove ${upload.name}`, () => { this.#tray.remove(upload); announce(`${upload.name} removed`); });
    node.append(face, bar, problem, again, remove);
    const draw = () => {
      const percent = `${Math.floor((100 * upload.sent) / (upload.bytes || 1))} %`;
      node.dataset.state = upload.state;
      bar.hidden = upload.state === 'done' || upload.state === 'failed';
      bar.value = upload.sent / (upload.bytes || 1);
      bar.ariaLabel = `Uploading ${upload.name}`;
      state.textContent = { sending: percent, paused: 'Waiting for the connection', failed: 'Not uploaded' }[upload.state] ?? about(upload);
      if (problem.textContent !== upload.problem) problem.textContent = upload.problem;
      problem.hidden = !upload.problem;
      again.hidden = upload.state !== 'failed' || !!upload.isFinal;
      alt.hidden = !upload.alt;
      const isPicture = node.classList.contains('tray-item--picture');
      more.textContent = [upload.state === 'done' && 'uploaded', isPicture && (upload.alt ? `description: ${upload.alt}` : 'no description')].filter(Boolean).join(', ');
      face.title = `${upload.name} · ${about(upload)}${isPicture ? '\nPress to describe it' : ''}`;
    };
    const told = () => {
      if (upload.state === 'done' && this.#tray.uploads.every(({ isOver }) => isOver)) announce(this.#tray.uploads.length === 1 ? `${upload.name} uploaded` : 'All files uploaded');
      draw();
    };
    upload.addEventListener('change', told, { signal: end.signal });
    upload.addEventListener('progress', draw, { signal: end.signal });
    draw();
    if (upload.type.startsWith('image/')) drawing(upload).then((picture) => {
      if (!picture) return;
      sign.replaceChildren(picture);
      node.classList.add('tray-item--picture');
      draw();
    });
    return { node, end, draw };
  }

  async #describe(upload, face) {
    const { TrayDetails } = await import('#js/room/composer/tray-details.js');
    new TrayDetails(upload, this.#tray, face, () => this.#items.get(upload)?.draw()).open(await drawing(upload));
  }

  #key(event) {
    const item = event.target.closest('.tray-item');
    const upload = this.#of(item);
    if (!upload || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#tray.uploads.indexOf(upload);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] * (getComputedStyle(item).direction === 'rtl' ? -1 : 1);
    if (step && event.shiftKey) this.#move(upload, at + step);
    else if (step) this.#node.children[at + step]?.querySelector('.tray-face').focus();
    else if (event.key === 'Delete' && event.target.matches('.tray-face')) { this.#tray.remove(upload); announce(`${upload.name} removed`); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #move(upload, to) {
    const place = this.#tray.move(upload, to);
    announce(`${upload.name}, ${place + 1} of ${this.#tray.uploads.length}`);
  }

  #of(item) { return [...this.#items].find(([, { node }]) => node === item)?.[0]; }

  // With a mouse or a pen. On touch screens a drag scrolls, and a file's details have buttons that move it.
  #drag(event) {
    const item = event.target.closest('.tray-item');
    const upload = this.#of(item);
    if (!upload || event.button || event.pointerType === 'touch' || event.target.closest('.tray-tool')) return;
    const end = new AbortController();
    const { signal } = end;
    let isDragged = false;
    addEventListener('pointermove', ({ clientX: x, clientY: y }) => {
      isDragged ||= Math.hypot(x - event.clientX, y - event.clientY) > SLACK;
      if (!isDragged) return;
      item.classList.add('is-dragged');
      const over = document.elementFromPoint(x, y)?.closest('.tray-item');
      if (!over || over === item || over.parentElement !== this.#node) return;
      this.#tray.move(upload, [...this.#node.children].indexOf(over));
    }, { signal });
    const drop = () => {
      end.abort();
      item.classList.remove('is-dragged');
      // The click that ends a drag opens nothing.
      if (isDragged) addEventListener('click', (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true, signal: AbortSignal.timeout(50) });
    };
    addEventListener('pointerup', drop, { signal });
    addEventListener('pointercancel', drop, { signal });
  }
}

function press(name, label, act) {
  const node = createElement('button', `tray-tool tray-${name}`);
  Object.assign(node, { type: 'button', ariaLabel: label, title: label });
  node.append(icon(name));
  node.addEventListener('click', act);
  return node;
}

// A small drawing of a picture; null if the browser cannot read it. A policy allows no addresses of files on this machine, so it is a canvas.
async function drawing({ file, type }) {
  if (!type.startsWith('image/') || type === 'image/svg+xml') return null;
  try {
    const picture = await createImageBitmap(file, { resizeHeight: FACE, resizeQuality: 'medium' });
    const canvas = createElement('canvas', '');
    Object.assign(canvas, { width: picture.width, height: picture.height });
    canvas.getContext('2d').drawImage(picture, 0, 0);
    picture.close();
    return canvas;
  } catch {
    return null;
  }
}
